"""The words a policy pack is written in: its fields and their closed lists. Data only; see packs/*.yaml."""

from datetime import time
from enum import StrEnum
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, Field

from casefile.model import Record
from casefile.notice import NoticeKind, Urgency
from policy.condition import ConditionField
from policy.durations import WithinField
from policy.yaml import Misfit


class CaseEvent(StrEnum):
    """What starts, meets or cancels a duty."""

    RECEIVED = "received"
    TRANSFERRED = "transferred"  # given to the office that handles it
    ACCEPTED = "accepted"
    PROGRESS = "progress"
    REPLIED = "replied"
    CLOSED = "closed"
    REOPENED = "reopened"


class Does(StrEnum):
    ACKNOWLEDGE = "acknowledge"
    ORDER = "order"
    REMIND = "remind"
    NOTIFY = "notify"
    REPLY = "reply"
    REVISIT = "revisit"


class Layer(StrEnum):
    LAW = "law"
    REGULATION = "regulation"
    STANDARD = "standard"
    INTERNAL_RULE = "internal_rule"
    COMMITMENT = "commitment"


class Basis(StrEnum):
    """How firmly a duty stands on its text. A duty from memory stays off."""

    TEXT = "text"
    INTERPRETATION = "interpretation"
    HOUSE = "house"
    SECONDARY = "secondary"
    MEMORY = "memory"


class Send(StrEnum):
    """When the hub itself sends the notice. A duty without it waits for a person to act."""

    AT_ONCE = "at_once"
    WHEN_DUE = "when_due"


class Words(Record):
    zh: str
    en: str


class Source(Record):
    doc_no: str | None = None
    text: str
    status: Literal["retrieved", "secondary", "memory"]


class Calendars(Record):
    """`wd` is the calendar that working days are counted in, by the name that `policy.calendar` knows."""

    wd: str


class Role(Record):
    kind: Literal["case_party", "unit"]
    zh: str
    en: str


class Flag(Record):
    set_by: str
    cite: str


class Classify(Record):
    flags: dict[str, Flag] = Field(default_factory=dict)


class DutyRule(Record):
    id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$")]
    does: Does
    what: NoticeKind
    after: CaseEvent
    within: WithinField
    by: str
    to: Annotated[tuple[str, ...], Field(min_length=1)]
    if_: ConditionField | None = Field(default=None, alias="if")
    cite: str
    basis: Basis
    done_on: CaseEvent | None = None
    cancel_on: tuple[CaseEvent, ...] = ()
    send: Send | None = None
    urgency: Urgency

    @property
    def active(self) -> bool:
        return self.basis is not Basis.MEMORY


def _known_zone(name: str) -> str:
    try:
        return ZoneInfo(name).key
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise Misfit(f"unknown time zone {name!r}", "Write an IANA name such as Asia/Shanghai") from error


class Pack(Record):
    """`office_opens`: on the last day of a limit, `send: when_due` goes out at this local time, not at midnight."""

    huiyin_policy: Literal[1]
    id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$")]
    version: str
    title: Words
    layer: Layer
    source: Source
    timezone: Annotated[str, AfterValidator(_known_zone)]
    counting: Literal["cn_civil_code"]
    calendars: Calendars
    office_opens: time | None = None
    articles: dict[str, Words] = Field(default_factory=dict)
    roles: dict[str, Role]
    classify: Classify = Classify()
    duties: Annotated[tuple[DutyRule, ...], Field(min_length=1)]

    @property
    def ref(self) -> str:
        return f"{self.id}@{self.version}"

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)
