"""The record: events are only ever appended, and no state changes without one."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from casefile.audit import Event, Tag
from casefile.errors import ForbiddenMove, StaleClaim
from casefile.status import CASE_MOVES, DUTY_MOVES, NOTICE_MOVES, Moves
from casefile.store.tables import audit, canonical, chain, complaint, duty, notice

Detail = dict[str, str | int | bool | None]


@dataclass(frozen=True)
class Entry:
    """An event before it has its place in the chain."""

    tag: Tag
    detail: Detail


def open_chain(tx: Connection, chain_id: str) -> None:
    tx.execute(chain.insert().values(id=chain_id, head_seq=0))


def append(tx: Connection, chain_id: str, at: datetime, actor: str, entries: Sequence[Entry]) -> None:
    """The single door to the audit table. Takes the chain's row lock, so a chain cannot fork."""
    if not entries:
        return
    head = tx.execute(
        chain.update()
        .where(chain.c.id == chain_id)
        .values(head_seq=chain.c.head_seq + len(entries))
        .returning(chain.c.head_seq)
    ).scalar_one()
    first = head - len(entries) + 1
    events = [
        Event(chain_id=chain_id, seq=first + i, at=at, tag=e.tag, actor=actor, detail=e.detail)
        for i, e in enumerate(entries)
    ]
    tx.execute(audit.insert(), [_row(event) for event in events])


def events(tx: Connection, chain_id: str) -> list[Event]:
    rows = tx.execute(sa.select(audit.c.body).where(audit.c.chain_id == chain_id).order_by(audit.c.seq))
    return [Event.model_validate_json(body) for (body,) in rows]


def _row(event: Event) -> dict[str, object]:
    body = canonical(event.model_dump(mode="json"))
    return {
        "chain_id": event.chain_id,
        "seq": event.seq,
        "at": event.at,
        "tag": event.tag,
        "actor": event.actor,
        "body": body,
    }


@dataclass(frozen=True)
class Machine:
    """A table whose rows have a state, and where their events go."""

    table: sa.Table
    moves: Moves
    chain: sa.Column[str]

    def sources(self, to: StrEnum) -> list[StrEnum]:
        return [source for source, targets in self.moves.items() if to in targets]


CASE = Machine(complaint, CASE_MOVES, complaint.c.id)
DUTY = Machine(duty, DUTY_MOVES, duty.c.complaint_id)
NOTICE = Machine(notice, NOTICE_MOVES, notice.c.complaint_id)


def transition(
    tx: Connection,
    machine: Machine,
    row_id: str,
    to: StrEnum,
    *,
    at: datetime,
    actor: str,
    tag: Tag,
    detail: Detail | None = None,
    lease: str | None = None,
    values: dict[str, object] | None = None,
) -> None:
    """Move one row to `to` and append the event, or neither.

    With `lease` the row must still be held under that token: raises StaleClaim when it is not. Raises ForbiddenMove
    when the move is not in the table of allowed moves.
    """
    rows = machine.table.c
    held = rows.lease_token == lease if lease else sa.true()
    chain_id = tx.execute(
        machine.table.update()
        .where(rows.id == row_id, rows.state.in_(machine.sources(to)), held)
        .values(state=to, **(values or {}))
        .returning(machine.chain)
    ).scalar_one_or_none()
    if chain_id is None:
        raise _refusal(tx, machine, row_id, to, lease)
    about: Detail = {} if machine is CASE else {machine.table.name: row_id}
    append(tx, chain_id, at, actor, [Entry(tag, {**about, **(detail or {})})])


def _refusal(tx: Connection, machine: Machine, row_id: str, to: StrEnum, lease: str | None) -> Exception:
    state = tx.execute(sa.select(machine.table.c.state).where(machine.table.c.id == row_id)).scalar_one_or_none()
    if lease and state is not None:
        return StaleClaim(f"{machine.table.name} {row_id}: the lease has passed to another worker (now {state})")
    return ForbiddenMove(f"{machine.table.name} {row_id}: {state or 'missing'} may not become {to}")
