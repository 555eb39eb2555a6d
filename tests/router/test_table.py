import pytest

from casefile.errors import ConfigError
from policy.yaml import Document
from router.offices import Offices
from router.table import Table

RULES = """\
rules:
  - id: cards
    when: {keywords: 信用卡, channel: [web, email]}
    office: cards
  - id: branch
    when: always
    office: {branch_named: true}
  - id: a-person-decides
    when: always
    office: desk
"""
LAST = "  - id: a-person-decides\n    when: always\n    office: desk\n"
ADD_LAST = "End the list with: - {id: a-person-decides, when: always, office: desk}"


def read(offices: Offices, old: str = "", new: str = "") -> Table:
    assert old in RULES
    return Table.read(Document("rules.yaml", RULES.replace(old, new)), offices)


def test_one_word_or_several(offices: Offices) -> None:
    first = read(offices).rules[0]
    assert first.when.keywords == ("信用卡",)
    assert [str(channel) for channel in first.when.channel or ()] == ["web", "email"]
    assert first.recuse.people


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (LAST, "", f"rules.yaml:5 rules[1]: the last rule is not 'a-person-decides'. {ADD_LAST}"),
        (
            "office: desk",
            "office: nanhu",
            f"rules.yaml:8 rules[2]: the last rule is not 'a-person-decides'. {ADD_LAST}",
        ),
        (
            "    when: always\n    office: desk",
            "    when: {channel: web}\n    office: desk",
            f"rules.yaml:8 rules[2]: the last rule is not 'a-person-decides'. {ADD_LAST}",
        ),
        (
            "when: {keywords: 信用卡, channel: [web, email]}",
            "when: always",
            "rules.yaml:5 rules[1]: rule 'branch' is never reached: 'cards' above it takes everything. "
            "Give 'cards' a condition, or remove it and let the desk take the rest",
        ),
        (
            "office: cards",
            "office: card",
            "rules.yaml:4 rules[0].office: unknown office 'card'. Did you mean 'cards'? "
            "Known here: cards, desk, head, nanhu, xicheng",
        ),
        ("id: branch", "id: cards", "rules.yaml:5 rules[1].id: two rules are called 'cards'. Rename one of them"),
        (
            "keywords: 信用卡",
            "keyword: 信用卡",
            "rules.yaml:3 rules[0].when.keyword: unknown key. Did you mean 'keywords'? "
            "Known here: branch, channel, keywords, product, region",
        ),
        (
            "[web, email]",
            "[web, mail]",
            "rules.yaml:3 rules[0].when.channel[1]: unknown value 'mail'. Did you mean 'email'? "
            "Known here: email, hotline, sms, web",
        ),
        ("[web, email]", "[]", "rules.yaml:3 rules[0].when.channel: empty. Add at least one entry"),
        (
            "when: {keywords: 信用卡, channel: [web, email]}",
            "when: {}",
            "rules.yaml:3 rules[0].when: states no condition. Write when: always, or when: {keywords: [...]}",
        ),
        (
            "when: {keywords: 信用卡, channel: [web, email]}",
            "when: [信用卡]",
            "rules.yaml:3 rules[0].when: states no condition. Write when: always, or when: {keywords: [...]}",
        ),
        (
            "{branch_named: true}",
            "{branch_name: true}",
            "rules.yaml:7 rules[1].office.branch_name: unknown key. Did you mean 'branch_named'? "
            "Known here: branch_named, by_product, by_region, id",
        ),
        (
            "{branch_named: true}",
            "{branch_named: true, by_region: true}",
            "rules.yaml:7 rules[1].office: an office is found in one way. Write an office id, or {branch_named: true}",
        ),
        (
            "{branch_named: true}",
            "{branch_named: false}",
            "rules.yaml:7 rules[1].office.branch_named: unknown value False. Known here: True",
        ),
        (
            "office: cards",
            "office: cards\n    recuse: {persons: true}",
            "rules.yaml:5 rules[0].recuse.persons: unknown key. Known here: branch, people",
        ),
    ],
)
def test_what_is_wrong_is_named(offices: Offices, old: str, new: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(offices, old, new)
    assert str(caught.value) == message


def test_no_rules_at_all(offices: Offices) -> None:
    with pytest.raises(ConfigError, match=r"rules\.yaml:1 rules: the last rule is not 'a-person-decides'"):
        Table.read(Document("rules.yaml", "rules: []\n"), offices)


def test_an_office_without_an_address_cannot_be_a_target() -> None:
    tree = (
        "offices:\n  - {id: head, names: {zh: 总行, en: Head}}\n"
        "  - {id: desk, names: {zh: 中心, en: Desk}, email: d@bank.example, desk: true}\n"
    )
    offices = Offices.read(Document("offices.yaml", tree))
    with pytest.raises(ConfigError, match=r"office 'head' has no email\. Add one in offices\.yaml"):
        read(offices, "office: cards", "office: head")
