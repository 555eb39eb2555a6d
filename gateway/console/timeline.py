"""The duties of a case as a picture: a bar each, from where it began to where it was due, and how it ended."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from casefile.duty import Duty
from casefile.status import DutyState

LEFT, WIDTH, ROW, TOP = 150, 800, 30, 26
_LEAST_SHARE = 0.004  # of the width: shorter than that and nobody sees the bar


@dataclass(frozen=True)
class Bar:
    """In units of the picture. `end_x` is where the duty was met or called off.

    `kind` is met, late, open, over (past due) or cancelled.
    """

    duty: Duty
    y: int
    x: float
    width: float
    end_x: float | None
    kind: str


@dataclass(frozen=True)
class Chart:
    bars: tuple[Bar, ...]
    now_x: float
    height: int
    first: datetime
    last: datetime


def chart(duties: Sequence[Duty], now: datetime) -> Chart | None:
    """None when there is nothing to draw."""
    if not duties:
        return None
    first = min(duty.started_at for duty in duties)
    last = max(now, *(duty.due_at for duty in duties), *(duty.ended_at for duty in duties if duty.ended_at))
    span = max((last - first).total_seconds(), 1.0)

    def x(at: datetime) -> float:
        return round(LEFT + WIDTH * (at - first).total_seconds() / span, 1)

    bars = tuple(
        Bar(
            duty=duty,
            y=TOP + ROW * row,
            x=x(duty.started_at),
            width=max(x(duty.due_at) - x(duty.started_at), WIDTH * _LEAST_SHARE),
            end_x=x(duty.ended_at) if duty.ended_at else None,
            kind=_kind(duty, now),
        )
        for row, duty in enumerate(duties)
    )
    return Chart(bars, x(now), TOP + ROW * len(bars) + 24, first, last)


def _kind(duty: Duty, now: datetime) -> str:
    if duty.state is DutyState.CANCELLED:
        return "cancelled"
    if duty.state is DutyState.MET:
        return "late" if duty.ended_at and duty.ended_at > duty.due_at else "met"
    return "over" if duty.due_at < now else "open"
