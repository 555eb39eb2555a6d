"""Opening cases and adding to them: the part of intake that runs inside its transaction."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from uuid import uuid4
from zoneinfo import ZoneInfo

from sqlalchemy.engine import Connection

from casefile.audit import SITE, Tag
from casefile.complaint import Complainant, Complaint
from casefile.envelope import Channel, Envelope
from casefile.inbound import Accepted, Outcome
from casefile.notice import Notice, NoticeKind
from casefile.status import CaseState, NoticeState
from casefile.store import complaints, ledger, outbox
from casefile.store.inbound import Kept
from casefile.store.ledger import CASE, NOTICE, Detail, Entry, Move
from casefile.token import digest, tracking_secret
from gateway.matching import Match
from notifier.plan import Planner
from router.assign import Assignment, Facts, assign
from router.offices import Offices
from router.table import Table

ACTOR = "intake"


@dataclass(frozen=True)
class Registry:
    """`policy` is the pack (`id@version`) in force for what is received now; `key` derives tracking secrets."""

    offices: Offices
    table: Table
    planner: Planner
    key: bytes = field(repr=False)
    policy: str
    number_pattern: str
    zone: ZoneInfo
    now: Callable[[], datetime]

    def open(self, tx: Connection, kept: Kept, envelope: Envelope) -> Complaint:
        """A new case: numbered, routed, its duties and notices planned."""
        case = self._complaint(tx, kept, envelope)
        route = assign(Facts.of(case), self.table, self.offices)
        case = case.model_copy(update={"office_id": route.office})
        complaints.insert(tx, case, route.model_dump(mode="json"), digest(tracking_secret(self.key, case.id)))
        self.note(tx, Tag.CASE_OPENED, kept, case.id, {"number": case.number, "channel": case.channel})
        routed = Move(CASE, case.id, CaseState.ASSIGNED, Tag.CASE_ROUTED, _why(route))
        ledger.transition(tx, self.now(), ACTOR, routed)
        self.planner.opened(tx, case, route.reasons, ACTOR)
        return case

    def join(self, tx: Connection, kept: Kept, envelope: Envelope, found: Match) -> Complaint | None:
        """Not a new case: a copy, an addition, a bounce, or something automatic."""
        case = complaints.lock(tx, found.complaint_id) if found.complaint_id else None
        detail: Detail = {"by": found.by, "known_sender": found.known_sender}
        self.note(tx, Tag(f"message:{found.outcome}"), kept, found.complaint_id, detail)
        if found.outcome is Outcome.ADDED and case:
            self._tell_office(tx, case, envelope)
        if found.outcome is Outcome.RETURNED and found.notice:
            self._take_back(tx, found.notice, envelope)
        return case

    def again(self, tx: Connection, kept: Kept) -> Accepted:
        """What the sender was told the first time."""
        case = complaints.get(tx, kept.complaint_id) if kept.complaint_id else None
        return self.receipt(kept, kept.outcome or Outcome.AUTOMATIC, case)

    def receipt(self, kept: Kept, outcome: Outcome, case: Complaint | None) -> Accepted:
        """Only who opened a case is shown its secret."""
        if case is None:
            return Accepted(kept.id, outcome)
        secret = tracking_secret(self.key, case.id) if outcome is Outcome.OPENED else None
        return Accepted(kept.id, outcome, case.id, case.number, secret)

    def note(self, tx: Connection, tag: Tag, kept: Kept, case_id: str | None, detail: Detail | None = None) -> None:
        """Put an event about a message on record, with the hash of its raw bytes."""
        about: Detail = {"inbound": kept.id, "sha256": kept.raw_sha256, **(detail or {})}
        ledger.append(tx, case_id or SITE, self.now(), ACTOR, [Entry(tag, about)])

    def _complaint(self, tx: Connection, kept: Kept, envelope: Envelope) -> Complaint:
        year = kept.received_at.astimezone(self.zone).year
        return Complaint(
            id=uuid4().hex,
            number=complaints.next_number(tx, self.number_pattern, year),
            channel=envelope.channel,
            received_at=kept.received_at,
            complainant=Complainant(**envelope.sender.model_dump(), language=envelope.language or "zh"),
            subject=envelope.subject,
            text=envelope.text or envelope.full_text,
            product=envelope.fields.get("product"),
            branch=envelope.fields.get("branch"),
            region=envelope.fields.get("region"),
            attachments=envelope.attachments,
            thread_id=envelope.external_id if envelope.channel is Channel.EMAIL else None,
            policy=self.policy,
        )

    def _tell_office(self, tx: Connection, case: Complaint, envelope: Envelope) -> None:
        """Unless it is the office itself that wrote."""
        office = self.offices.get(case.office_id or "")
        sender, own = envelope.sender.email or "", (office.email if office else None) or ""
        if not own or sender.casefold() != own.casefold():
            words = envelope.text or envelope.full_text
            self.planner.say(tx, case, NoticeKind.ADDITION, words, self.now(), ACTOR)

    def _take_back(self, tx: Connection, notice: Notice, envelope: Envelope) -> None:
        permanent = envelope.bounce is not None and envelope.bounce.permanent
        if permanent and notice.state in NOTICE.sources(NoticeState.UNDELIVERED):
            outbox.returned(tx, notice, self.now(), ACTOR, _diagnostic(envelope))


def _why(route: Assignment) -> Detail:
    return {"office": route.office, "rule": route.rule, "recused": ", ".join(o.office for o in route.recused) or None}


def _diagnostic(envelope: Envelope) -> str:
    recipients = envelope.bounce.recipients if envelope.bounce else ()
    parts = [f"{r.status or ''} {r.diagnostic or r.action}".strip() for r in recipients]
    return "; ".join(parts) or "returned to sender"
