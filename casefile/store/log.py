"""Reading the record, for those who check it: the notification log and what stands behind each of its lines.

Lists are read page by page from the place where the last one ended, so that a page costs the same however long the
list has become.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from casefile.audit import Event, Tag
from casefile.duty import Duty
from casefile.envelope import Channel
from casefile.errors import NotFound
from casefile.notice import Attempt, Notice, NoticeKind
from casefile.status import NoticeState
from casefile.store import ledger, outbox
from casefile.store.tables import attempt, audit, complaint, duty, link, notice

PAGE = 50
TROUBLE = (NoticeState.DEAD, NoticeState.IN_DOUBT, NoticeState.UNDELIVERED, NoticeState.WITHHELD)
UNDER_WAY = (NoticeState.SCHEDULED, NoticeState.SENDING, NoticeState.RETRY_WAIT)
_SENT = (NoticeState.ACCEPTED, NoticeState.DELIVERED)
_REFUSALS = 10_000  # more are not counted


@dataclass(frozen=True)
class Place:
    """The last line of a page: the next page begins behind it."""

    at: datetime
    id: str


@dataclass(frozen=True)
class Filter:
    """What of the log is wanted. `recipient` is an office id or `complainant`.

    Due later than `due_after` and not later than `due_until`: a limit that ends at midnight belongs to the day before.
    `problems_at`: only what is in trouble, or still under way although its time is over, at that moment.
    """

    number: str = ""
    state: NoticeState | None = None
    kind: NoticeKind | None = None
    recipient: str = ""
    channel: Channel | None = None
    due_after: datetime | None = None
    due_until: datetime | None = None
    problems_at: datetime | None = None


@dataclass(frozen=True)
class Line:
    """One notice, from what was owed to what became of it. `cite` is None when no duty asked for it."""

    id: str
    number: str
    kind: str
    recipient_id: str
    to: str
    channel: str
    state: str
    reason: str | None
    attempts: int
    possible_duplicate: bool
    rule_id: str
    cite: str | None
    due_at: datetime
    created_at: datetime
    sent_at: datetime | None

    def late(self, now: datetime) -> bool | None:
        """None when nothing is owed (no duty, or cancelled), or when there is still time."""
        if self.cite is None or self.state == NoticeState.CANCELLED:
            return None
        if self.sent_at and self.state in _SENT:
            return self.sent_at > self.due_at
        return True if self.due_at < now else None


_SENT_AT = (
    sa.select(sa.func.min(attempt.c.finished_at))
    .where(attempt.c.notice_id == notice.c.id, attempt.c.outcome == NoticeState.ACCEPTED)
    .scalar_subquery()
)
_RULE = sa.func.coalesce(duty.c.rule_id, notice.c.rule_id)
_OTHERS = {"number": complaint.c.number, "rule_id": _RULE, "cite": duty.c.cite, "sent_at": _SENT_AT}
_LINE = [_OTHERS[name] if name in _OTHERS else notice.c[name] for name in Line.__dataclass_fields__]
_LINES = sa.select(*_LINE).select_from(notice.join(complaint).outerjoin(duty, duty.c.id == notice.c.duty_id))


def lines(tx: Connection, chosen: Filter, after: Place | None = None, limit: int = PAGE) -> list[Line]:
    """The log, latest due time first."""
    found = [line for part in _parts(chosen) for line in _part(tx, chosen, part, after, limit)]
    return sorted(found, key=lambda line: (line.due_at, line.id), reverse=True)[:limit]


def _parts(chosen: Filter) -> list[sa.ColumnElement[bool]]:
    """One look per state, each of which an index answers, instead of one look through everything."""
    if chosen.problems_at is None:
        return [sa.true()]
    over = notice.c.due_at < chosen.problems_at
    return [notice.c.state == s for s in TROUBLE] + [(notice.c.state == s) & over for s in UNDER_WAY]


def _part(tx: Connection, chosen: Filter, part: sa.ColumnElement[bool], after: Place | None, limit: int) -> list[Line]:
    query = _LINES.where(part, *_conditions(chosen))
    if after:
        at, row = notice.c.due_at, notice.c.id
        query = query.where(at <= after.at, sa.or_(at < after.at, row < after.id))
    query = query.order_by(notice.c.due_at.desc(), notice.c.id.desc()).limit(limit)
    return [Line(*row) for row in tx.execute(query)]


def _conditions(chosen: Filter) -> list[sa.ColumnElement[bool]]:
    wanted = {
        complaint.c.number: chosen.number,
        notice.c.state: chosen.state,
        notice.c.kind: chosen.kind,
        notice.c.recipient_id: chosen.recipient,
        notice.c.channel: chosen.channel,
    }
    conditions = [column == value for column, value in wanted.items() if value]
    if chosen.due_after:
        conditions.append(notice.c.due_at > chosen.due_after)
    if chosen.due_until:
        conditions.append(notice.c.due_at <= chosen.due_until)
    return conditions


@dataclass(frozen=True)
class Dossier:
    """The whole evidence about one notice. `live_links` is how many links in it would still let their holder act."""

    line: Line
    notice: Notice
    duty: Duty | None
    attempts: tuple[Attempt, ...]
    events: tuple[Event, ...]
    live_links: int


def dossier(tx: Connection, notice_id: str, now: datetime) -> Dossier:
    """Raises NotFound."""
    sent = outbox.get(tx, notice_id)
    about = {notice_id, sent.duty_id}
    return Dossier(
        line=Line(*tx.execute(_LINES.where(notice.c.id == notice_id)).one()),
        notice=sent,
        duty=_duty(tx, sent.duty_id) if sent.duty_id else None,
        attempts=tuple(outbox.attempts(tx, notice_id)),
        events=tuple(e for e in ledger.events(tx, sent.complaint_id) if _subjects(e) & about),
        live_links=_live_links(tx, sent, now),
    )


def _subjects(event: Event) -> set[object]:
    return {event.detail[name] for name in ("notice", "duty") if event.detail.get(name)}


def _duty(tx: Connection, duty_id: str) -> Duty:
    return Duty.model_validate(dict(tx.execute(sa.select(duty).where(duty.c.id == duty_id)).one()._mapping))


def _live_links(tx: Connection, sent: Notice, now: datetime) -> int:
    mine = (link.c.complaint_id == sent.complaint_id) & (link.c.notice_id == sent.id)
    alive = link.c.revoked_at.is_(None) & (link.c.expires_at > now)
    return tx.execute(sa.select(sa.func.count()).select_from(link).where(mine, alive)).scalar_one()


def case_id(tx: Connection, number: str) -> str:
    """Raises NotFound."""
    found = tx.execute(sa.select(complaint.c.id).where(complaint.c.number == number)).scalar_one_or_none()
    if found is None:
        raise NotFound(f"no case {number}")
    return str(found)


def of_case(tx: Connection, complaint_id: str) -> list[Line]:
    """All notices of a case in the order in which they were planned."""
    query = _LINES.where(notice.c.complaint_id == complaint_id).order_by(notice.c.created_at, notice.c.id)
    return [Line(*row) for row in tx.execute(query)]


def refusals(tx: Connection, since: datetime) -> Sequence[Event]:
    """Logins that were refused after `since`."""
    query = sa.select(audit.c.body).where(audit.c.tag == Tag.CONSOLE_REFUSED, audit.c.at > since)
    bodies = tx.execute(query.order_by(audit.c.at.desc()).limit(_REFUSALS)).scalars()
    return [Event.model_validate_json(body) for body in bodies]
