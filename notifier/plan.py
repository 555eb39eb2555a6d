"""From an event in a case to what is owed because of it: duties as rows, and the notices that will meet them, frozen.

Runs inside the transaction of the event itself, so that no event can be on record without its consequences.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import uuid4

from sqlalchemy.engine import Connection

from casefile.complaint import Complaint
from casefile.duty import Duty
from casefile.notice import Notice, NoticeKind, Urgency
from casefile.status import DutyState
from casefile.store import duties, outbox
from notifier.house import House
from notifier.write import COMPLAINANT, Task, Writer
from policy.plan import Facts, PlannedDuty, ended_by, plan
from policy.vocabulary import CaseEvent


class Planner:
    def __init__(self, house: House) -> None:
        self._house = house
        self._writer = Writer(house)

    def happened(
        self,
        tx: Connection,
        case: Complaint,
        events: Sequence[CaseEvent],
        at: datetime,
        actor: str,
        *,
        words: str = "",
        spared: Duty | None = None,
    ) -> None:
        """Write what the pack makes of these events: duties ended (but for `spared`), duties owed, notices planned."""
        standing = [duty for duty in duties.of_case(tx, case.id) if duty != spared]
        for event in events:
            self._end(tx, case, event, standing, at, actor)
        pack, calendar = self._house.packs[case.policy], self._house.calendar
        rules = [rule for event in events for rule in plan(pack, event, at, Facts(channel=case.channel), calendar)]
        owed = _owed(case, rules, standing)
        duties.owe(tx, case.id, owed, at, actor)
        known = duties.of_case(tx, case.id) if standing else owed
        notices = [
            self._writer.write(tx, case, _task(rule, duty, words), known, at)
            for rule, duty in zip(rules, owed, strict=True)
            if rule.send_at
        ]
        outbox.plan(tx, case.id, notices, at, actor)

    def say(
        self,
        tx: Connection,
        case: Complaint,
        kind: NoticeKind,
        words: str,
        at: datetime,
        actor: str,
        event: CaseEvent | None = None,
    ) -> None:
        """Plan a notice with a person's words; it takes the place of the automatic one and will meet its duty.

        The duty is met when the notice is accepted for delivery, not when somebody says so.
        """
        known = duties.of_case(tx, case.id)
        owed = next((d for d in known if d.what == kind and d.state is DutyState.OPEN), None)
        if owed:
            _cancel(tx, outbox.pending(tx, case.id), {owed.id}, at, actor, f"{actor} wrote instead")
        due_at = owed.due_at if owed else at
        task = Task(kind, Urgency.DEADLINE, due_at=due_at, send_at=at, duty=owed, words=words, rule=f"said.{kind}")
        outbox.plan(tx, case.id, [self._writer.write(tx, case, task, known, at)], at, actor)
        if event:
            self.happened(tx, case, [event], at, actor, spared=owed)

    def readdress(self, tx: Connection, case: Complaint, at: datetime, actor: str) -> None:
        """The case has another office now: what waits for the old one is cancelled and written anew."""
        known = duties.of_case(tx, case.id)
        for waiting in outbox.pending(tx, case.id):
            if waiting.recipient_id in (COMPLAINANT, case.office_id):
                continue
            outbox.cancel(tx, waiting.id, at, actor, "the case was referred to another office")
            if waiting.kind is NoticeKind.REMINDER:
                outbox.plan(tx, case.id, [self._again(tx, case, waiting, known, at)], at, actor)

    def _again(self, tx: Connection, case: Complaint, old: Notice, known: Sequence[Duty], at: datetime) -> Notice:
        duty = next((d for d in known if d.id == old.duty_id), None)
        task = Task(
            old.kind, old.urgency, due_at=old.due_at, send_at=old.next_at or at, duty=duty, rule=f"{old.rule_id}.again"
        )
        return self._writer.write(tx, case, task, known, at)

    def _end(
        self, tx: Connection, case: Complaint, event: CaseEvent, standing: Sequence[Duty], at: datetime, actor: str
    ) -> None:
        met, cancelled = ended_by(self._house.packs[case.policy], event)
        ending = {*met, *cancelled}
        ended = [duty for duty in standing if duty.state is DutyState.OPEN and duty.rule_id in ending]
        for duty in ended:
            state = DutyState.MET if duty.rule_id in met else DutyState.CANCELLED
            duties.end(tx, duty.id, state, at, actor, event)
        if ended:
            _cancel(tx, outbox.pending(tx, case.id), {d.id for d in ended}, at, actor, event)


def _cancel(tx: Connection, pending: Sequence[Notice], duty_ids: set[str], at: datetime, actor: str, why: str) -> None:
    for waiting in pending:
        if waiting.duty_id in duty_ids:
            outbox.cancel(tx, waiting.id, at, actor, why)


def _owed(case: Complaint, rules: Sequence[PlannedDuty], standing: Sequence[Duty]) -> list[Duty]:
    return [
        Duty(
            id=uuid4().hex,
            complaint_id=case.id,
            rule_id=rule.rule_id,
            occurrence=1 + sum(duty.rule_id == rule.rule_id for duty in standing),
            does=rule.does,
            what=rule.what,
            by=rule.by,
            to=rule.to,
            cite=rule.cite,
            started_at=rule.started_at,
            due_at=rule.due_at,
            explain=rule.explain,
        )
        for rule in rules
    ]


def _task(rule: PlannedDuty, duty: Duty, words: str) -> Task:
    kind, urgency = NoticeKind(rule.what), Urgency(rule.urgency)
    words = words if kind is NoticeKind.ORDER else ""
    occurrence = duty.occurrence
    send_at = rule.send_at or rule.due_at
    return Task(kind, urgency, rule.due_at, send_at, duty=duty, words=words, occurrence=occurrence)
