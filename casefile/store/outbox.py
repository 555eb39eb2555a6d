"""The outbox: one row per notice, claimed under a lease, written to only by the one who holds it.

Order of things, each committed before the next begins: claim + attempt row, the wire, the record.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import uuid4

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from casefile.audit import Tag
from casefile.errors import NotFound, StaleClaim
from casefile.failpoint import failpoint
from casefile.notice import Attempt, Notice, Stage, Urgency
from casefile.status import DutyState, NoticeState
from casefile.store import duties
from casefile.store.ledger import NOTICE, Detail, Entry, transition
from casefile.store.tables import attempt, notice

_RANKS = {urgency: rank for rank, urgency in enumerate(Urgency)}
_URGENCIES = list(Urgency)
_CLAIMABLE = (NoticeState.SCHEDULED, NoticeState.RETRY_WAIT, NoticeState.IN_DOUBT)


def plan(tx: Connection, notices: Sequence[Notice]) -> list[Entry]:
    """Write notices, frozen; the entries are for the case's record. A rule run twice hits the unique key and fails."""
    if notices:
        tx.execute(notice.insert(), [{**n.model_dump(), "urgency": _RANKS[n.urgency]} for n in notices])
    return [_planned(n) for n in notices]


def _planned(planned: Notice) -> Entry:
    tag = Tag.NOTICE_WITHHELD if planned.state is NoticeState.WITHHELD else Tag.NOTICE_PLANNED
    about: Detail = {
        "notice": planned.id,
        "kind": planned.kind,
        "channel": planned.channel,
        "recipient": planned.recipient_id,
        "due": planned.due_at.isoformat(),
        "sha256": planned.payload_sha256,
    }
    return Entry(tag, {**about, "reason": planned.reason} if planned.reason else about)


@dataclass(frozen=True)
class Claim:
    """The right to make one attempt, until the lease runs out."""

    notice: Notice
    token: str
    attempt: int


def claim(tx: Connection, *, now: datetime, worker: str, lease: timedelta) -> Claim | None:
    """Take the most urgent notice that is due, and put the attempt on record before anything is sent."""
    due_id = tx.execute(sa.select(_next_due(now))).scalar_one_or_none()
    if due_id is None:
        return None
    row = tx.execute(sa.select(notice).where(notice.c.id == due_id)).one()
    token, number = uuid4().hex, row.attempts + 1
    values: dict[str, object] = {"lease_token": token, "lease_until": now + lease, "attempts": number}
    values["possible_duplicate"] = row.possible_duplicate or row.state == NoticeState.IN_DOUBT
    detail: Detail = {"attempt": number, "possible_duplicate": bool(values["possible_duplicate"])}
    _move(tx, row.id, NoticeState.SENDING, now, worker, Tag.NOTICE_SENDING, detail, values)
    tx.execute(
        attempt.insert().values(
            notice_id=row.id, no=number, worker=worker, started_at=now, stage=Stage.CLAIMED, outcome=None
        )
    )
    return Claim(_notice(row).model_copy(update={**values, "state": NoticeState.SENDING}), token, number)


def _next_due(now: datetime) -> sa.ColumnElement[str]:
    """The oldest due notice of the first urgency that has one; each look is one index probe."""
    looks = (
        sa.select(notice.c.id)
        .where(notice.c.urgency == rank, notice.c.state.in_(_CLAIMABLE), notice.c.next_at <= now)
        .order_by(notice.c.next_at)
        .limit(1)
        .with_for_update(skip_locked=True)
        .scalar_subquery()
        for rank in _RANKS.values()
    )
    return sa.func.coalesce(*looks)


def heartbeat(tx: Connection, held: Claim, until: datetime) -> bool:
    """Extend the lease while a slow relay is answering; False when it is no longer ours."""
    mine = (notice.c.id == held.notice.id) & (notice.c.lease_token == held.token)
    sending = notice.c.state == NoticeState.SENDING
    return tx.execute(notice.update().where(mine, sending).values(lease_until=until)).rowcount == 1


@dataclass(frozen=True)
class Result:
    """What came of one attempt. `next_at` says when to try again, if at all."""

    state: NoticeState
    stage: Stage
    reply: str
    next_at: datetime | None = None
    provider_id: str | None = None


_RESULT_TAGS = {
    NoticeState.ACCEPTED: Tag.NOTICE_ACCEPTED,
    NoticeState.RETRY_WAIT: Tag.NOTICE_RETRY,
    NoticeState.IN_DOUBT: Tag.NOTICE_IN_DOUBT,
    NoticeState.DEAD: Tag.NOTICE_DEAD,
}


def record(tx: Connection, held: Claim, result: Result, now: datetime, worker: str) -> bool:
    """Write the result of an attempt. False when the lease had passed on: then only the attempt is written."""
    values: dict[str, object] = {"next_at": result.next_at, "lease_token": None, "lease_until": None}
    values["reason"] = None if result.state is NoticeState.ACCEPTED else result.reply[:500]
    if result.provider_id:
        values["provider_id"] = result.provider_id
    detail: Detail = {"attempt": held.attempt, "stage": result.stage}
    try:
        _move(tx, held.notice.id, result.state, now, worker, _RESULT_TAGS[result.state], detail, values, held.token)
    except StaleClaim:
        _close_attempt(tx, held, result, now, "fenced")
        return False
    _close_attempt(tx, held, result, now, result.state)
    failpoint("record.in_tx")
    if result.state is NoticeState.ACCEPTED:
        _meet_duty(tx, held.notice, now, worker)
    return True


def _close_attempt(tx: Connection, held: Claim, result: Result, now: datetime, outcome: str) -> None:
    mine = (attempt.c.notice_id == held.notice.id) & (attempt.c.no == held.attempt) & attempt.c.finished_at.is_(None)
    tx.execute(
        attempt.update()
        .where(mine)
        .values(stage=result.stage, outcome=outcome, reply=result.reply[:2000], finished_at=now)
    )


def _meet_duty(tx: Connection, sent: Notice, now: datetime, worker: str) -> None:
    if sent.duty_id and duties.is_open(tx, sent.duty_id):
        duties.end(tx, sent.duty_id, DutyState.MET, now, worker, f"notice {sent.id} accepted")


def expire_leases(tx: Connection, *, now: datetime, actor: str, limit: int = 100) -> int:
    """Attempts whose worker went silent are in doubt, and due again at once: losing one is worse than doubling one."""
    query = (
        sa.select(notice.c.id, notice.c.attempts)
        .where(notice.c.state == NoticeState.SENDING, notice.c.lease_until < now)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    expired = tx.execute(query).all()
    for notice_id, number in expired:
        values: dict[str, object] = {"next_at": now, "lease_token": None, "lease_until": None}
        values["reason"] = "the worker went silent during the attempt"
        _move(tx, notice_id, NoticeState.IN_DOUBT, now, actor, Tag.NOTICE_IN_DOUBT, {"attempt": number}, values)
    return len(expired)


def cancel(tx: Connection, notice_id: str, now: datetime, actor: str, reason: str) -> None:
    """No longer owed; only a notice that is not on its way can be cancelled."""
    _move(tx, notice_id, NoticeState.CANCELLED, now, actor, Tag.NOTICE_CANCELLED, {"why": reason}, {"reason": reason})


def returned(tx: Connection, notice_id: str, now: datetime, actor: str, reason: str) -> None:
    """A bounce: the notice is undelivered, and the duty that it seemed to meet is open again."""
    values: dict[str, object] = {"reason": reason[:500], "next_at": None, "lease_token": None, "lease_until": None}
    _move(tx, notice_id, NoticeState.UNDELIVERED, now, actor, Tag.NOTICE_UNDELIVERED, {}, values)
    sent = get(tx, notice_id)
    if sent.duty_id and not duties.is_open(tx, sent.duty_id):
        duties.reopen(tx, sent.duty_id, now, actor, f"notice {notice_id} came back")


def release(tx: Connection, notice_id: str, now: datetime, actor: str) -> None:
    """A person sends a dead notice again."""
    values: dict[str, object] = {"next_at": now, "attempts": notice.c.attempts}
    _move(tx, notice_id, NoticeState.SCHEDULED, now, actor, Tag.NOTICE_RELEASED, {}, values)


def get(tx: Connection, notice_id: str) -> Notice:
    """Raises NotFound."""
    row = tx.execute(sa.select(notice).where(notice.c.id == notice_id)).one_or_none()
    if row is None:
        raise NotFound(f"no notice {notice_id}")
    return _notice(row)


def by_message_ids(tx: Connection, message_ids: list[str]) -> list[Notice]:
    """Our notices among these RFC 5322 ids."""
    return [_notice(row) for row in tx.execute(sa.select(notice).where(notice.c.message_id.in_(message_ids)))]


def of_case(tx: Connection, complaint_id: str) -> list[Notice]:
    query = sa.select(notice).where(notice.c.complaint_id == complaint_id).order_by(notice.c.created_at, notice.c.id)
    return [_notice(row) for row in tx.execute(query)]


def threads(tx: Connection, complaint_id: str) -> dict[str, list[str]]:
    """By recipient, the Message-IDs of all that was written to them about this case, oldest first."""
    query = sa.select(notice.c.recipient_id, notice.c.message_id).where(notice.c.complaint_id == complaint_id)
    found: dict[str, list[str]] = {}
    for recipient, message_id in tx.execute(query.order_by(notice.c.created_at, notice.c.id)):
        found.setdefault(recipient, []).append(message_id)
    return found


def pending(tx: Connection, complaint_id: str) -> list[Notice]:
    """Planned and not yet on their way; held until the transaction ends."""
    waiting = notice.c.state.in_((NoticeState.SCHEDULED, NoticeState.RETRY_WAIT))
    query = sa.select(notice).where(notice.c.complaint_id == complaint_id, waiting).with_for_update()
    return [_notice(row) for row in tx.execute(query)]


def attempts(tx: Connection, notice_id: str) -> list[Attempt]:
    query = sa.select(attempt).where(attempt.c.notice_id == notice_id).order_by(attempt.c.no)
    return [Attempt.model_validate(dict(row._mapping)) for row in tx.execute(query)]


def next_due_at(tx: Connection) -> datetime | None:
    """When the outbox next has something to do."""
    query = sa.select(sa.func.min(notice.c.next_at)).where(notice.c.state.in_(_CLAIMABLE))
    return tx.execute(query).scalar_one_or_none()


def _move(
    tx: Connection,
    notice_id: str,
    to: NoticeState,
    now: datetime,
    actor: str,
    tag: Tag,
    detail: Detail,
    values: dict[str, object],
    lease: str | None = None,
) -> None:
    transition(tx, NOTICE, notice_id, to, at=now, actor=actor, tag=tag, detail=detail, values=values, lease=lease)


def _notice(row: sa.Row[tuple[object, ...]]) -> Notice:
    values = dict(row._mapping)
    return Notice.model_validate({**values, "urgency": _URGENCIES[values["urgency"]]})
