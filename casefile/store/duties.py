"""Duties: what is owed, until it is met or no longer owed."""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from casefile.audit import Tag
from casefile.duty import Duty
from casefile.status import DutyState
from casefile.store.ledger import DUTY, Detail, Entry, transition
from casefile.store.tables import duty


def owe(tx: Connection, owed: Sequence[Duty]) -> list[Entry]:
    """Write what is owed; the entries are for the case's record."""
    if owed:
        tx.execute(duty.insert(), [one.model_dump() for one in owed])
    return [Entry(Tag.DUTY_OWED, _about(one)) for one in owed]


def of_case(tx: Connection, complaint_id: str) -> list[Duty]:
    query = sa.select(duty).where(duty.c.complaint_id == complaint_id).order_by(duty.c.due_at, duty.c.id)
    return [Duty.model_validate(dict(row._mapping)) for row in tx.execute(query)]


def is_open(tx: Connection, duty_id: str) -> bool:
    return bool(tx.execute(sa.select(duty.c.state).where(duty.c.id == duty_id)).scalar_one() == DutyState.OPEN)


def end(tx: Connection, duty_id: str, state: DutyState, at: datetime, actor: str, why: str) -> None:
    """Meet or cancel an open duty."""
    tag = Tag.DUTY_MET if state is DutyState.MET else Tag.DUTY_CANCELLED
    transition(tx, DUTY, duty_id, state, at=at, actor=actor, tag=tag, detail={"why": why}, values={"ended_at": at})


def reopen(tx: Connection, duty_id: str, at: datetime, actor: str, why: str) -> None:
    """What seemed to meet the duty did not (the notice came back)."""
    values: dict[str, object] = {"ended_at": None}
    detail: Detail = {"why": why}
    transition(
        tx, DUTY, duty_id, DutyState.OPEN, at=at, actor=actor, tag=Tag.DUTY_REOPENED, detail=detail, values=values
    )


def _about(owed: Duty) -> Detail:
    return {"duty": owed.id, "rule": owed.rule_id, "to": owed.to, "due": owed.due_at.isoformat(), "cite": owed.cite}
