"""Which duties an event starts, meets and cancels under a pack. Pure: the same events give the same rows again."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import NamedTuple

from casefile.envelope import Channel
from casefile.model import Record
from casefile.notice import NoticeKind, Urgency
from policy.calendar import WorkCalendar
from policy.clock import Due, due
from policy.vocabulary import CaseEvent, Does, DutyRule, Pack, Send


class Facts(Record):
    """What the conditions of a pack may ask about a case. `happened` holds the events so far."""

    channel: Channel
    flags: frozenset[str] = frozenset()
    happened: frozenset[CaseEvent] = frozenset()


class PlannedDuty(Record):
    """A duty towards one recipient. Without `send_at` the hub sends nothing: a person must act."""

    rule_id: str
    does: Does
    what: NoticeKind
    by: str
    to: str
    cite: str
    started_at: datetime
    due_at: datetime
    send_at: datetime | None
    urgency: Urgency
    done_on: CaseEvent | None
    cancel_on: tuple[CaseEvent, ...]
    explain: str


class Ended(NamedTuple):
    """Ids of the duty rules that an event meets or cancels."""

    met: tuple[str, ...]
    cancelled: tuple[str, ...]


def plan(pack: Pack, event: CaseEvent, at: datetime, facts: Facts, calendar: WorkCalendar) -> list[PlannedDuty]:
    """Raises CalendarUnknown when `calendar` is strict and a limit runs into an unpublished year."""
    rules = [rule for rule in pack.duties if rule.active and rule.after == event and _applies(rule, facts)]
    return [duty for rule in rules for duty in _planned(pack, rule, at, calendar)]


def ended_by(pack: Pack, event: CaseEvent) -> Ended:
    return Ended(
        met=tuple(rule.id for rule in pack.duties if rule.done_on == event),
        cancelled=tuple(rule.id for rule in pack.duties if event in rule.cancel_on),
    )


def _applies(rule: DutyRule, facts: Facts) -> bool:
    return rule.if_ is None or rule.if_.holds(facts.flags | facts.happened, {"channel": facts.channel})


def _planned(pack: Pack, rule: DutyRule, at: datetime, calendar: WorkCalendar) -> Iterator[PlannedDuty]:
    limit = due(at, rule.within.length, pack.zone, calendar)
    for recipient in rule.to:
        yield PlannedDuty(
            rule_id=rule.id,
            does=rule.does,
            what=rule.what,
            by=rule.by,
            to=recipient,
            cite=rule.cite,
            started_at=at.astimezone(UTC),
            due_at=limit.at,
            send_at=_send_at(pack, rule, at.astimezone(UTC), limit),
            urgency=rule.urgency,
            done_on=rule.done_on,
            cancel_on=rule.cancel_on,
            explain="\n".join((_heading(pack, rule), *limit.explain)),
        )


def _send_at(pack: Pack, rule: DutyRule, at: datetime, limit: Due) -> datetime | None:
    if rule.send is Send.AT_ONCE:
        return at
    if rule.send is Send.WHEN_DUE and limit.last_day and pack.office_opens:
        return max(at, datetime.combine(limit.last_day, pack.office_opens, pack.zone).astimezone(UTC))
    return limit.at if rule.send is Send.WHEN_DUE else None


def _heading(pack: Pack, rule: DutyRule) -> str:
    length = f"{rule.within.length}"
    if rule.within.house_target:
        length += " (原文为“及时”,此为本机构目标 the text says promptly; this is the house target)"
    return f"{pack.ref} 第{rule.cite}条 article {rule.cite}, {rule.basis}: {rule.after} + {length}"
