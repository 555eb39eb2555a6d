"""Complaint: the single schema that every channel ends in."""

from datetime import datetime

from casefile.envelope import Attachment, Channel
from casefile.model import Record
from casefile.status import CaseState


class Complainant(Record):
    """Who complains and how to reach them. All may be absent: a complaint can be anonymous."""

    name: str | None = None
    email: str | None = None
    phone: str | None = None
    language: str = "zh"


class Complaint(Record):
    """One case. `received_at` is when the institution got it on any channel, not when it was registered."""

    id: str
    number: str
    channel: Channel
    state: CaseState = CaseState.RECEIVED
    received_at: datetime
    complainant: Complainant = Complainant()
    subject: str = ""
    text: str
    product: str | None = None
    branch: str | None = None
    region: str | None = None
    attachments: tuple[Attachment, ...] = ()
    thread_id: str | None = None  # Message-ID of the mail that opened it
    office_id: str | None = None
    policy: str = ""  # id and version in force at receipt
    satisfied: bool | None = None  # the answer to the revisit
