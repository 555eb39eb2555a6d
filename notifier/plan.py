"""From an event in a case to what is owed because of it: duties as rows, and the notices that will meet them, frozen.

Runs inside the transaction of the event itself, so that no event can be on record without its consequences.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from uuid import uuid4

from sqlalchemy.engine import Connection

from casefile.complaint import Complaint
from casefile.duty import Duty
from casefile.envelope import Channel
from casefile.notice import Notice, NoticeKind, Urgency
from casefile.status import DutyState, NoticeState
from casefile.store import complaints, duties, links, outbox
from casefile.store.ledger import append
from notifier.house import House
from notifier.write import COMPLAINANT, Known, Task, Writer, Written
from policy.plan import Facts, PlannedDuty, ended_by, plan
from policy.vocabulary import CaseEvent

_REFERRED = "the case was referred to another office"
_SAID = "said."  # marks what a person wrote: no event cancels that


class Planner:
    def __init__(self, house: House) -> None:
        self._house = house
        self._writer = Writer(house)

    def opened(self, tx: Connection, case: Complaint, reasons: Sequence[str], actor: str) -> None:
        """A new case, received and given to its office: what is owed runs from its receipt."""
        events = (CaseEvent.RECEIVED, CaseEvent.TRANSFERRED)
        self._owe(tx, case, events, Known(reasons=reasons), case.received_at, actor)

    def happened(
        self,
        tx: Connection,
        case: Complaint,
        event: CaseEvent,
        at: datetime,
        actor: str,
        *,
        words: str = "",
        spared: Duty | None = None,
    ) -> None:
        """Write what the pack makes of an event: duties ended (but for `spared`), duties owed, notices planned."""
        self._end(tx, case, event, spared, at, actor)
        self._owe(tx, case, [event], _known(tx, case), at, actor, words)

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
        known = _known(tx, case)
        owed = next((d for d in known.duties if d.what == kind and d.state is DutyState.OPEN), None)
        if owed:
            _cancel(tx, case, {owed.id}, at, actor, f"{actor} wrote instead")
        due_at = owed.due_at if owed else at
        task = Task(kind, Urgency.DEADLINE, due_at=due_at, send_at=at, duty=owed, words=words, rule=f"{_SAID}{kind}")
        _put(tx, case, (), [self._writer.write(case, task, known, at)], at, actor)
        if event:
            self.happened(tx, case, event, at, actor, spared=owed)

    def readdress(self, tx: Connection, case: Complaint, at: datetime, actor: str) -> None:
        """The case has another office now: what waits for the old one is cancelled and written anew."""
        known = _known(tx, case)
        for waiting in outbox.pending(tx, case.id):
            if waiting.recipient_id in (COMPLAINANT, case.office_id):
                continue
            outbox.cancel(tx, waiting.id, at, actor, _REFERRED)
            if waiting.kind is NoticeKind.REMINDER:
                _put(tx, case, (), [self._again(case, waiting, known, at)], at, actor)
        for duty in known.duties:
            if duty.what == NoticeKind.ORDER and duty.state is DutyState.OPEN:
                duties.end(tx, duty.id, DutyState.CANCELLED, at, actor, _REFERRED)

    def _owe(
        self,
        tx: Connection,
        case: Complaint,
        events: Sequence[CaseEvent],
        known: Known,
        at: datetime,
        actor: str,
        words: str = "",
    ) -> None:
        pack, facts = self._house.packs[case.policy], Facts(channel=case.channel)
        calendar = self._house.calendar(case.policy)
        rules = [rule for event in events for rule in plan(pack, event, at, facts, calendar)]
        owed = _owed(case, rules, known.duties)
        known = replace(known, duties=[*known.duties, *owed])
        letters = [
            self._writer.write(case, _task(rule, duty, words), known, at)
            for rule, duty in zip(rules, owed, strict=True)
            if rule.send_at
        ]
        _put(tx, case, owed, letters, at, actor)

    def _again(self, case: Complaint, old: Notice, known: Known, at: datetime) -> Written:
        duty = next((d for d in known.duties if d.id == old.duty_id), None)
        rule = f"{old.rule_id}.again"
        task = Task(old.kind, old.urgency, due_at=old.due_at, send_at=old.next_at or at, duty=duty, rule=rule)
        return self._writer.write(case, task, known, at)

    def _end(
        self, tx: Connection, case: Complaint, event: CaseEvent, spared: Duty | None, at: datetime, actor: str
    ) -> None:
        met, cancelled = ended_by(self._house.packs[case.policy], event)
        ending = {*met, *cancelled}
        standing = [duty for duty in duties.of_case(tx, case.id) if duty.state is DutyState.OPEN and duty != spared]
        ended = [duty for duty in standing if duty.rule_id in ending]
        for duty in ended:
            state = DutyState.MET if duty.rule_id in met else DutyState.CANCELLED
            duties.end(tx, duty.id, state, at, actor, event)
        if ended:
            _cancel(tx, case, {duty.id for duty in ended}, at, actor, event)


def _known(tx: Connection, case: Complaint) -> Known:
    reasons = complaints.route_of(tx, case.id).get("reasons")
    return Known(
        duties=duties.of_case(tx, case.id),
        threads=outbox.threads(tx, case.id),
        reasons=[str(reason) for reason in reasons] if isinstance(reasons, list) else (),
    )


def _put(
    tx: Connection, case: Complaint, owed: Sequence[Duty], letters: Sequence[Written], at: datetime, actor: str
) -> None:
    """Duties, notices and links, and that they are there."""
    notices = [letter.notice for letter in letters]
    entries = [*duties.owe(tx, owed), *outbox.plan(tx, notices)]
    links.issue(tx, {token: granted for letter in letters for token, granted in letter.links.items()})
    append(tx, case.id, at, actor, entries)
    if _anonymous(case):
        _exempt(tx, letters, at, actor)


def _anonymous(case: Complaint) -> bool:
    """Whoever leaves no address on the form is told there that only number and secret lead to the case."""
    person = case.complainant
    return case.channel is Channel.WEB and not person.email and not person.phone


def _exempt(tx: Connection, letters: Sequence[Written], at: datetime, actor: str) -> None:
    """What cannot be sent to anybody is no longer owed; the letter stays on record as withheld."""
    for letter in letters:
        if letter.notice.state is NoticeState.WITHHELD and letter.notice.duty_id:
            duties.end(tx, letter.notice.duty_id, DutyState.CANCELLED, at, actor, "the complainant left no address")


def _cancel(tx: Connection, case: Complaint, duty_ids: set[str], at: datetime, actor: str, why: str) -> None:
    """What waits for these duties, unless a person wrote it."""
    for waiting in outbox.pending(tx, case.id):
        if waiting.duty_id in duty_ids and not waiting.rule_id.startswith(_SAID):
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
