from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from casefile.envelope import Channel
from casefile.notice import NoticeKind, Urgency
from policy.calendar import calendar_named
from policy.condition import parse_condition
from policy.durations import parse_within
from policy.pack import Pack, builtin_packs
from policy.plan import Facts, PlannedDuty, ended_by, plan
from policy.vocabulary import Basis, CaseEvent

CHINA = calendar_named("cn_workdays", strict=True)
SHANGHAI = ZoneInfo("Asia/Shanghai")
MONDAY = datetime(2025, 9, 29, 2, 30, tzinfo=UTC)  # 10:30 in Shanghai, two days before the National Day holiday
WEB = Facts(channel=Channel.WEB)


@pytest.fixture(scope="module")
def default() -> Pack:
    return builtin_packs()["default"]


def planned(pack: Pack, event: CaseEvent, facts: Facts = WEB) -> dict[str, PlannedDuty]:
    return {duty.rule_id: duty for duty in plan(pack, event, MONDAY, facts, CHINA)}


def local(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


def test_what_receipt_starts(default: Pack) -> None:
    duties = planned(default, CaseEvent.RECEIVED)
    assert list(duties) == ["receipt", "progress", "reminder", "decision"]
    assert duties["receipt"].send_at == MONDAY
    assert duties["receipt"].due_at == MONDAY + timedelta(minutes=15)
    assert duties["progress"].due_at == local("2025-10-11T00:00")  # the end of 10 October
    assert duties["reminder"].due_at == local("2025-10-14T00:00")
    assert duties["decision"].due_at == local("2025-10-16T00:00")
    assert [(d.to, d.what, d.cite) for d in duties.values()] == [
        ("complainant", NoticeKind.RECEIPT, "1"),
        ("complainant", NoticeKind.PROGRESS, "3"),
        ("handling_unit", NoticeKind.REMINDER, "4"),
        ("complainant", NoticeKind.DECISION, "5"),
    ]
    assert {d.started_at for d in duties.values()} == {MONDAY}


def test_what_falls_due_goes_out_when_the_office_opens_not_at_midnight(default: Pack) -> None:
    duties = planned(default, CaseEvent.RECEIVED)
    assert duties["progress"].send_at == local("2025-10-10T09:00")
    assert duties["reminder"].send_at == local("2025-10-13T09:00")


def test_a_pack_without_office_hours_sends_at_the_very_end(default: Pack) -> None:
    pack = default.model_copy(update={"office_opens": None})
    progress = planned(pack, CaseEvent.RECEIVED)["progress"]
    assert progress.send_at == progress.due_at


def test_a_decision_is_never_sent_by_itself(default: Pack) -> None:
    decision = planned(default, CaseEvent.RECEIVED)["decision"]
    assert decision.send_at is None
    assert decision.by == "handling_unit"
    assert decision.urgency is Urgency.DEADLINE


def test_nothing_goes_out_before_it_started(default: Pack) -> None:
    pack = with_rule(default, "progress", within=parse_within("same_day"))
    assert planned(pack, CaseEvent.RECEIVED)["progress"].send_at == MONDAY


def test_what_the_other_events_start(default: Pack) -> None:
    assert list(planned(default, CaseEvent.TRANSFERRED)) == ["order"]
    assert planned(default, CaseEvent.TRANSFERRED)["order"].to == "handling_unit"
    assert list(planned(default, CaseEvent.REPLIED)) == ["revisit"]
    assert list(planned(default, CaseEvent.REOPENED)) == ["reminder-again", "decision-again"]
    assert planned(default, CaseEvent.PROGRESS) == {}


def test_what_events_end(default: Pack) -> None:
    assert ended_by(default, CaseEvent.REPLIED) == (
        ("decision", "decision-again"),
        ("progress", "reminder", "reminder-again"),
    )
    assert ended_by(default, CaseEvent.CLOSED) == ((), ("revisit",))
    assert ended_by(default, CaseEvent.RECEIVED) == ((), ())


def test_every_duty_that_an_event_starts_comes_to_an_end(default: Pack) -> None:
    for rule in default.duties:
        assert rule.send or any(rule.id in ended_by(default, event).met for event in CaseEvent)


def test_the_explanation_names_pack_article_and_sum(default: Pack) -> None:
    duties = planned(default, CaseEvent.RECEIVED)
    lines = duties["progress"].explain.splitlines()
    assert lines[0] == "default@1 第3条 article 3, house: received + 3wd"
    assert lines[2] == "2025-09-30 周二 Tue: 第1个工作日 working day 1"
    assert lines[-1] == "截止 due: 2025-10-10 24:00 Asia/Shanghai"
    assert "本机构目标" in duties["receipt"].explain.splitlines()[0]


def test_a_condition_decides_whether_a_duty_arises(default: Pack) -> None:
    pack = with_rule(default, "receipt", if_=parse_condition("channel == email and not replied"))
    assert "receipt" not in planned(pack, CaseEvent.RECEIVED)
    assert "receipt" in planned(pack, CaseEvent.RECEIVED, Facts(channel=Channel.EMAIL))
    replied = Facts(channel=Channel.EMAIL, happened=frozenset({CaseEvent.REPLIED}))
    assert "receipt" not in planned(pack, CaseEvent.RECEIVED, replied)


def test_what_is_only_remembered_is_not_owed(default: Pack) -> None:
    assert "receipt" not in planned(with_rule(default, "receipt", basis=Basis.MEMORY), CaseEvent.RECEIVED)


def test_each_recipient_is_owed_separately(default: Pack) -> None:
    pack = with_rule(default, "progress", to=("complainant", "desk"))
    found = [d.to for d in plan(pack, CaseEvent.RECEIVED, MONDAY, WEB, CHINA) if d.rule_id == "progress"]
    assert found == ["complainant", "desk"]


def with_rule(pack: Pack, rule_id: str, **changes: object) -> Pack:
    rules = tuple(rule.model_copy(update=changes) if rule.id == rule_id else rule for rule in pack.duties)
    return pack.model_copy(update={"duties": rules})
