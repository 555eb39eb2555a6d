"""Owed, not proven: open duties whose time is over, or whose notice ran into trouble. And what came in oddly."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from casefile.duty import Duty
from casefile.inbound import Outcome
from casefile.status import NoticeState
from casefile.store.log import PAGE, TROUBLE, Place
from casefile.store.tables import OWED, complaint, duty, inbound, notice


@dataclass(frozen=True)
class Tried:
    """The last notice that was to meet a duty."""

    id: str
    state: str
    reason: str | None
    attempts: int


@dataclass(frozen=True)
class Owed:
    """`tried` is None when nothing has been written for it: a person must act."""

    duty: Duty
    number: str
    office_id: str | None
    tried: Tried | None


_Condition = sa.ColumnElement[bool] | sa.TextClause

# Written out, not bound: only then does the partial index of the open ones (of the waiting ones) serve.
_TROUBLED = sa.exists().where(notice.c.duty_id == duty.c.id, notice.c.state.in_(TROUBLE))


def owed(tx: Connection, now: datetime, after: Place | None = None, limit: int = PAGE) -> list[Owed]:
    """Oldest due time first. Looks at open duties only, however many were ever met."""
    at = duty.c.due_at
    query = (
        sa.select(duty, complaint.c.number, complaint.c.office_id)
        .join(complaint)
        .where(OWED, sa.or_(at <= now, _TROUBLED))
    )
    if after:
        query = query.where(at >= after.at, sa.or_(at > after.at, duty.c.id > after.id))
    rows = tx.execute(query.order_by(at, duty.c.id).limit(limit)).all()
    tried = _tried(tx, [row.id for row in rows])
    return [_owed(row._asdict(), tried) for row in rows]


def _owed(values: Mapping[str, object], tried: Mapping[str, Tried]) -> Owed:
    found = Duty.model_validate({name: values[name] for name in Duty.model_fields})
    office_id = values["office_id"]
    return Owed(found, str(values["number"]), str(office_id) if office_id else None, tried.get(found.id))


def _tried(tx: Connection, duty_ids: Sequence[str]) -> dict[str, Tried]:
    """By duty, the last notice that was not called off."""
    columns = (notice.c.duty_id, notice.c.id, notice.c.state, notice.c.reason, notice.c.attempts)
    query = sa.select(*columns).where(notice.c.duty_id.in_(duty_ids), notice.c.state != NoticeState.CANCELLED)
    return {row.duty_id: Tried(*row[1:]) for row in tx.execute(query.order_by(notice.c.created_at, notice.c.id))}


@dataclass(frozen=True)
class Arrival:
    """A message that did not simply become a case. `state` is stored, processed or shunted."""

    id: str
    received_at: datetime
    channel: str
    source: str
    state: str
    outcome: str | None
    tries: int
    error: str | None
    raw_sha256: str
    raw_size: int
    number: str | None


_ARRIVAL = [complaint.c.number if name == "number" else inbound.c[name] for name in Arrival.__dataclass_fields__]


def arrivals(tx: Connection, after: Place | None = None, limit: int = PAGE) -> list[Arrival]:
    """Waiting, shunted and automatic messages, latest first."""
    odd: list[_Condition] = [
        inbound.c.state == "stored",
        inbound.c.state == "shunted",
        inbound.c.outcome == Outcome.AUTOMATIC,
    ]
    found = {arrival.id: arrival for part in odd for arrival in _arrivals(tx, part, after, limit)}
    return sorted(found.values(), key=lambda a: (a.received_at, a.id), reverse=True)[:limit]


def _arrivals(tx: Connection, part: _Condition, after: Place | None, limit: int) -> list[Arrival]:
    at = inbound.c.received_at
    query = sa.select(*_ARRIVAL).select_from(inbound.outerjoin(complaint)).where(part)
    if after:
        query = query.where(at <= after.at, sa.or_(at < after.at, inbound.c.id < after.id))
    rows = tx.execute(query.order_by(at.desc(), inbound.c.id.desc()).limit(limit))
    return [Arrival(*row) for row in rows]
