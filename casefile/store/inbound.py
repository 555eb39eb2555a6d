"""What came in: kept raw first, processed after, never dropped."""

from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from casefile.envelope import Envelope
from casefile.inbound import Outcome, Raw
from casefile.store.engine import insert_new
from casefile.store.tables import inbound
from casefile.text import clean_id

_KEY = (inbound.c.channel, inbound.c.source, inbound.c.external_id, inbound.c.content_hash)


@dataclass(frozen=True)
class Kept:
    """A row of the inbound table, as far as processing needs it."""

    id: str
    channel: str
    source: str
    external_id: str
    raw_sha256: str
    raw_size: int
    received_at: datetime
    state: str
    tries: int
    outcome: Outcome | None = None
    complaint_id: str | None = None


_KEPT = [inbound.c[name] for name in Kept.__dataclass_fields__]
_LOCK = sa.select(*_KEPT).where(inbound.c.id == sa.bindparam("inbound")).with_for_update()
_LOCK_SAME = (
    sa.select(*_KEPT)
    .where(inbound.c.channel == sa.bindparam("channel"), inbound.c.external_id == sa.bindparam("external_id"))
    .order_by(inbound.c.id)
    .with_for_update()
)
_FINISH = (
    inbound.update()
    .where(inbound.c.id == sa.bindparam("inbound"))
    .values({name: sa.bindparam(f"new_{name}") for name in ("state", "outcome", "complaint_id", "envelope")})
)
_SIBLINGS = sa.select(inbound.c.complaint_id, inbound.c.envelope).where(
    inbound.c.channel == sa.bindparam("channel"),
    inbound.c.external_id == sa.bindparam("external_id"),
    inbound.c.complaint_id.is_not(None),
    inbound.c.id != sa.bindparam("inbound"),
)


def keep(tx: Connection, raw: Raw, raw_sha256: str) -> Kept:
    """Put the message on record, once per (channel, source, external id, content)."""
    fresh = Kept(
        id=uuid4().hex,
        channel=raw.channel,
        source=raw.source,
        external_id=raw.external_id,
        raw_sha256=raw_sha256,
        raw_size=len(raw.body),
        received_at=raw.received_at,
        state="stored",
        tries=0,
    )
    if insert_new(tx, inbound, **fresh.__dict__, content_hash=raw.content_hash):
        return fresh
    key = (raw.channel, raw.source, raw.external_id, raw.content_hash)
    same = [column == value for column, value in zip(_KEY, key, strict=True)]
    return _kept(tx.execute(sa.select(*_KEPT).where(*same)).one())


def lock(tx: Connection, kept: Kept) -> Kept:
    """The row as it is now, held until the transaction ends, with all of the same external id.

    So two processes cannot open two cases for it, nor for its copy that came by another mailbox.
    """
    if not kept.external_id:
        return _kept(tx.execute(_LOCK, {"inbound": kept.id}).one())
    rows = tx.execute(_LOCK_SAME, {"channel": kept.channel, "external_id": kept.external_id})
    return next(_kept(row) for row in rows if row.id == kept.id)


def finish(
    tx: Connection, inbound_id: str, envelope: Envelope, outcome: Outcome, complaint_id: str | None, *, shunted: bool
) -> None:
    new = {
        "new_state": "shunted" if shunted else "processed",
        "new_outcome": outcome,
        "new_complaint_id": complaint_id,
        "new_envelope": envelope.model_dump(mode="json"),
    }
    tx.execute(_FINISH, {"inbound": inbound_id, **new})


def stumbled(tx: Connection, inbound_id: str, error: str) -> None:
    """Processing failed; it will be tried again."""
    tx.execute(inbound.update().where(inbound.c.id == inbound_id).values(tries=inbound.c.tries + 1, error=error[:2000]))


def waiting(tx: Connection, before: datetime, limit: int = 100) -> list[Kept]:
    """Kept but not processed since `before`, oldest first."""
    query = (
        sa.select(*_KEPT)
        .where(inbound.c.state == "stored", inbound.c.received_at < before)
        .order_by(inbound.c.received_at)
        .limit(limit)
    )
    return [_kept(row) for row in tx.execute(query)]


def key_reused(tx: Connection, source: str, external_id: str, content_hash: str) -> bool:
    """Whether this sender's id is already on record with other content."""
    query = sa.select(inbound.c.id).where(
        inbound.c.source == source, inbound.c.external_id == external_id, inbound.c.content_hash != content_hash
    )
    return tx.execute(query.limit(1)).first() is not None


def siblings(tx: Connection, kept: Kept) -> list[tuple[str, Envelope]]:
    """Processed messages with the same external id on the same channel: (complaint id, envelope)."""
    bound = {"channel": kept.channel, "external_id": kept.external_id, "inbound": kept.id}
    return [(case, Envelope.model_validate(envelope)) for case, envelope in tx.execute(_SIBLINGS, bound)]


def case_of_message(tx: Connection, external_ids: list[str]) -> list[str]:
    """The cases that hold messages with one of these ids."""
    if not external_ids:
        return []
    query = sa.select(inbound.c.complaint_id).where(
        inbound.c.external_id.in_([clean_id(i) for i in external_ids]), inbound.c.complaint_id.is_not(None)
    )
    return list(dict.fromkeys(tx.execute(query).scalars()))


def of_case(tx: Connection, complaint_id: str) -> list[Envelope]:
    """All that was received for a case, oldest first."""
    query = sa.select(inbound.c.envelope).where(inbound.c.complaint_id == complaint_id).order_by(inbound.c.received_at)
    return [Envelope.model_validate(envelope) for envelope in tx.execute(query).scalars() if envelope]


def _kept(row: sa.Row[tuple[object, ...]]) -> Kept:
    values = dict(row._mapping)
    outcome = values["outcome"]
    return Kept(**{**values, "outcome": Outcome(outcome) if outcome else None})
