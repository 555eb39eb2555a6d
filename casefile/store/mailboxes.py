"""Per mailbox: how far it has been read (UID and UIDVALIDITY, RFC 3501), what was missed, when it last answered."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from casefile.store.engine import insert_new
from casefile.store.tables import mailbox, mailbox_cursor, mailbox_missed


@dataclass(frozen=True)
class Place:
    """One folder of one mailbox in one of its lives."""

    name: str
    folder: str
    uidvalidity: int


def last_uid(tx: Connection, place: Place) -> int:
    query = sa.select(mailbox_cursor.c.last_uid).where(_at(mailbox_cursor, place))
    return tx.execute(query).scalar_one_or_none() or 0


def missed_uids(tx: Connection, place: Place) -> list[int]:
    """Seen but not yet fetched: tried again each round."""
    query = sa.select(mailbox_missed.c.uid).where(_at(mailbox_missed, place)).order_by(mailbox_missed.c.uid)
    return list(tx.execute(query).scalars())


def advance(tx: Connection, place: Place, uid: int) -> None:
    """Everything up to `uid` is stored or listed as missed. Never moves back."""
    insert_new(tx, mailbox_cursor, **place.__dict__, last_uid=0)
    behind = _at(mailbox_cursor, place) & (mailbox_cursor.c.last_uid < uid)
    tx.execute(mailbox_cursor.update().where(behind).values(last_uid=uid))


def miss(tx: Connection, place: Place, uid: int, why: str) -> None:
    insert_new(tx, mailbox_missed, **place.__dict__, uid=uid, tries=0, why="")
    one = _at(mailbox_missed, place) & (mailbox_missed.c.uid == uid)
    tx.execute(mailbox_missed.update().where(one).values(tries=mailbox_missed.c.tries + 1, why=why[:500]))


def recover(tx: Connection, place: Place, uid: int) -> None:
    tx.execute(mailbox_missed.delete().where(_at(mailbox_missed, place), mailbox_missed.c.uid == uid))


def succeeded(tx: Connection, name: str, at: datetime) -> None:
    insert_new(tx, mailbox, name=name)
    tx.execute(mailbox.update().where(mailbox.c.name == name).values(last_success_at=at))


def failed(tx: Connection, name: str, at: datetime, why: str) -> None:
    insert_new(tx, mailbox, name=name)
    tx.execute(mailbox.update().where(mailbox.c.name == name).values(last_failure_at=at, last_failure=why[:500]))


def lease(tx: Connection, name: str, owner: str, at: datetime, length: timedelta) -> bool:
    """Whether `owner` may read this mailbox now: one poller at a time, any may take over when it goes silent."""
    insert_new(tx, mailbox, name=name)
    free = sa.or_(mailbox.c.lease_until.is_(None), mailbox.c.lease_until < at, mailbox.c.lease_owner == owner)
    taken = mailbox.update().where(mailbox.c.name == name, free).values(lease_owner=owner, lease_until=at + length)
    return tx.execute(taken).rowcount == 1


@dataclass(frozen=True)
class Health:
    name: str
    last_success_at: datetime | None
    last_failure_at: datetime | None
    last_failure: str | None


def health(tx: Connection) -> list[Health]:
    columns = (mailbox.c.name, mailbox.c.last_success_at, mailbox.c.last_failure_at, mailbox.c.last_failure)
    return [Health(*row) for row in tx.execute(sa.select(*columns).order_by(mailbox.c.name))]


def _at(table: sa.Table, place: Place) -> sa.ColumnElement[bool]:
    return sa.and_(*(table.c[key] == value for key, value in place.__dict__.items()))
