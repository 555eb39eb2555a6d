"""One notice, written and frozen: recipient, words, links, wire form. Reads and writes no database."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import uuid4

from casefile.complaint import Complaint
from casefile.duty import Duty
from casefile.envelope import Channel
from casefile.errors import InputError
from casefile.notice import Draft, Notice, NoticeKind, Urgency
from casefile.status import DutyState, NoticeState
from casefile.store.links import Link
from casefile.token import link_token, reply_token, tracking_secret
from notifier.house import House

COMPLAINANT = "complainant"
_TO_COMPLAINANT = (NoticeKind.RECEIPT, NoticeKind.PROGRESS, NoticeKind.DECISION, NoticeKind.REVISIT)
_LINKS = {
    NoticeKind.ORDER: ("desk",),
    NoticeKind.REMINDER: ("desk",),
    NoticeKind.ADDITION: ("desk",),
    NoticeKind.REVISIT: ("revisit",),
}
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


@dataclass(frozen=True)
class Known:
    """What a letter may refer to: the duties of the case, Message-IDs by recipient, the reasons of its route."""

    duties: Sequence[Duty] = ()
    threads: Mapping[str, Sequence[str]] = field(default_factory=dict)
    reasons: Sequence[str] = ()


class Written(NamedTuple):
    """A notice, and the links in it by their tokens."""

    notice: Notice
    links: dict[str, Link]


class Writer:
    def __init__(self, house: House) -> None:
        self._house = house

    def write(self, case: Complaint, task: Task, known: Known, now: datetime) -> Written:
        recipient = self._recipient(case, task.kind)
        notice_id, links = uuid4().hex, {}
        context = self._context(case, task, recipient, known)
        for purpose in _LINKS.get(task.kind, ()):
            token = link_token()
            office = case.office_id if purpose == "desk" else None
            links[token] = Link(case.id, purpose, office, notice_id, now, now + _LINK_LIFE)
            context[f"{purpose}_url"] = self._house.url(f"{purpose}/{token}")
        subject, text = self._house.renderer.render(task.kind, recipient.channel, recipient.language, context)
        thread = known.threads.get(recipient.id, ())
        draft = self._draft(case, task, recipient, notice_id, subject, text, thread)
        payload, refused = self._compose(recipient, draft)
        return Written(
            _notice(case, task, recipient, draft, payload, recipient.withheld or refused, thread, now), links
        )

    def _draft(
        self,
        case: Complaint,
        task: Task,
        recipient: Recipient,
        notice_id: str,
        subject: str,
        text: str,
        thread: Sequence[str],
    ) -> Draft:
        """References name the mail that opened the case and all that went before (RFC 5322 section 3.6.4)."""
        opened_by = [case.thread_id] if recipient.id == COMPLAINANT and case.thread_id else []
        references = (*opened_by, *thread)
        return Draft(
            notice_id=notice_id,
            kind=task.kind,
            to=recipient.to,
            language=recipient.language,
            subject=subject,
            text=text,
            date=task.send_at,
            message_id=f"<n.{notice_id}@{self._house.domain}>",
            reply_token=reply_token(self._house.key, notice_id),
            in_reply_to=references[0] if references else None,
            references=references,
            automatic=not task.words,
        )

    def _compose(self, recipient: Recipient, draft: Draft) -> tuple[bytes, str | None]:
        """The wire form; the plain text and a reason where there can be none."""
        transport = self._house.transports.get(recipient.channel)
        if transport is None or not recipient.to:
            return draft.text.encode(), None
        try:
            return transport.compose(draft), None
        except InputError as error:
            return draft.text.encode(), str(error)

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

    def _context(self, case: Complaint, task: Task, recipient: Recipient, known: Known) -> dict[str, object]:
        reply = next((d for d in known.duties if d.what == NoticeKind.DECISION and d.state is DutyState.OPEN), None)
        office = self._house.offices.get(case.office_id or "")
        language = recipient.language if recipient.language in _CHANNEL_NAMES else "en"
        person = case.complainant
        proven = case.channel is not Channel.WEB  # an address typed into a form may belong to somebody else
        return {
            "number": case.number,
            "institution": self._house.name(language),
            "office": office.name(language) if office else "",
            "received_at": case.received_at,
            "channel": _CHANNEL_NAMES[language][case.channel],
            "reply_due": reply.due_at if reply else None,
            "cite": self._house.article(case.policy, reply.cite, language) if reply else "",
            "words": task.words,
            "track_url": self._house.url("track"),
            "secret": tracking_secret(self._house.key, case.id) if proven else None,
            "complainant": ", ".join(part for part in (person.name, person.email, person.phone) if part),
            "product": case.product,
            "branch": case.branch,
            "reasons": "; ".join(known.reasons),
            "attachments": [file.name for file in case.attachments],
            "text": case.text,
        }


def _notice(
    case: Complaint,
    task: Task,
    recipient: Recipient,
    draft: Draft,
    payload: bytes,
    withheld: str | None,
    thread: Sequence[str],
    now: datetime,
) -> Notice:
    return Notice(
        id=draft.notice_id,
        complaint_id=case.id,
        duty_id=task.duty.id if task.duty else None,
        rule_id=task.rule or (task.duty.rule_id if task.duty else task.kind),
        recipient_id=recipient.id,
        occurrence=task.occurrence or len(thread) + 1,
        kind=task.kind,
        urgency=task.urgency,
        channel=recipient.channel,
        to=recipient.to,
        message_id=draft.message_id,
        subject=draft.subject,
        payload=payload,
        payload_sha256=hashlib.sha256(payload).hexdigest(),
        due_at=task.due_at,
        state=NoticeState.WITHHELD if withheld else NoticeState.SCHEDULED,
        reason=withheld,
        next_at=None if withheld else task.send_at,
        created_at=now,
    )
