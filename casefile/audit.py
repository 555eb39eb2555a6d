"""The audit events: every tag there is, and the event itself. Append only."""

from datetime import datetime
from enum import StrEnum

from casefile.model import Record


class Tag(StrEnum):
    """`subject:action`."""

    CASE_OPENED = "case:opened"
    CASE_ROUTED = "case:routed"
    CASE_ACCEPTED = "case:accepted"
    CASE_PROGRESS = "case:progress"
    CASE_RESOLVED = "case:resolved"
    CASE_REFERRED = "case:referred"
    CASE_REOPENED = "case:reopened"
    CASE_CLOSED = "case:closed"
    MESSAGE_ADDED = "message:added"
    MESSAGE_REPEATED = "message:repeated"
    MESSAGE_AUTOMATIC = "message:automatic"
    MESSAGE_RETURNED = "message:returned"
    MESSAGE_SHUNTED = "message:shunted"
    DUTY_OWED = "duty:owed"
    DUTY_MET = "duty:met"
    DUTY_CANCELLED = "duty:cancelled"
    DUTY_REOPENED = "duty:reopened"
    NOTICE_PLANNED = "notice:planned"
    NOTICE_SENDING = "notice:sending"
    NOTICE_ACCEPTED = "notice:accepted"
    NOTICE_RETRY = "notice:retry"
    NOTICE_IN_DOUBT = "notice:in_doubt"
    NOTICE_DELIVERED = "notice:delivered"
    NOTICE_UNDELIVERED = "notice:undelivered"
    NOTICE_WITHHELD = "notice:withheld"
    NOTICE_CANCELLED = "notice:cancelled"
    NOTICE_DEAD = "notice:dead"
    NOTICE_RELEASED = "notice:released"
    LINK_REVOKED = "link:revoked"
    CONSOLE_LOGIN = "console:login"
    CONSOLE_REFUSED = "console:refused"
    CONSOLE_EXPORT = "console:export"
    CONSOLE_BYTES = "console:bytes"


class Event(Record):
    """One line of a case's record. `chain_id` is the case, or `site` for what belongs to none.

    `detail` carries ids, states and reasons; personal data stays in the tables it belongs to.
    """

    chain_id: str
    seq: int
    at: datetime
    tag: Tag
    actor: str
    detail: dict[str, str | int | bool | None]


SITE = "site"
