"""The record: events are only ever appended, and no state changes without one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import cache

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from casefile.audit import Event, Tag
from casefile.errors import ForbiddenMove, StaleClaim
from casefile.status import CASE_MOVES, DUTY_MOVES, NOTICE_MOVES, Moves
from casefile.store.tables import audit, canonical, chain, complaint, duty, notice

Detail = Mapping[str, str | int | bool | None]

# Statements that run for every message are built once: building one costs as much as running it.
_OPEN = chain.insert()
_ADVANCE = (
    chain.update()
    .where(chain.c.id == sa.bindparam("chain"))
    .values(head_seq=chain.c.head_seq + sa.bindparam("count"))
    .returning(chain.c.head_seq)
)
_HOLD = sa.select(chain.c.id).where(chain.c.id == sa.bindparam("chain")).with_for_update()
_APPEND = audit.insert()


@dataclass(frozen=True)
class Entry:
    """An event before it has its place in the chain."""

    tag: Tag
    detail: Detail


def open_chain(tx: Connection, chain_id: str) -> None:
    tx.execute(_OPEN, {"id": chain_id, "head_seq": 0})


def hold(tx: Connection, chain_id: str) -> None:
    """Lock the chain of a case before its duties and notices: all who write take them in this order, or skip."""
    tx.execute(_HOLD, {"chain": chain_id})


def append(tx: Connection, chain_id: str, at: datetime, actor: str, entries: Sequence[Entry]) -> None:
    """The single door to the audit table. Takes the chain's row lock, so a chain cannot fork."""
    if not entries:
        return
    head = tx.execute(_ADVANCE, {"chain": chain_id, "count": len(entries)}).scalar_one()
    first = head - len(entries) + 1
    events = [
        Event(chain_id=chain_id, seq=first + i, at=at, tag=e.tag, actor=actor, detail=dict(e.detail))
        for i, e in enumerate(entries)
    ]
    tx.execute(_APPEND, [_row(event) for event in events])


def events(tx: Connection, chain_id: str) -> list[Event]:
    rows = tx.execute(sa.select(audit.c.body).where(audit.c.chain_id == chain_id).order_by(audit.c.seq))
    return [Event.model_validate_json(body) for (body,) in rows]


def _row(event: Event) -> dict[str, object]:
    return {
        "chain_id": event.chain_id,
        "seq": event.seq,
        "at": event.at,
        "tag": event.tag,
        "actor": event.actor,
        "body": canonical(event.model_dump(mode="json")),
    }


@dataclass(frozen=True)
class Machine:
    """A table whose rows have a state, the moves between its states, and the chain where its events go."""

    table: sa.Table
    moves: Moves = field(hash=False)
    chain: sa.Column[str]

    def sources(self, to: StrEnum) -> list[StrEnum]:
        return [source for source, targets in self.moves.items() if to in targets]


CASE = Machine(complaint, CASE_MOVES, complaint.c.id)
DUTY = Machine(duty, DUTY_MOVES, duty.c.complaint_id)
NOTICE = Machine(notice, NOTICE_MOVES, notice.c.complaint_id)


@dataclass(frozen=True)
class Move:
    """One row to a new state. With `lease` it must still be held under that token."""

    machine: Machine
    row_id: str
    to: StrEnum
    tag: Tag
    detail: Detail = field(default_factory=dict)
    values: Mapping[str, object] = field(default_factory=dict)
    lease: str | None = None


def transition(tx: Connection, at: datetime, actor: str, *moves: Move) -> list[sa.Row[tuple[object, ...]]]:
    """Make the moves, all of one case, and append their events, or do nothing. The rows as they are now.

    Raises StaleClaim when a lease has passed on, ForbiddenMove when a move is not in the table of allowed moves.
    """
    rows = [_change(tx, move) for move in moves]
    entries = [Entry(move.tag, {**_about(move), **move.detail}) for move in moves]
    chain_id = rows[0]._mapping[moves[0].machine.chain]
    append(tx, chain_id, at, actor, entries)
    return rows


def _change(tx: Connection, move: Move) -> sa.Row[tuple[object, ...]]:
    values = {"state": move.to, **move.values}
    statement = _statement(move.machine, move.to, tuple(values), move.lease is not None)
    bound = {f"new_{name}": value for name, value in values.items()}
    row = tx.execute(statement, {**bound, "row": move.row_id, "lease": move.lease}).one_or_none()
    if row is None:
        raise _refusal(tx, move)
    return row


@cache
def _statement(machine: Machine, to: StrEnum, names: tuple[str, ...], leased: bool) -> sa.UpdateBase:
    """Compare and set: only from a state that allows the move, and only for who holds the lease."""
    rows = machine.table.c
    where = [rows.id == sa.bindparam("row"), rows.state.in_(machine.sources(to))]
    if leased:
        where.append(rows.lease_token == sa.bindparam("lease"))
    new = {name: sa.bindparam(f"new_{name}", type_=rows[name].type) for name in names}
    return machine.table.update().where(*where).values(new).returning(machine.table)


def _about(move: Move) -> Detail:
    return {} if move.machine is CASE else {move.machine.table.name: move.row_id}


def _refusal(tx: Connection, move: Move) -> Exception:
    rows = move.machine.table.c
    state = tx.execute(sa.select(rows.state).where(rows.id == move.row_id)).scalar_one_or_none()
    named = f"{move.machine.table.name} {move.row_id}"
    if move.lease and state is not None:
        return StaleClaim(f"{named}: the lease has passed to another worker (now {state})")
    return ForbiddenMove(f"{named}: {state or 'missing'} may not become {move.to}")
