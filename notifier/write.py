"""One notice, written and frozen: recipient, words, links, wire form."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import uuid4

from sqlalchemy.engine import Connection

from casefile.complaint import Complaint
from casefile.duty import Duty
from casefile.envelope import Channel
from casefile.notice import Draft, Notice, NoticeKind, Urgency
from casefile.status import DutyState, NoticeState
from casefile.store import complaints, links, outbox
from casefile.token import link_token, reply_token, tracking_secret
from notifier.house import House

COMPLAINANT = "complainant"
_TO_COMPLAINANT = (NoticeKind.RECEIPT, NoticeKind.PROGRESS, NoticeKind.DECISION, NoticeKind.REVISIT)
_LINK_LIFE = timedelta(days=180)
_CHANNEL_NAMES = {
    "zh": {Channel.EMAIL: "电子邮件", Channel.SMS: "短信", Channel.HOTLINE: "热线", Channel.WEB: "网上表单"},
    "en": {Channel.EMAIL: "e-mail", Channel.SMS: "text message", Channel.HOTLINE: "hotline", Channel.WEB: "web form"},
}


@dataclass(frozen=True)
class Recipient:
    """`withheld` says why nothing can be sent."""

    id: str
    channel: Channel
    to: str
    language: str
    withheld: str | None = None


@dataclass(frozen=True)
class Task:
    """What is to be written. `words` are a person's own, `duty` is what the notice will meet."""

    kind: NoticeKind
    urgency: Urgency
    due_at: datetime
    send_at: datetime
    duty: Duty | None = None
    words: str = ""
    rule: str = ""  # under which this is planned, at most once per occurrence; by default the duty's own
    occurrence: int = 0  # 0: the next one


class Writer:
    def __init__(self, house: House) -> None:
        self._house = house

    def write(self, tx: Connection, case: Complaint, task: Task, known: Sequence[Duty], now: datetime) -> Notice:
        """A notice ready for the outbox. `known` are the duties of the case, for the dates that it tells."""
        recipient = self._recipient(case, task.kind)
        notice_id = uuid4().hex
        message_id = f"<n.{notice_id}@{self._house.domain}>"
        context = self._context(tx, case, task, recipient, known, notice_id, now)
        subject, text = self._house.renderer.render(task.kind, recipient.channel, recipient.language, context)
        thread = outbox.thread(tx, case.id, recipient.id)
        draft = Draft(
            notice_id=notice_id,
            kind=task.kind,
            to=recipient.to,
            language=recipient.language,
            subject=subject,
            text=text,
            date=task.send_at,
            message_id=message_id,
            reply_token=reply_token(self._house.key, notice_id),
            automatic=not task.words,
            **_threading(case, recipient, thread),
        )
        payload = self._compose(recipient, draft)
        return Notice(
            id=notice_id,
            complaint_id=case.id,
            duty_id=task.duty.id if task.duty else None,
            rule_id=task.rule or (task.duty.rule_id if task.duty else task.kind),
            recipient_id=recipient.id,
            occurrence=task.occurrence or len(thread) + 1,
            kind=task.kind,
            urgency=task.urgency,
            channel=recipient.channel,
            to=recipient.to,
            message_id=message_id,
            subject=subject,
            payload=payload,
            payload_sha256=hashlib.sha256(payload).hexdigest(),
            due_at=task.due_at,
            state=NoticeState.WITHHELD if recipient.withheld else NoticeState.SCHEDULED,
            reason=recipient.withheld,
            next_at=None if recipient.withheld else task.send_at,
            created_at=now,
        )

    def _compose(self, recipient: Recipient, draft: Draft) -> bytes:
        transport = self._house.transports.get(recipient.channel)
        return transport.compose(draft) if transport and recipient.to else draft.text.encode()

    def _recipient(self, case: Complaint, kind: NoticeKind) -> Recipient:
        if kind not in _TO_COMPLAINANT:
            office = self._house.offices[case.office_id or ""]
            return self._reachable(office.id, Channel.EMAIL, office.email, office.language)
        person = case.complainant
        by_phone = case.channel in (Channel.SMS, Channel.HOTLINE) or not person.email
        channel, to = (Channel.SMS, person.phone) if by_phone and person.phone else (Channel.EMAIL, person.email)
        return self._reachable(COMPLAINANT, channel, to, person.language)

    def _reachable(self, recipient_id: str, channel: Channel, to: str | None, language: str) -> Recipient:
        withheld = None
        if not to:
            withheld = "no address is known"
        elif channel not in self._house.transports:
            withheld = f"no sender for {channel} is configured"
        return Recipient(recipient_id, channel, to or "", language, withheld)

    def _context(
        self,
        tx: Connection,
        case: Complaint,
        task: Task,
        recipient: Recipient,
        known: Sequence[Duty],
        notice_id: str,
        now: datetime,
    ) -> dict[str, object]:
        reply = next((d for d in known if d.what == NoticeKind.DECISION and d.state is DutyState.OPEN), None)
        office = self._house.offices.get(case.office_id or "")
        language = recipient.language if recipient.language in _CHANNEL_NAMES else "en"
        return {
            "number": case.number,
            "institution": self._house.name(language),
            "office": office.name(language) if office else "",
            "received_at": case.received_at,
            "channel": _CHANNEL_NAMES[language][case.channel],
            "reply_due": reply.due_at if reply else None,
            "cite": reply.cite if reply else "",
            "words": task.words,
            "track_url": self._house.url("track"),
            **(self._for_office(tx, case, task, notice_id, now) if task.kind not in _TO_COMPLAINANT else {}),
            **(self._for_receipt(case) if task.kind is NoticeKind.RECEIPT else {}),
            **(self._for_revisit(tx, case, notice_id, now) if task.kind is NoticeKind.REVISIT else {}),
        }

    def _for_receipt(self, case: Complaint) -> dict[str, object]:
        """Only to an address that has written to us: one typed into a form may belong to somebody else."""
        proven = case.channel is not Channel.WEB
        return {"secret": tracking_secret(self._house.key, case.id) if proven else None}

    def _for_office(
        self, tx: Connection, case: Complaint, task: Task, notice_id: str, now: datetime
    ) -> dict[str, object]:
        more: dict[str, object] = {"desk_url": self._link(tx, case, "desk", notice_id, now)}
        if task.kind is not NoticeKind.ORDER:
            return more
        route = complaints.route_of(tx, case.id)
        reasons = route.get("reasons")
        person = case.complainant
        return {
            **more,
            "complainant": ", ".join(part for part in (person.name, person.email, person.phone) if part),
            "product": case.product,
            "branch": case.branch,
            "reasons": "; ".join(map(str, reasons)) if isinstance(reasons, list) else "",
            "attachments": [file.name for file in case.attachments],
            "text": case.text,
        }

    def _for_revisit(self, tx: Connection, case: Complaint, notice_id: str, now: datetime) -> dict[str, object]:
        return {"revisit_url": self._link(tx, case, "revisit", notice_id, now)}

    def _link(self, tx: Connection, case: Complaint, purpose: str, notice_id: str, now: datetime) -> str:
        token = link_token()
        office = case.office_id if purpose == "desk" else None
        links.issue(tx, token, links.Link(case.id, purpose, office, notice_id, now, now + _LINK_LIFE))
        return self._house.url(f"{purpose}/{token}")


def _threading(case: Complaint, recipient: Recipient, thread: list[str]) -> dict[str, object]:
    """References to the mail that opened the case and to all that went before (RFC 5322 section 3.6.4)."""
    opened_by = [case.thread_id] if recipient.id == COMPLAINANT and case.thread_id else []
    references = [*opened_by, *thread]
    return {"in_reply_to": references[0] if references else None, "references": tuple(references)}
