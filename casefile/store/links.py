"""Links that let their holder act on one case: only the hash of the token is kept here, with what it is good for."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from casefile.audit import Tag
from casefile.errors import LinkExpired, NotFound
from casefile.store.ledger import Entry, append
from casefile.store.tables import link
from casefile.token import digest


@dataclass(frozen=True)
class Link:
    """`purpose` is `desk` (an office acts) or `revisit` (the customer answers)."""

    complaint_id: str
    purpose: str
    office_id: str | None
    notice_id: str
    issued_at: datetime
    expires_at: datetime


_INSERT = link.insert()
_COLUMNS = [link.c[name] for name in Link.__dataclass_fields__]


def issue(tx: Connection, granted: Mapping[str, Link]) -> None:
    """By token."""
    if granted:
        tx.execute(_INSERT, [{"token_hash": digest(token), **one.__dict__} for token, one in granted.items()])


def find(tx: Connection, token: str, purpose: str, now: datetime) -> Link:
    """Raises NotFound for a token that never was, LinkExpired for one that is over (and says why)."""
    query = sa.select(*_COLUMNS, link.c.revoked_why).where(link.c.token_hash == digest(token))
    row = tx.execute(query.where(link.c.purpose == purpose)).one_or_none()
    if row is None:
        raise NotFound("no such link")
    *values, revoked_why = row
    found = Link(*values)
    if revoked_why or found.expires_at <= now:
        raise LinkExpired(revoked_why or "the link has expired")
    return found


def revoke(tx: Connection, complaint_id: str, purpose: str, now: datetime, actor: str, why: str) -> None:
    """End all live links of a case for this purpose."""
    live = (link.c.complaint_id == complaint_id) & (link.c.purpose == purpose) & link.c.revoked_at.is_(None)
    ended = tx.execute(link.update().where(live).values(revoked_at=now, revoked_why=why)).rowcount
    if ended:
        append(tx, complaint_id, now, actor, [Entry(Tag.LINK_REVOKED, {"purpose": purpose, "why": why})])
