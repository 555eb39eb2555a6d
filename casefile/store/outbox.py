"""The outbox: one row per notice, claimed under a lease, written to only by the one who holds it.

Order of things, each committed before the next begins: claim + attempt row, the wire, the record.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
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
from casefile.store.ledger import NOTICE, Detail, Entry, Move, hold, transition
from casefile.store.tables import CLAIMABLE, LEASED, attempt, chain, notice

_RANKS = {urgency: rank for rank, urgency in enumerate(Urgency)}
_URGENCIES = list(Urgency)
_INSERT = notice.insert()


def plan(tx: Connection, notices: Sequence[Notice]) -> list[Entry]:
    """Write notices, frozen; the entries are for the case's record. A rule run twice hits the unique key and fails."""
    if notices:
        tx.execute(_INSERT, [{**n.model_dump(), "urgency": _RANKS[n.urgency]} for n in notices])
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
    due = tx.execute(_NEXT_DUE, {"now": now}).one_or_none()
    if due is None:
        return None
    token, number = uuid4().hex, due.attempts + 1
    doubtful = due.possible_duplicate or due.state == NoticeState.IN_DOUBT
    values = {"lease_token": token, "lease_until": now + lease, "attempts": number, "possible_duplicate": doubtful}
    detail: Detail = {"attempt": number, "possible_duplicate": doubtful}
    move = Move(NOTICE, due.id, NoticeState.SENDING, Tag.NOTICE_SENDING, detail, values)
    (row,) = transition(tx, now, worker, move)
    started = {"notice_id": due.id, "no": number, "worker": worker, "started_at": now, "stage": Stage.CLAIMED}
    tx.execute(_START, started)
    return Claim(_notice(row), token, number)


def record_and_claim(
    tx: Connection, held: Claim, result: "Result", *, now: datetime, worker: str, lease: timedelta
) -> tuple[bool, Claim | None]:
    """The end of one attempt and the claim for the next in one commit: a crash still leaves one message in flight."""
    recorded = record(tx, held, result, now, worker)
    return recorded, claim(tx, now=now, worker=worker, lease=lease)


def _first_due(rank: int) -> sa.ScalarSelect[str]:
    """One index probe: the longest due notice of one urgency, of a case that nobody is writing to."""
    return (
        sa.select(notice.c.id)
        .join(chain, chain.c.id == notice.c.complaint_id)
        .where(notice.c.urgency == sa.literal_column(str(rank)), CLAIMABLE, notice.c.next_at <= sa.bindparam("now"))
        .order_by(notice.c.next_at)
        .limit(1)
        .with_for_update(skip_locked=True)
        .scalar_subquery()
    )


_NEXT_DUE = sa.select(notice.c.id, notice.c.state, notice.c.attempts, notice.c.possible_duplicate).where(
    notice.c.id == sa.func.coalesce(*(_first_due(rank) for rank in _RANKS.values()))
)
_START = attempt.insert()


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


MOST_DOUBTS = 5  # copies that the other side may hold before a person has to look
_SILENT = "the worker went silent during the attempt"
_RESULT_TAGS = {
    NoticeState.ACCEPTED: Tag.NOTICE_ACCEPTED,
    NoticeState.RETRY_WAIT: Tag.NOTICE_RETRY,
    NoticeState.IN_DOUBT: Tag.NOTICE_IN_DOUBT,
    NoticeState.DEAD: Tag.NOTICE_DEAD,
}


def record(tx: Connection, held: Claim, result: Result, now: datetime, worker: str) -> bool:
    """Write the result of an attempt. False when the lease had passed on: then only the attempt is written."""
    hold(tx, held.notice.complaint_id)
    if result.state is NoticeState.IN_DOUBT and _doubts(tx, held.notice.id) + 1 >= MOST_DOUBTS:
        result = replace(result, state=NoticeState.DEAD, next_at=None)
    moves = [_moved(held, result), *_duty_met(tx, held, result, now)]
    try:
        transition(tx, now, worker, *moves)
    except StaleClaim:
        _close_attempt(tx, held, result, now, "fenced")
        return False
    failpoint("record.in_tx")
    _close_attempt(tx, held, result, now, result.state)
    return True


def _doubts(tx: Connection, notice_id: str) -> int:
    """How many attempts ended without a word after the message was handed over."""
    doubtful = (attempt.c.notice_id == notice_id) & (attempt.c.outcome == NoticeState.IN_DOUBT)
    return tx.execute(sa.select(sa.func.count()).where(doubtful)).scalar_one()


def _moved(held: Claim, result: Result) -> Move:
    values: dict[str, object] = {"next_at": result.next_at, "lease_token": None, "lease_until": None}
    values["reason"] = None if result.state is NoticeState.ACCEPTED else result.reply[:500]
    values["provider_id"] = result.provider_id
    detail: Detail = {"attempt": held.attempt, "stage": result.stage}
    return Move(NOTICE, held.notice.id, result.state, _RESULT_TAGS[result.state], detail, values, held.token)


def _duty_met(tx: Connection, held: Claim, result: Result, now: datetime) -> list[Move]:
    sent = held.notice
    met = result.state is NoticeState.ACCEPTED and duties.state_of(tx, sent.duty_id) is DutyState.OPEN
    return (
        [duties.ended(sent.duty_id, DutyState.MET, now, f"notice {sent.id} accepted")] if met and sent.duty_id else []
    )


_FINISH = (
    attempt.update()
    .where(
        attempt.c.notice_id == sa.bindparam("notice"),
        attempt.c.no == sa.bindparam("attempt"),
        attempt.c.finished_at.is_(None),
    )
    .values({name: sa.bindparam(f"new_{name}") for name in ("stage", "outcome", "reply", "finished_at")})
)


def _close_attempt(tx: Connection, held: Claim, result: Result, now: datetime, outcome: str) -> None:
    bound = {
        "new_stage": result.stage,
        "new_outcome": outcome,
        "new_reply": result.reply[:2000],
        "new_finished_at": now,
    }
    tx.execute(_FINISH, {"notice": held.notice.id, "attempt": held.attempt, **bound})


def expire_leases(tx: Connection, *, now: datetime, actor: str, most: int, limit: int = 100) -> int:
    """Attempts whose worker went silent are in doubt, and due again at once: losing one is worse than doubling one.

    After `most` attempts a person must look: the notice itself may be what silences its workers.
    """
    query = (
        sa.select(notice.c.id, notice.c.attempts)
        .join(chain, chain.c.id == notice.c.complaint_id)
        .where(LEASED, notice.c.lease_until < now)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    expired = tx.execute(query).all()
    for notice_id, number in expired:
        state, next_at = (NoticeState.DEAD, None) if number >= most else (NoticeState.IN_DOUBT, now)
        values = {"next_at": next_at, "lease_token": None, "lease_until": None, "reason": _SILENT}
        transition(tx, now, actor, Move(NOTICE, notice_id, state, _RESULT_TAGS[state], {"attempt": number}, values))
    return len(expired)


def cancel(tx: Connection, notice_id: str, now: datetime, actor: str, reason: str) -> None:
    """No longer owed; only a notice that is not on its way can be cancelled."""
    detail: Detail = {"why": reason}
    values = {"reason": reason, "next_at": None}
    transition(tx, now, actor, Move(NOTICE, notice_id, NoticeState.CANCELLED, Tag.NOTICE_CANCELLED, detail, values))


def returned(tx: Connection, sent: Notice, now: datetime, actor: str, reason: str) -> None:
    """A bounce: the notice is undelivered, and the duty that it seemed to meet is open again."""
    values = {"reason": reason[:500], "next_at": None, "lease_token": None, "lease_until": None}
    moves = [Move(NOTICE, sent.id, NoticeState.UNDELIVERED, Tag.NOTICE_UNDELIVERED, {}, values)]
    if sent.duty_id and duties.state_of(tx, sent.duty_id) is DutyState.MET:
        moves.append(duties.reopened(sent.duty_id, f"notice {sent.id} came back"))
    transition(tx, now, actor, *moves)


def release(tx: Connection, notice_id: str, now: datetime, actor: str) -> None:
    """A person sends a dead notice again."""
    move = Move(NOTICE, notice_id, NoticeState.SCHEDULED, Tag.NOTICE_RELEASED, {}, {"next_at": now})
    transition(tx, now, actor, move)


def get(tx: Connection, notice_id: str) -> Notice:
    """Raises NotFound."""
    row = tx.execute(sa.select(notice).where(notice.c.id == notice_id)).one_or_none()
    if row is None:
        raise NotFound(f"no notice {notice_id}")
    return _notice(row)


def by_message_ids(tx: Connection, message_ids: list[str]) -> list[Notice]:
    """Our notices among these RFC 5322 ids."""
    if not message_ids:
        return []
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
    query = sa.select(sa.func.min(notice.c.next_at)).where(CLAIMABLE)
    return tx.execute(query).scalar_one_or_none()


def _notice(row: sa.Row[tuple[object, ...]]) -> Notice:
    values = dict(row._mapping)
    return Notice.model_validate({**values, "urgency": _URGENCIES[values["urgency"]]})
