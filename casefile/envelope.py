"""What every channel yields: one message from outside, normalised, before it becomes a complaint.

The JSON form is a public contract (`huiyin normalize` prints it): fields may be added, never renamed.
"""

from datetime import datetime
from enum import StrEnum

from pydantic import Field

from casefile.model import Record


class Channel(StrEnum):
    EMAIL = "email"
    SMS = "sms"
    HOTLINE = "hotline"
    WEB = "web"


class Nature(StrEnum):
    """What kind of message this is; only `message` is ever answered."""

    MESSAGE = "message"
    AUTO_REPLY = "auto_reply"
    BOUNCE = "bounce"
    DELIVERY_RECEIPT = "delivery_receipt"
    OPT_OUT = "opt_out"
    OPT_IN = "opt_in"


class Sender(Record):
    """Who wrote. `phone` is E.164."""

    name: str | None = None
    email: str | None = None
    phone: str | None = None


class Attachment(Record):
    """A file that came along. `size` in bytes; `content` travels in memory only and is never serialised."""

    name: str
    content_type: str = "application/octet-stream"
    size: int
    sha256: str
    inline: bool = False
    content: bytes | None = Field(default=None, exclude=True, repr=False)


class Thread(Record):
    """What ties this message to earlier ones: RFC 5322 ids, and the token of the address it was sent to."""

    in_reply_to: str | None = None
    references: tuple[str, ...] = ()
    token: str | None = None


class BouncedRecipient(Record):
    """One recipient of a delivery status notification (RFC 3464 section 2.3)."""

    address: str
    action: str = "failed"
    status: str | None = None
    diagnostic: str | None = None


class Bounce(Record):
    recipients: tuple[BouncedRecipient, ...] = ()
    permanent: bool = True
    message_id: str | None = None  # of the message that was returned


class Turn(Record):
    """One speaker's turn in a call; `start_s` counts seconds from the start of the call."""

    speaker: str = "unknown"  # customer | agent | unknown
    start_s: float | None = None
    text: str
    confidence: float | None = None


class Call(Record):
    id: str | None = None
    started_at: datetime | None = None
    duration_s: float | None = None
    agent: str | None = None
    turns: tuple[Turn, ...] = ()


class RawRef(Record):
    """Where the bytes are: the sha256 is their address in the blob store."""

    sha256: str
    size: int


class Envelope(Record):
    """One normalised message. `text` is what this person wrote now; `full_text` is everything."""

    channel: Channel
    external_id: str | None = None
    received_at: datetime | None = None
    nature: Nature = Nature.MESSAGE
    sender: Sender = Sender()
    recipients: tuple[str, ...] = ()
    subject: str = ""
    text: str = ""
    quoted: str = ""
    full_text: str = ""
    language: str | None = None
    attachments: tuple[Attachment, ...] = ()
    thread: Thread = Thread()
    bounce: Bounce | None = None
    call: Call | None = None
    fields: dict[str, str] = Field(default_factory=dict)
    defects: tuple[str, ...] = ()
    raw: RawRef
