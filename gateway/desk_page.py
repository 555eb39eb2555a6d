"""What the office's page shows: the story of a case, what may be done now, and what became of the last words."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from casefile.audit import Event, Tag
from casefile.duty import Duty
from casefile.envelope import Attachment, Channel, Envelope
from casefile.notice import NoticeKind
from casefile.status import CASE_MOVES, CaseState, DutyState
from casefile.text import clean_text
from gateway.casework import Act, Action, DeskView

_LEADS_TO = {
    Action.ACCEPT: CaseState.ACCEPTED,
    Action.PROGRESS: CaseState.ACCEPTED,
    Action.RESOLVE: CaseState.RESOLVED,
    Action.REFER: CaseState.ASSIGNED,
}
_SAID = {Action.PROGRESS: NoticeKind.PROGRESS, Action.RESOLVE: NoticeKind.DECISION}
_TOLD_AS_EVENT = (Tag.CASE_OPENED, Tag.CASE_ROUTED, Tag.CASE_ACCEPTED)
_ORIGINALS = {Channel.EMAIL: ".eml", Channel.SMS: ".txt", Channel.HOTLINE: ".txt", Channel.WEB: ".bin"}


@dataclass(frozen=True)
class Entry:
    """One line of the story. `title` is a text key, `who` the actor, `person` how a sender calls themselves.

    `stranger`: it came from an address that the case does not know.
    """

    at: datetime
    title: str
    who: str
    text: str = ""
    person: str = ""
    quoted: str = ""
    files: tuple[Attachment, ...] = ()
    stranger: bool = False


@dataclass(frozen=True)
class Delivery:
    """What becomes of words for the customer; `withheld` says why they cannot be sent."""

    channel: str
    withheld: str = ""


def allowed(state: CaseState) -> tuple[Action, ...]:
    """What an office may do now; a case that is accepted need not be accepted again."""
    moves = CASE_MOVES[state]
    again = Action.ACCEPT if state is CaseState.ACCEPTED else None
    return tuple(action for action, to in _LEADS_TO.items() if to in moves and action is not again)


def decision_due(view: DeskView) -> Duty | None:
    return next((d for d in view.duties if d.what == NoticeKind.DECISION and d.state is DutyState.OPEN), None)


def story(view: DeskView) -> list[Entry]:
    """All that happened after the first message, oldest first."""
    strangers = {event.detail.get("sha256") for event in view.events if event.detail.get("known_sender") is False}
    told = [_message(message, view, strangers) for message in view.messages[1:]]
    told += [Entry(r.at, f"desk.said.{r.kind}", r.author, r.text) for r in view.remarks]
    told += [Entry(e.at, _event_key(e), e.actor) for e in view.events if e.tag in _TOLD_AS_EVENT]
    return sorted(told, key=lambda entry: entry.at)


def _message(message: Envelope, view: DeskView, strangers: set[str | int | bool | None]) -> Entry:
    sender = message.sender
    return Entry(
        at=message.received_at or view.case.received_at,
        title=f"desk.message.{message.nature}",
        who="complainant",
        text=message.text or message.full_text,
        person=" ".join(part for part in (sender.name, sender.email, sender.phone) if part),
        quoted=message.quoted,
        files=(*message.attachments, original(message, view.case.number)),
        stranger=message.raw.sha256 in strangers,
    )


def _event_key(event: Event) -> str:
    return f"event.{event.tag.replace(':', '.')}"


def original(message: Envelope, number: str) -> Attachment:
    """The message exactly as it came, for whoever doubts what we made of it."""
    raw = message.raw
    return Attachment(name=f"{number}-{raw.sha256[:8]}{_ORIGINALS[message.channel]}", size=raw.size, sha256=raw.sha256)


def files(view: DeskView) -> dict[str, Attachment]:
    """All that may be downloaded with this case, by sha256."""
    found = [*_originals(view), *view.case.attachments]
    found += [file for message in view.messages for file in message.attachments]
    return {file.sha256: file for file in found}


def _originals(view: DeskView) -> Iterator[Attachment]:
    return (original(message, view.case.number) for message in view.messages)


def delivery(view: DeskView, action: Action) -> Delivery | None:
    """How the words that were just written reach the customer; None when the act has none for them."""
    planned = (Tag.NOTICE_PLANNED, Tag.NOTICE_WITHHELD)
    notices = [e for e in view.events if e.tag in planned and e.detail.get("kind") == _SAID.get(action)]
    if not notices:
        return None
    last = notices[-1]
    reason = last.detail.get("reason") if last.tag is Tag.NOTICE_WITHHELD else ""
    return Delivery(str(last.detail["channel"]), str(reason or ""))


def done_already(view: DeskView, act: Act) -> bool:
    """Whether the one thing that happened since `act.seen` is this very act: a double click, not a conflict."""
    if act.seen is None or view.revision != act.seen + 1:
        return False
    if act.action is Action.ACCEPT:
        return view.case.state is CaseState.ACCEPTED and not _said_since(view)
    said = view.remarks[-1] if view.remarks else None
    words = clean_text(act.words).strip()
    return said is not None and (said.kind, said.text) == (_SAID.get(act.action), words)


def _said_since(view: DeskView) -> bool:
    last = [e for e in view.events if e.tag.startswith(("case:", "message:"))][-1]
    return last.tag is not Tag.CASE_ACCEPTED
