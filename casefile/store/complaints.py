"""Cases: their numbers, their rows, what staff wrote in them."""

from dataclasses import dataclass
from datetime import datetime
from functools import cache
from uuid import uuid4

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from casefile.complaint import Complainant, Complaint
from casefile.errors import NotFound
from casefile.store import ledger
from casefile.store.tables import complaint, counter, remark

_INSERT = complaint.insert()


def next_number(tx: Connection, pattern: str, year: int) -> str:
    """The next case number; `pattern` is a format of `year` and `seq`. Gapless: it rolls back with the case."""
    seq = tx.execute(_count_up(tx.dialect.name), {"name": f"complaint:{year}", "value": 1}).scalar_one()
    return pattern.format(year=year, seq=seq)


@cache
def _count_up(dialect: str) -> sa.Executable:
    insert = sqlite.insert if dialect == "sqlite" else postgresql.insert
    counted = {"value": counter.c.value + 1}
    upsert = insert(counter).on_conflict_do_update(index_elements=[counter.c.name], set_=counted)
    return upsert.returning(counter.c.value)


def insert(tx: Connection, case: Complaint, route: dict[str, object], secret_hash: str) -> None:
    """Open a case and its chain of events."""
    flat = case.model_dump(mode="json", exclude={"complainant", "received_at"})
    more = {"received_at": case.received_at, "route": route, "secret_hash": secret_hash}
    tx.execute(_INSERT, {**flat, **case.complainant.model_dump(), **more})
    ledger.open_chain(tx, case.id)


def get(tx: Connection, complaint_id: str) -> Complaint:
    """Raises NotFound."""
    return _one(tx, complaint.c.id == complaint_id)


def lock(tx: Connection, complaint_id: str) -> Complaint:
    """The case, held until the transaction ends. Raises NotFound."""
    return _one(tx, complaint.c.id == complaint_id, for_update=True)


def by_secret(tx: Connection, number: str, secret_hash: str) -> Complaint | None:
    """Number and secret must both be right; neither alone tells anything."""
    where = (complaint.c.number == number) & (complaint.c.secret_hash == secret_hash)
    row = tx.execute(sa.select(complaint).where(where)).one_or_none()
    return _complaint(row) if row else None


def route_of(tx: Connection, complaint_id: str) -> dict[str, object]:
    """Why the case went where it went."""
    return dict(tx.execute(sa.select(complaint.c.route).where(complaint.c.id == complaint_id)).scalar_one() or {})


@dataclass(frozen=True)
class Remark:
    """What an office (or the customer, at the revisit) wrote in the case."""

    kind: str
    author: str
    text: str
    at: datetime


def add_remark(tx: Connection, complaint_id: str, said: Remark) -> str:
    remark_id = uuid4().hex
    tx.execute(
        remark.insert().values(
            id=remark_id, complaint_id=complaint_id, kind=said.kind, author=said.author, text=said.text, at=said.at
        )
    )
    return remark_id


def remarks(tx: Connection, complaint_id: str) -> list[Remark]:
    columns = (remark.c.kind, remark.c.author, remark.c.text, remark.c.at)
    query = sa.select(*columns).where(remark.c.complaint_id == complaint_id).order_by(remark.c.at, remark.c.id)
    return [Remark(*row) for row in tx.execute(query)]


def _one(tx: Connection, where: sa.ColumnElement[bool], *, for_update: bool = False) -> Complaint:
    query = sa.select(complaint).where(where)
    row = tx.execute(query.with_for_update() if for_update else query).one_or_none()
    if row is None:
        raise NotFound("no such case")
    return _complaint(row)


_PERSON = tuple(Complainant.model_fields)
_FLAT = tuple(name for name in Complaint.model_fields if name != "complainant")


def _complaint(row: sa.Row[tuple[object, ...]]) -> Complaint:
    values = row._mapping
    person = {name: values[name] for name in _PERSON}
    return Complaint.model_validate({**{name: values[name] for name in _FLAT}, "complainant": person})
