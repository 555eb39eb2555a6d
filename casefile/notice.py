"""Notice: one message to one recipient over one channel, and the attempts to get it there."""

from datetime import datetime
from enum import StrEnum
from typing import Protocol

from pydantic import Field

from casefile.envelope import Channel
from casefile.model import Record
from casefile.status import NoticeState


class NoticeKind(StrEnum):
    RECEIPT = "receipt"  # to the customer: we have it
    ORDER = "order"  # to the office: it is yours
    REMINDER = "reminder"  # to the office: it falls due
    ADDITION = "addition"  # to the office: the customer wrote again
    PROGRESS = "progress"  # to the customer: this is where it stands
    DECISION = "decision"  # to the customer: this is the answer
    REVISIT = "revisit"  # to the customer: are you satisfied?


class Urgency(StrEnum):
    """Claimed in this order, so that a flood of receipts cannot delay a statutory notice."""

    DEADLINE = "deadline"
    TASK = "task"
    COURTESY = "courtesy"


class Stage(StrEnum):
    """How far an attempt got (RFC 5321). From `dot` on, the other side may have the message."""

    CLAIMED = "claimed"
    CONNECT = "connect"
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"
    DOT = "dot"
    REPLY = "reply"


class Draft(Record):
    """The content of a notice before a channel has put it into its wire form."""

    notice_id: str
    kind: NoticeKind
    to: str
    language: str
    subject: str
    text: str
    date: datetime
    message_id: str
    reply_token: str
    in_reply_to: str | None = None
    references: tuple[str, ...] = ()
    automatic: bool = True  # no person wrote it (RFC 3834)


class Notice(Record):
    """A row of the outbox. `payload` is the exact wire form, frozen when the notice was planned."""

    id: str
    complaint_id: str
    duty_id: str | None = None
    rule_id: str
    recipient_id: str  # "complainant" or an office id
    occurrence: int = 1
    kind: NoticeKind
    urgency: Urgency
    channel: Channel
    to: str
    message_id: str
    subject: str
    payload: bytes = Field(repr=False)
    payload_sha256: str
    due_at: datetime
    state: NoticeState = NoticeState.SCHEDULED
    reason: str | None = None  # why it was withheld, cancelled or given up
    next_at: datetime | None
    attempts: int = 0
    possible_duplicate: bool = False
    lease_token: str | None = None
    lease_until: datetime | None = None
    provider_id: str | None = None
    created_at: datetime


class Attempt(Record):
    """One try. The row is committed before anything goes onto the wire; no `finished_at` means it crashed."""

    notice_id: str
    no: int
    worker: str
    started_at: datetime
    stage: Stage = Stage.CLAIMED
    outcome: str | None = None
    reply: str | None = None
    finished_at: datetime | None = None


class Receipt(Record):
    """The other side took it. `provider_id` is its id for the message, `reply` its words."""

    reply: str
    provider_id: str | None = None


class Transport(Protocol):
    """One way out. `compose` is pure and runs when a notice is planned; `send` makes one attempt.

    `send` raises TransportError; any other exception counts as in doubt.
    """

    def compose(self, draft: Draft) -> bytes: ...

    async def send(self, notice: Notice) -> Receipt: ...

    async def close(self) -> None: ...
