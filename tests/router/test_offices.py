import pytest

from casefile.errors import ConfigError
from policy.yaml import Document
from router.offices import Offices
from router.words import fold

TREE = """\
offices:
  - id: head
    names: {zh: 总行, en: Head Office}
  - id: desk
    names: {zh: 投诉处理中心, en: Complaint Desk}
    parent: head
    email: desk@bank.example
    desk: true
  - id: nanhu
    names: {zh: 南湖支行, en: Nanhu Branch}
    parent: head
    email: nanhu@bank.example
    regions: [南湖区]
"""


def refused(old: str, new: str) -> str:
    assert old in TREE
    with pytest.raises(ConfigError) as caught:
        Offices.read(Document("offices.yaml", TREE.replace(old, new)))
    return str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "parent: head\n    email: nanhu",
            "parent: haed\n    email: nanhu",
            "offices.yaml:11 offices[2].parent: unknown parent 'haed' of office 'nanhu'. Did you mean 'head'? "
            "Known here: desk, head, nanhu",
        ),
        (
            "names: {zh: 总行, en: Head Office}",
            "names: {zh: 总行, en: Head Office}\n    parent: nanhu",
            "offices.yaml:4 offices[0].parent: office 'head' stands above itself. Break the circle of parents",
        ),
        (
            "id: nanhu",
            "id: head",
            "offices.yaml:9 offices[2].id: two offices have the id 'head'. Give one of them another id",
        ),
        (
            "en: Nanhu Branch",
            "en: COMPLAINT desk",
            "offices.yaml:10 offices[2].names: 'COMPLAINT desk' names both 'desk' and 'nanhu'. "
            "Give each office a name of its own",
        ),
        (
            "    email: nanhu@bank.example\n",
            "",
            "offices.yaml:9 offices[2]: office 'nanhu' has regions, so complaints go there, but it has no email. "
            "Add email: ...",
        ),
        (
            "    email: desk@bank.example\n",
            "",
            "offices.yaml:4 offices[1]: office 'desk' is the desk, so complaints go there, but it has no email. "
            "Add email: ...",
        ),
        (
            "    desk: true\n",
            "",
            "offices.yaml:1 offices: no office is the desk. Add desk: true to the office where a person decides",
        ),
        (
            "regions: [南湖区]",
            "desk: true",
            "offices.yaml:13 offices[2].desk: 'desk' is the desk already. Keep desk: true on one office only",
        ),
        (
            "names: {zh: 总行, en: Head Office}",
            "names: {zh: 总行}",
            "offices.yaml:3 offices[0].names.en: missing. Add it",
        ),
        (
            "regions: [南湖区]",
            "region: [南湖区]",
            "offices.yaml:13 offices[2].region: unknown key. Did you mean 'regions'? Known here: aliases, desk, "
            "email, id, language, level, names, parent, people, phone, products, regions, substitutes",
        ),
        (
            "nanhu@bank.example",
            "nanhu at bank",
            "offices.yaml:12 offices[2].email: 'nanhu at bank' has the wrong form. It must match ^[^@\\s]+@[^@\\s]+$",
        ),
    ],
)
def test_what_is_wrong_is_named(old: str, new: str, message: str) -> None:
    assert refused(old, new) == message


def test_the_id_desk_is_kept_for_the_desk() -> None:
    text = TREE.replace("    desk: true\n", "").replace("regions: [南湖区]", "desk: true")
    with pytest.raises(ConfigError, match="the id 'desk' belongs to the desk"):
        Offices.read(Document("offices.yaml", text))


def test_an_office_that_only_groups_needs_no_address() -> None:
    offices = Offices.read(Document("offices.yaml", TREE))
    assert [office.id for office in offices] == ["head", "desk", "nanhu"]
    assert offices.named_in(fold("总行")) == ()


def test_the_tree_is_walked_both_ways(offices: Offices) -> None:
    head, nanhu = offices.get("head"), offices.get("nanhu")
    assert head
    assert nanhu
    assert [o.id for o in offices.children(head)] == ["desk", "cards", "nanhu", "xicheng"]
    assert offices.ladder(nanhu) == (head,)
    assert offices.ladder(head) == ()
    assert offices.get("desk") is offices.desk
    assert offices.get("nowhere") is None


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("我在南湖支行排队", ["nanhu"]),
        ("the NANHU branch", ["nanhu"]),
        ("南湖营业部", ["nanhu"]),
        ("南湖支行和西城支行", ["nanhu", "xicheng"]),
        ("总行说南湖支行会处理", ["nanhu"]),  # the head office stands above it
        ("总行", ["head"]),
        ("南湖公园", []),
    ],
)
def test_offices_named_in_a_text(offices: Offices, text: str, named: list[str]) -> None:
    assert [n.office.id for n in offices.named_in(fold(text))] == named


def test_the_longer_name_wins_where_names_overlap() -> None:
    text = TREE + "  - id: dongnanhu\n    names: {zh: 东南湖支行, en: East Branch}\n    email: east@bank.example\n"
    offices = Offices.read(Document("offices.yaml", text))
    assert [n.office.id for n in offices.named_in(fold("东南湖支行"))] == ["dongnanhu"]
    assert [n.office.id for n in offices.named_in(fold("东南湖支行,不是南湖支行"))] == ["dongnanhu", "nanhu"]


def test_of_two_that_serve_a_region_the_lower_one_is_meant() -> None:
    text = TREE.replace(
        "names: {zh: 总行, en: Head Office}",
        "names: {zh: 总行, en: Head Office}\n    email: head@bank.example\n    regions: [南湖区]",
    )
    assert [o.id for o in Offices.read(Document("offices.yaml", text)).serving_region("南湖区 ")] == ["nanhu"]
