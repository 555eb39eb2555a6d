"""The filters of the notification log, as they stand in the address of a page."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import TypeVar
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from casefile.envelope import Channel
from casefile.errors import InputError
from casefile.notice import NoticeKind
from casefile.status import NoticeState
from casefile.store.log import Filter, Place
from casefile.text import clean_header

FIELDS = ("number", "state", "kind", "recipient", "channel", "due_from", "due_to", "problems")
_CHARS = 60
Choice = TypeVar("Choice", bound=StrEnum)


@dataclass(frozen=True)
class Asked:
    """`typed` is what stands in the form again; `problems` names fields that cannot be read and were left out."""

    chosen: Filter
    typed: Mapping[str, str]
    problems: tuple[str, ...] = ()

    @property
    def query(self) -> str:
        """The part of an address that asks for the same again."""
        return urlencode({name: value for name, value in self.typed.items() if value})


@dataclass
class _Reader:
    typed: Mapping[str, str]
    problems: list[str] = field(default_factory=list)

    def choice(self, name: str, kind: type[Choice]) -> Choice | None:
        value = self.typed[name]
        if value and value not in list(kind):
            self.problems.append(name)
            return None
        return kind(value) if value else None

    def midnight(self, name: str, zone: ZoneInfo, days: int = 0) -> datetime | None:
        """The beginning of that day, or of the one `days` later."""
        try:
            day = date.fromisoformat(self.typed[name]) + timedelta(days=days) if self.typed[name] else None
        except (ValueError, OverflowError):
            self.problems.append(name)
            return None
        return datetime.combine(day, time(0), zone).astimezone(UTC) if day else None


def read_filter(query: Mapping[str, str], zone: ZoneInfo, now: datetime) -> Asked:
    typed = {name: clean_header(query.get(name, ""), _CHARS) for name in FIELDS}
    reader = _Reader(typed)
    chosen = Filter(
        number=typed["number"].upper(),
        state=reader.choice("state", NoticeState),
        kind=reader.choice("kind", NoticeKind),
        recipient=typed["recipient"],
        channel=reader.choice("channel", Channel),
        due_after=reader.midnight("due_from", zone),
        due_until=reader.midnight("due_to", zone, days=1),
        problems_at=now if typed["problems"] else None,
    )
    return Asked(chosen, typed, tuple(reader.problems))


def read_place(text: str) -> Place | None:
    """Raises InputError for what `write_place` did not write."""
    if not text:
        return None
    at, _, row_id = text.partition("~")
    try:
        return Place(datetime.fromisoformat(at).astimezone(UTC), row_id)
    except (ValueError, OverflowError) as error:
        raise InputError("the address of this page is damaged: begin with the first page") from error


def write_place(at: datetime, row_id: str) -> str:
    return f"{at.isoformat()}~{row_id}"
