"""Duties: what is owed, until it is met or no longer owed."""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from casefile.audit import Tag
from casefile.duty import Duty
from casefile.status import DutyState
from casefile.store.ledger import DUTY, Detail, Entry, Move, transition
from casefile.store.tables import duty

_INSERT = duty.insert()
_STATE = sa.select(duty.c.state).where(duty.c.id == sa.bindparam("duty")).with_for_update()


def owe(tx: Connection, owed: Sequence[Duty]) -> list[Entry]:
    """Write what is owed; the entries are for the case's record."""
    if owed:
        tx.execute(_INSERT, [one.model_dump() for one in owed])
    return [Entry(Tag.DUTY_OWED, _about(one)) for one in owed]


def of_case(tx: Connection, complaint_id: str) -> list[Duty]:
    query = sa.select(duty).where(duty.c.complaint_id == complaint_id).order_by(duty.c.due_at, duty.c.id)
    return [Duty.model_validate(dict(row._mapping)) for row in tx.execute(query)]


def end(tx: Connection, duty_id: str, state: DutyState, at: datetime, actor: str, why: str) -> None:
    """Meet or cancel an open duty."""
    transition(tx, at, actor, ended(duty_id, state, at, why))


def ended(duty_id: str, state: DutyState, at: datetime, why: str) -> Move:
    tag = Tag.DUTY_MET if state is DutyState.MET else Tag.DUTY_CANCELLED
    return Move(DUTY, duty_id, state, tag, {"why": why}, {"ended_at": at})


def reopened(duty_id: str, why: str) -> Move:
    """What seemed to meet the duty did not (the notice came back)."""
    return Move(DUTY, duty_id, DutyState.OPEN, Tag.DUTY_REOPENED, {"why": why}, {"ended_at": None})


def state_of(tx: Connection, duty_id: str | None) -> DutyState | None:
    """Held until the transaction ends. None where there is no duty."""
    found = tx.execute(_STATE, {"duty": duty_id}).scalar_one_or_none() if duty_id else None
    return DutyState(found) if found else None


def _about(owed: Duty) -> Detail:
    return {"duty": owed.id, "rule": owed.rule_id, "to": owed.to, "due": owed.due_at.isoformat(), "cite": owed.cite}
