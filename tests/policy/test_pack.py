from pathlib import Path

import pytest

from casefile.errors import ConfigError
from policy.pack import builtin_packs, load_pack
from policy.vocabulary import Basis, CaseEvent

PACK = """\
huiyin_policy: 1
id: test
version: "2"
title: {zh: 测试办法, en: Test procedure}
layer: internal_rule
source: {text: written for a test, status: retrieved}
timezone: Asia/Shanghai
counting: cn_civil_code
calendars: {wd: cn_workdays}
articles:
  "5": {zh: 应当答复。, en: There is an answer.}
roles:
  complainant: {kind: case_party, zh: 投诉人, en: complainant}
  desk: {kind: unit, zh: 投诉处理中心, en: complaint desk}
classify:
  flags:
    major: {set_by: desk, cite: "5"}
duties:
  - id: decision
    does: reply
    what: decision
    after: received
    within: 7wd
    by: desk
    to: [complainant]
    if: channel in [web, email] and not major
    cite: "5(1),5"
    basis: text
    done_on: replied
    urgency: deadline
"""


def refused(tmp_path: Path, old: str, new: str) -> str:
    assert old in PACK
    file = tmp_path / "test.yaml"
    file.write_text(PACK.replace(old, new), encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_pack(file)
    return str(caught.value).removeprefix(f"{tmp_path}/")


def test_a_pack_that_is_right_is_read(tmp_path: Path) -> None:
    file = tmp_path / "test.yaml"
    file.write_text(PACK, encoding="utf-8")
    pack = load_pack(file)
    assert pack.ref == "test@2"
    assert pack.zone.key == "Asia/Shanghai"
    assert pack.duties[0].done_on is CaseEvent.REPLIED
    assert pack.duties[0].active


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('    cite: "5(1),5"\n', "", "test.yaml:19 duties[0].cite: missing. Add it"),
        ("    basis: text\n", "", "test.yaml:19 duties[0].basis: missing. Add it"),
        (
            "done_on: replied",
            "done_on: answered",
            "test.yaml:29 duties[0].done_on: unknown value 'answered'. Did you mean 'transferred'? "
            "Known here: accepted, closed, progress, received, reopened, replied, transferred",
        ),
        (
            "    done_on: replied\n",
            "",
            "test.yaml:19 duties[0]: nothing would ever end duty 'decision'. "
            "Add done_on: EVENT, or send: at_once or when_due if the hub sends it",
        ),
        (
            "done_on: replied",
            "done_on: replied\n    cancel_on: [close]",
            "test.yaml:30 duties[0].cancel_on[0]: unknown value 'close'. Did you mean 'closed'? "
            "Known here: accepted, closed, progress, received, reopened, replied, transferred",
        ),
        (
            "does: reply",
            "does: answer",
            "test.yaml:20 duties[0].does: unknown value 'answer'. "
            "Known here: acknowledge, notify, order, remind, reply, revisit",
        ),
        (
            "what: decision",
            "what: decison",
            "test.yaml:21 duties[0].what: unknown value 'decison'. Did you mean 'decision'? "
            "Known here: addition, decision, order, progress, receipt, reminder, revisit",
        ),
        (
            "to: [complainant]",
            "to: [complainent]",
            "test.yaml:25 duties[0].to: unknown role 'complainent'. Did you mean 'complainant'? "
            "Known here: complainant, desk",
        ),
        ("to: [complainant]", "to: []", "test.yaml:25 duties[0].to: empty. Add at least one entry"),
        ("to: [complainant]", "to: complainant", "test.yaml:25 duties[0].to: not a list. Write a list: [one, two]"),
        (
            "by: desk\n",
            "by: branch\n",
            "test.yaml:24 duties[0].by: unknown role 'branch'. Known here: complainant, desk",
        ),
        (
            "within: 7wd",
            "within: 7days",
            "test.yaml:23 duties[0].within: '7days' is not a length of time. "
            "Write one of 15min, 24h, 3wd, 15cd, 8wk, 3mo, 1y, same_day, next_day",
        ),
        (
            "within: 7wd",
            "within: promptly",
            "test.yaml:23 duties[0].within: 'promptly' states no time. "
            "Add the house's own target: {target: 15min, within: promptly}",
        ),
        (
            '"5(1),5"',
            '"5(1),6"',
            "test.yaml:27 duties[0].cite: no article '6' in this pack. Known here: 5",
        ),
        (
            '"5(1),5"',
            '""',
            "test.yaml:27 duties[0].cite: duty 'decision' cites no article. Write the number of the article",
        ),
        (
            '"5(1),5"',
            "5",
            "test.yaml:27 duties[0].cite: not a text. Put it in quotes if it is meant as text",
        ),
        (
            "not major",
            "not mayor",
            "test.yaml:26 duties[0].if: unknown word 'mayor'. Did you mean 'major'? "
            "Known here: accepted, closed, major, progress, received, reopened, replied, transferred",
        ),
        (
            "[web, email]",
            "[web, fax]",
            "test.yaml:26 duties[0].if: unknown word 'fax'. Known here: email, hotline, sms, web",
        ),
        (
            "not major",
            "not 5",
            "test.yaml:26 duties[0].if: condition 'channel in [web, email] and not 5': expected a name before '5'. "
            "Write for example: not replied, channel == web, channel in [web, email] and major",
        ),
        (
            "calendars: {wd: cn_workdays}",
            "calendars: {wd: cn_workday}",
            "test.yaml:9 calendars.wd: 'cn_workday': no such calendar. "
            "Write cn_workdays, or another ISO 3166 code such as gb_workdays or gb_eng_workdays",
        ),
        (
            "timezone: Asia/Shanghai",
            "timezone: Asia/Shangai",
            "test.yaml:7 timezone: unknown time zone 'Asia/Shangai'. Write an IANA name such as Asia/Shanghai",
        ),
        (
            "counting: cn_civil_code",
            "counting: plain",
            "test.yaml:8 counting: unknown value 'plain'. Known here: cn_civil_code",
        ),
        (
            "  desk: {kind: unit",
            "  clerk: {kind: unit",
            "test.yaml:14 roles.clerk: a role that resolves to nobody. Known here: complainant, desk, handling_unit",
        ),
        (
            "desk: {kind: unit",
            "desk: {kind: case_party",
            "test.yaml:14 roles.desk.kind: desk is not a case_party. Write unit",
        ),
        (
            "major: {set_by: desk",
            "major: {set_by: clerk",
            "test.yaml:17 classify.flags.major.set_by: unknown role 'clerk'. Known here: complainant, desk",
        ),
        (
            "urgency: deadline",
            "urgency: deadline\n    until: never",
            "test.yaml:31 duties[0].until: unknown key. "
            "Known here: after, basis, by, cancel_on, cite, does, done_on, id, if, send, to, urgency, what, within",
        ),
        (
            "huiyin_policy: 1",
            "huiyin_policy: 2",
            "test.yaml:1 huiyin_policy: unknown value 2. Known here: 1",
        ),
        (
            "layer: internal_rule",
            "layer: internal",
            "test.yaml:5 layer: unknown value 'internal'. Did you mean 'internal_rule'? "
            "Known here: commitment, internal_rule, law, regulation, standard",
        ),
    ],
)
def test_lint(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert refused(tmp_path, old, new) == message


def test_two_duties_of_one_id(tmp_path: Path) -> None:
    duty = PACK[PACK.index("  - id: decision") :]
    assert refused(tmp_path, duty, duty + duty) == (
        "test.yaml:31 duties[1].id: two duties are called 'decision'. Rename one of them"
    )


def test_what_is_only_remembered_is_off(tmp_path: Path) -> None:
    file = tmp_path / "test.yaml"
    file.write_text(PACK.replace("basis: text", "basis: memory"), encoding="utf-8")
    duty = load_pack(file).duties[0]
    assert duty.basis is Basis.MEMORY
    assert not duty.active


def test_the_built_in_packs_pass_their_own_lint() -> None:
    packs = builtin_packs()
    assert packs["default"].ref == "default@1"
    assert packs["default"].title.zh == "默认投诉处理办法"
    assert {duty.basis for duty in packs["default"].duties} == {Basis.HOUSE}


def test_every_article_of_the_default_pack_is_cited() -> None:
    pack = builtin_packs()["default"]
    assert {duty.cite for duty in pack.duties} == set(pack.articles)
