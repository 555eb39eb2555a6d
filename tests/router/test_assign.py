from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from casefile.complaint import Complaint
from casefile.envelope import Channel, Envelope, RawRef
from casefile.errors import InputError
from policy.yaml import Document
from router.assign import Assignment, Facts, assign
from router.offices import Offices
from router.table import Rule, Table

SEEN = datetime(2026, 3, 2, 1, 2, 3, tzinfo=UTC)


def facts(text: str = "", channel: Channel = Channel.WEB, **more: str) -> Facts:
    return Facts.model_validate({"channel": channel, "text": text} | more)


@pytest.mark.parametrize(
    ("case", "office", "rule"),
    [
        (facts("在示例银行南湖支行排队两小时"), "nanhu", "branch-named"),
        (facts("xicheng branch was rude"), "xicheng", "branch-named"),
        (facts("排队太久", branch="南湖支行"), "nanhu", "branch-named"),
        (facts("排队太久", branch="nanhu"), "nanhu", "branch-named"),
        (facts("西城支行的人说的", branch="南湖支行"), "nanhu", "branch-named"),
        (facts("西城支行排队太久", branch="不清楚"), "xicheng", "branch-named"),
        (facts("被多扣了钱", product="信用卡"), "cards", "product"),
        (facts("ＣＲＥＤＩＴ ＣＡＲＤ charged twice at Nanhu Branch"), "cards", "card-words"),
        (facts("", subject="信用卡"), "cards", "card-words"),
        (facts("网点太少", region="南湖区"), "nanhu", "region"),
        (facts("南湖支行和西城支行互相推诿"), "desk", "a-person-decides"),
        (facts("你们的服务太差"), "desk", "a-person-decides"),
        (facts(""), "desk", "a-person-decides"),
        (facts("西城支行有人索贿"), "head", "misconduct"),
    ],
)
def test_the_example_table(table: Table, offices: Offices, case: Facts, office: str, rule: str) -> None:
    found = assign(case, table, offices)
    assert (found.office, found.rule) == (office, rule)


def test_reasons_name_the_value_that_matched(table: Table, offices: Offices) -> None:
    found = assign(facts("信用卡被盗刷"), table, offices)
    assert found.reasons == (
        "文中有“信用卡” / the text says '信用卡'",
        "规则指定“cards” / the rule names 'cards'",
    )
    assert [(miss.rule, miss.why) for miss in found.misses] == [
        (
            "misconduct",
            "文中没有“索贿, 受贿, 泄露客户信息, bribe, leaked my data” / "
            "the text has none of '索贿, 受贿, 泄露客户信息, bribe, leaked my data'",
        ),
        ("product", "未写明产品 / no product is given"),
    ]
    assert found.ladder == ("head",)


def test_misses_name_the_value_that_failed(table: Table, offices: Offices) -> None:
    found = assign(facts("南湖支行和西城支行", product="贷款", region="北山区"), table, offices)
    assert {miss.rule: miss.why for miss in found.misses if miss.rule != "misconduct"} == {
        "product": "产品“贷款”没有机构负责 / no office serves the product '贷款'",
        "card-words": "文中没有“信用卡, 盗刷, credit card” / the text has none of '信用卡, 盗刷, credit card'",
        "branch-named": "提到不止一个机构:“南湖支行, 西城支行” / more than one office is named: '南湖支行, 西城支行'",
        "region": "地区“北山区”没有机构负责 / no office serves the region '北山区'",
    }


def test_all_failed_conditions_of_a_rule_are_told(offices: Offices) -> None:
    table = rules(offices, "{id: r, when: {channel: [sms, hotline], product: [loan, 贷款]}, office: cards}")
    (miss,) = assign(facts("x", product="card"), table, offices).misses
    assert miss.why == (
        "渠道为“web”,不是“sms, hotline” / the channel is 'web', not 'sms, hotline'; "
        "产品为“card”,不是“loan, 贷款” / the product is 'card', not 'loan, 贷款'"
    )


def test_all_conditions_must_hold(offices: Offices) -> None:
    table = rules(offices, "{id: r, when: {channel: web, branch: 南湖支行}, office: nanhu}")
    assert assign(facts(branch="南湖支行"), table, offices).rule == "r"
    assert assign(facts(branch="南湖支行", channel=Channel.SMS), table, offices).rule == "a-person-decides"


def test_an_office_whose_people_are_named_steps_aside(table: Table, offices: Offices) -> None:
    found = assign(facts("南湖支行的王芳态度恶劣"), table, offices)
    assert found.office == "head"
    assert [(r.office, r.why) for r in found.recused] == [("nanhu", "文中提到其人员“王芳” / the text names its '王芳'")]
    assert found.reasons[-1] == "由“head”接替回避的机构 / 'head' takes over from those who step aside"
    assert found.ladder == ()


def test_the_people_of_other_offices_do_not_matter(table: Table, offices: Offices) -> None:
    assert assign(facts("西城支行说找王芳"), table, offices).office == "xicheng"


def test_a_rule_may_leave_the_people_to_their_office(offices: Offices) -> None:
    table = rules(offices, "{id: r, when: {keywords: 表扬}, office: nanhu, recuse: {people: false}}")
    assert assign(facts("表扬王芳"), table, offices).office == "nanhu"


def test_when_the_whole_ladder_steps_aside_the_desk_takes_over() -> None:
    offices = three("people: [王芳]", "people: [王芳]", "")
    found = assign(facts("王芳"), rules(offices, "{id: r, when: {keywords: 王芳}, office: nanhu}"), offices)
    assert found.office == "desk"
    assert [r.office for r in found.recused] == ["nanhu", "head"]


def test_when_all_must_step_aside_the_highest_is_left_and_the_record_says_so() -> None:
    offices = three("people: [王芳]", "people: [王芳]", "people: [王芳]")
    found = assign(facts("王芳"), rules(offices, "{id: r, when: {keywords: 王芳}, office: nanhu}"), offices)
    assert found.office == "head"
    assert [r.office for r in found.recused] == ["nanhu", "head", "desk"]
    assert "all must step aside" in found.reasons[-1]


def test_the_desk_steps_aside_too() -> None:
    offices = three("", "", "people: [王芳], parent: head")
    found = assign(facts("王芳"), rules(offices), offices)
    assert (found.office, found.rule) == ("head", "a-person-decides")


def test_the_json_form_is_what_the_command_prints(table: Table, offices: Offices) -> None:
    printed = assign(facts("王芳", branch="nanhu"), table, offices).model_dump(mode="json")
    assert list(printed) == ["office", "rule", "reasons", "misses", "recused", "ladder"]
    assert isinstance(printed["misses"], list)
    assert Assignment.model_validate(printed) == assign(facts("王芳", branch="nanhu"), table, offices)


def test_facts_from_a_complaint_and_from_its_json() -> None:
    complaint = Complaint(
        id="1", number="HY-2026-000001", channel=Channel.WEB, received_at=SEEN, text="排队", branch="南湖支行"
    )
    expected = Facts(channel=Channel.WEB, text="排队", branch="南湖支行")
    assert Facts.of(complaint) == expected
    assert Facts.from_json(complaint.model_dump(mode="json")) == expected


def test_facts_from_an_envelope() -> None:
    envelope = Envelope(
        channel=Channel.HOTLINE,
        subject="投诉",
        full_text="整段通话",
        fields={"product": "信用卡", "region": "南湖区"},
        raw=RawRef(sha256="0" * 64, size=1),
    )
    assert Facts.from_json(envelope.model_dump(mode="json")) == Facts(
        channel=Channel.HOTLINE, subject="投诉", text="整段通话", product="信用卡", region="南湖区"
    )


def test_what_is_neither_is_refused() -> None:
    with pytest.raises(InputError) as caught:
        Facts.from_json({"channel": "fax", "text": 3})
    assert str(caught.value) == (
        "neither a complaint nor an envelope (channel: Input should be 'email', 'sms', 'hotline' or 'web'; "
        "text: Input should be a valid string). Give a complaint, or a line that `huiyin normalize` prints"
    )
    assert set(caught.value.fields) == {"channel", "text"}


WORDS = [
    "南湖支行",
    "西城支行",
    "信用卡",
    "索贿",
    "王芳",
    "Wang Fang",
    "总行",
    "盗刷",
    "bribe",
    "nanhu",
    "排队",
    "\n",
    "ａ",
]
texts = st.lists(st.sampled_from(WORDS) | st.text(max_size=5)).map("".join)
optional = (
    st.none()
    | st.sampled_from(["信用卡", "南湖支行", "nanhu", "desk", "南湖区", "loan", "", " "])
    | st.text(max_size=5)
)
cases = st.builds(
    Facts,
    channel=st.sampled_from(Channel),
    subject=texts,
    text=texts,
    product=optional,
    branch=optional,
    region=optional,
)


@given(case=cases)
def test_there_is_always_an_office_with_an_address(table: Table, offices: Offices, case: Facts) -> None:
    found = assign(case, table, offices)
    office = offices.get(found.office)
    assert office
    assert office.email
    assert found.reasons


@given(case=cases)
def test_the_first_rule_that_matches_wins(table: Table, offices: Offices, case: Facts) -> None:
    """Every rule above the one that decided is a miss, in the order of the table, and each is one on its own too."""
    found = assign(case, table, offices)
    above = table.rules[: len(found.misses)]
    assert [miss.rule for miss in found.misses] == [rule.id for rule in above]
    assert table.rules[len(found.misses)].id == found.rule
    for rule in above:
        assert assign(case, alone(rule, table), offices).rule == "a-person-decides"


@given(case=cases)
def test_the_office_of_somebody_named_never_gets_the_case(table: Table, offices: Offices, case: Facts) -> None:
    found = assign(case, table, offices)
    if "王芳" in case.words:
        assert found.office != "nanhu"
    assert found.office not in [r.office for r in found.recused]


def alone(rule: Rule, table: Table) -> Table:
    return Table(rules=(rule, table.rules[-1]))


def rules(offices: Offices, first: str = "") -> Table:
    lines = [f"  - {first}\n" if first else "", "  - {id: a-person-decides, when: always, office: desk}\n"]
    return Table.read(Document("rules.yaml", "rules:\n" + "".join(lines)), offices)


def three(nanhu: str, head: str, desk: str) -> Offices:
    def entry(office: str, *parts: str) -> str:
        fixed = (f"id: {office}", f"names: {{zh: {office}, en: {office}}}", f"email: {office}@bank.example")
        return "  - {" + ", ".join([*fixed, *(part for part in parts if part)]) + "}\n"

    text = entry("nanhu", "parent: head", nanhu) + entry("head", head) + entry("desk", "desk: true", desk)
    return Offices.read(Document("offices.yaml", "offices:\n" + text))
