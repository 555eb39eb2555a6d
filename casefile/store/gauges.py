"""Figures for whoever watches: each costs an index look at what is open, never a walk through what is stored."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from casefile.status import NoticeState
from casefile.store.tables import CLAIMABLE, OWED, duty, inbound, notice

_OPEN = (
    NoticeState.SCHEDULED,
    NoticeState.SENDING,
    NoticeState.RETRY_WAIT,
    NoticeState.IN_DOUBT,
    NoticeState.DEAD,
    NoticeState.WITHHELD,
    NoticeState.UNDELIVERED,
)


@dataclass(frozen=True)
class Gauges:
    """`oldest_due_s`: how long the most overdue sendable notice has waited, in seconds."""

    notices: dict[str, int]
    oldest_due_s: float
    duties_overdue: int
    inbound_waiting: int
    inbound_shunted: int


def read(tx: Connection, now: datetime) -> Gauges:
    due = (CLAIMABLE, notice.c.next_at <= now)
    oldest = tx.execute(sa.select(sa.func.min(notice.c.next_at)).where(*due)).scalar_one_or_none()
    overdue = sa.select(sa.func.count()).where(OWED, duty.c.due_at <= now)
    return Gauges(
        notices={**dict.fromkeys(map(str, _OPEN), 0), **_by_state(tx)},
        oldest_due_s=(now - oldest).total_seconds() if oldest else 0.0,
        duties_overdue=tx.execute(overdue).scalar_one(),
        inbound_waiting=_inbound(tx, "stored"),
        inbound_shunted=_inbound(tx, "shunted"),
    )


def _by_state(tx: Connection) -> dict[str, int]:
    query = sa.select(notice.c.state, sa.func.count()).where(notice.c.state.in_(_OPEN)).group_by(notice.c.state)
    return {row[0]: row[1] for row in tx.execute(query)}


def _inbound(tx: Connection, state: str) -> int:
    return tx.execute(sa.select(sa.func.count()).where(inbound.c.state == state)).scalar_one()
