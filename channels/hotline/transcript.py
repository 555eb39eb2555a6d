"""The native form: what every format of call transcript is read into."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from casefile.envelope import Turn


@dataclass(frozen=True)
class Transcript:
    """`caller` and `called` as they were written; `fields` is what the envelope has no place for."""

    turns: tuple[Turn, ...]
    call_id: str | None = None
    caller: str | None = None
    caller_name: str | None = None
    called: str | None = None
    agent: str | None = None
    started_at: datetime | None = None
    duration_s: float | None = None
    fields: Mapping[str, str] = field(default_factory=dict)
    defects: tuple[str, ...] = ()
