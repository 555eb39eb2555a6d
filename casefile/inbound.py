"""The door of intake: raw bytes in, a receipt out. Channels are handed `accept` and know nothing behind it."""

import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from casefile.envelope import Channel, Envelope
from casefile.text import clean_id


@dataclass(frozen=True)
class Raw:
    """One message exactly as it came.

    `source` is the mailbox, form or API client it came through; `external_id` the sender's own id for it
    (Message-ID, MessageSid, Idempotency-Key). `content_hash` tells two messages with one id apart; a channel
    whose transfer wrapping varies between identical messages (multipart boundaries) supplies its own.
    """

    channel: Channel
    source: str
    external_id: str
    body: bytes = field(repr=False)
    received_at: datetime
    content_hash: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "external_id", clean_id(self.external_id))
        if not self.content_hash:
            object.__setattr__(self, "content_hash", hashlib.sha256(self.body).hexdigest())


class Outcome(StrEnum):
    """What became of an inbound message."""

    OPENED = "opened"  # a new case
    ADDED = "added"  # joined its case
    REPEATED = "repeated"  # a copy of one that we have
    RETURNED = "returned"  # a bounce of one of our notices
    AUTOMATIC = "automatic"  # kept and shown, not answered (RFC 3834)


@dataclass(frozen=True)
class Accepted:
    """The receipt: the bytes are on disk. `number` and `secret` belong to a case that was opened."""

    inbound_id: str
    outcome: Outcome
    complaint_id: str | None = None
    number: str | None = None
    secret: str | None = field(default=None, repr=False)


class Accept(Protocol):
    """Store `raw`, commit, then process it. Returns only when both are on disk.

    `envelope` spares a second parse where the channel had to parse in order to validate.
    Raises StorageUnavailable when the bytes could not be kept: nothing was accepted, say so to the sender.
    """

    async def __call__(self, raw: Raw, envelope: Envelope | None = None) -> Accepted: ...
