"""The outbox on both engines: claimed by one, written to by who holds it, nothing without its event."""

import asyncio
from collections import Counter
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa

from casefile.audit import Tag
from casefile.errors import ForbiddenMove, NotFound
from casefile.notice import Notice, Stage, Urgency
from casefile.status import DutyState, NoticeState
from casefile.store import duties, ledger, outbox
from casefile.store.engine import Store
from casefile.store.outbox import Claim, Result
from tests.samples import CASE, MONDAY, complaint, duty, notice, open_case

LEASE = timedelta(seconds=60)
ACCEPTED = Result(NoticeState.ACCEPTED, Stage.REPLY, "250 OK", provider_id="q-1")
LATER = MONDAY + timedelta(minutes=5)
WAITING = (NoticeState.SCHEDULED, NoticeState.RETRY_WAIT, NoticeState.IN_DOUBT)


async def claim(store: Store, now: datetime = MONDAY, worker: str = "w1") -> Claim | None:
    return await store.write(outbox.claim, now=now, worker=worker, lease=LEASE)


async def claimed(store: Store, now: datetime = MONDAY, worker: str = "w1") -> Claim:
    held = await claim(store, now, worker)
    assert held
    return held


async def record(store: Store, held: Claim, result: Result = ACCEPTED, now: datetime = MONDAY) -> bool:
    return await store.write(outbox.record, held, result, now, "w1")


async def expire(store: Store, now: datetime) -> int:
    return await store.write(outbox.expire_leases, now=now, actor="w2", most=3)


async def the_notice(store: Store, number: int = 1) -> Notice:
    return await store.read(outbox.get, f"{number:032x}")


async def tags(store: Store) -> list[Tag]:
    return [event.tag for event in await store.read(ledger.events, CASE)]


async def test_a_notice_comes_back_as_it_was_planned(store: Store) -> None:
    planned = notice(reason="why", next_at=None, state=NoticeState.WITHHELD, possible_duplicate=True)
    await store.write(open_case, notices=[planned])
    assert await the_notice(store) == planned
    assert await tags(store) == [Tag.NOTICE_WITHHELD]


async def test_planned_twice_is_refused_as_a_whole(store: Store) -> None:
    await store.write(open_case, notices=[notice(1)])
    with pytest.raises(sa.exc.IntegrityError):
        await store.write(outbox.plan, [notice(2), notice(3, occurrence=1)])
    assert [n.id for n in await store.read(outbox.of_case, CASE)] == [notice(1).id]


async def test_a_claim_puts_the_attempt_on_record_first(store: Store) -> None:
    await store.write(open_case, notices=[notice()])
    held = await claimed(store)
    assert (held.notice.state, held.attempt) == (NoticeState.SENDING, 1)
    assert held.notice == await the_notice(store)
    assert held.notice.lease_until == MONDAY + LEASE
    [attempt] = await store.read(outbox.attempts, held.notice.id)
    assert (attempt.no, attempt.worker, attempt.stage, attempt.finished_at) == (1, "w1", Stage.CLAIMED, None)
    assert await tags(store) == [Tag.NOTICE_PLANNED, Tag.NOTICE_SENDING]


async def test_what_is_claimed_or_not_due_is_not_claimed(store: Store) -> None:
    await store.write(open_case, notices=[notice(1), notice(2, next_at=LATER), notice(3, next_at=None)])
    assert (await claimed(store)).notice.id == notice(1).id
    assert await claim(store, LATER - timedelta(microseconds=1)) is None
    assert (await claimed(store, LATER)).notice.id == notice(2).id
    assert await claim(store, LATER) is None


async def test_most_urgent_first_then_longest_due(store: Store) -> None:
    minutes = iter(range(9))
    due = [
        notice(n, urgency=urgency, next_at=MONDAY - timedelta(minutes=next(minutes)))
        for n, urgency in enumerate([*Urgency] * 3, 1)
    ]
    await store.write(open_case, notices=due)
    order = [(await claimed(store)).notice for _ in due]
    expected = sorted(due, key=lambda n: ([*Urgency].index(n.urgency), n.next_at))
    assert [n.id for n in order] == [n.id for n in expected]


@pytest.mark.parametrize("state", [s for s in NoticeState if s not in WAITING])
async def test_only_what_waits_is_claimed(store: Store, state: NoticeState) -> None:
    await store.write(open_case, notices=[notice(state=state)])
    assert await claim(store) is None


async def test_many_workers_never_claim_the_same(store: Store) -> None:
    await store.write(open_case, notices=[notice(n) for n in range(1, 31)])
    claims = await asyncio.gather(*(claim(store, worker=f"w{n}") for n in range(40)))
    taken = Counter(held.notice.id for held in claims if held)
    # on PostgreSQL a worker that finds the row of its look taken meanwhile comes again with its next look
    assert set(taken.values()) == {1}
    while held := await claim(store):
        taken[held.notice.id] += 1
    assert taken == Counter(notice(n).id for n in range(1, 31))


async def test_acceptance_ends_the_attempt_and_meets_the_duty(store: Store) -> None:
    await store.write(open_case, owed=[duty()], notices=[notice(duty_id=duty().id)])
    held = await claimed(store)
    assert await record(store, held)
    sent = await the_notice(store)
    assert (sent.state, sent.provider_id, sent.lease_token, sent.next_at) == (NoticeState.ACCEPTED, "q-1", None, None)
    [attempt] = await store.read(outbox.attempts, sent.id)
    assert (attempt.outcome, attempt.reply, attempt.finished_at) == ("accepted", "250 OK", MONDAY)
    [met] = await store.read(duties.of_case, CASE)
    assert (met.state, met.ended_at) == (DutyState.MET, MONDAY)
    assert (await tags(store))[-2:] == [Tag.NOTICE_ACCEPTED, Tag.DUTY_MET]


async def test_acceptance_leaves_a_duty_that_is_over_alone(store: Store) -> None:
    await store.write(open_case, owed=[duty()], notices=[notice(duty_id=duty().id)])
    held = await claimed(store)
    await store.write(duties.end, duty().id, DutyState.CANCELLED, MONDAY, "office:nanhu", "replied")
    assert await record(store, held)
    assert [d.state for d in await store.read(duties.of_case, CASE)] == [DutyState.CANCELLED]


@pytest.mark.parametrize("state", [NoticeState.RETRY_WAIT, NoticeState.IN_DOUBT])
async def test_a_failure_is_tried_again_when_it_says(store: Store, state: NoticeState) -> None:
    await store.write(open_case, owed=[duty()], notices=[notice(duty_id=duty().id)])
    held = await claimed(store)
    assert await record(store, held, Result(state, Stage.DATA, "451 later" * 200, next_at=LATER))
    waiting = await the_notice(store)
    assert (waiting.state, waiting.next_at, len(waiting.reason or "")) == (state, LATER, 500)
    assert [d.state for d in await store.read(duties.of_case, CASE)] == [DutyState.OPEN]
    assert await claim(store) is None
    again = await claimed(store, LATER)
    assert again.attempt == 2
    assert again.notice.possible_duplicate is (state is NoticeState.IN_DOUBT)


async def test_a_dead_notice_waits_for_a_person(store: Store) -> None:
    await store.write(open_case, notices=[notice()])
    await record(store, await claimed(store), Result(NoticeState.DEAD, Stage.RCPT, "550 unknown"))
    assert await claim(store, LATER) is None
    await store.write(outbox.release, notice().id, LATER, "console:admin")
    assert (await claimed(store, LATER)).attempt == 2


async def test_who_never_says_a_word_gets_no_more_copies(store: Store) -> None:
    """A relay that takes each message and then drops the line may hold them all."""
    await store.write(open_case, notices=[notice()])
    states = []
    for n in range(outbox.MOST_DOUBTS):
        at = MONDAY + timedelta(hours=n)
        held = await claimed(store, at)
        await record(store, held, Result(NoticeState.IN_DOUBT, Stage.DOT, "line dropped", next_at=at))
        states.append((await the_notice(store)).state)
    assert states == [*[NoticeState.IN_DOUBT] * (outbox.MOST_DOUBTS - 1), NoticeState.DEAD]
    assert await claim(store, LATER + timedelta(days=9)) is None


async def test_a_lease_that_ran_out_leaves_it_in_doubt_and_due(store: Store) -> None:
    await store.write(open_case, notices=[notice()])
    await claimed(store)
    assert await expire(store, MONDAY + LEASE) == 0
    late = MONDAY + LEASE + timedelta(microseconds=1)
    assert await expire(store, late) == 1
    assert await expire(store, late) == 0
    assert (await the_notice(store)).state is NoticeState.IN_DOUBT
    again = await claimed(store, late, "w2")
    assert (again.attempt, again.notice.possible_duplicate) == (2, True)


async def test_what_silences_every_worker_waits_for_a_person(store: Store) -> None:
    await store.write(open_case, notices=[notice()])
    now = MONDAY
    for _ in range(3):
        await claimed(store, now)
        now += LEASE * 2
        await expire(store, now)
    assert ((await the_notice(store)).state, await claim(store, now)) == (NoticeState.DEAD, None)
    assert (await tags(store))[-1] is Tag.NOTICE_DEAD


async def test_who_lost_the_lease_is_fenced(store: Store) -> None:
    await store.write(open_case, owed=[duty()], notices=[notice(duty_id=duty().id)])
    slow = await claimed(store)
    await expire(store, LATER)
    quick = await claimed(store, LATER, "w2")
    assert await record(store, slow, now=LATER) is False
    assert (await the_notice(store)).lease_token == quick.token
    assert [d.state for d in await store.read(duties.of_case, CASE)] == [DutyState.OPEN]
    assert await record(store, quick, now=LATER)
    first, second = await store.read(outbox.attempts, notice().id)
    assert (first.outcome, first.finished_at, second.outcome) == ("fenced", LATER, "accepted")
    assert (await tags(store)).count(Tag.NOTICE_ACCEPTED) == 1


async def test_who_lost_the_lease_to_nobody_is_fenced_too(store: Store) -> None:
    await store.write(open_case, notices=[notice()])
    slow = await claimed(store)
    await expire(store, LATER)
    assert await record(store, slow, now=LATER) is False
    assert (await the_notice(store)).state is NoticeState.IN_DOUBT


async def test_a_heartbeat_keeps_the_lease_while_it_is_held(store: Store) -> None:
    await store.write(open_case, notices=[notice()])
    held = await claimed(store)
    assert await store.write(outbox.heartbeat, held, LATER + LEASE)
    assert await expire(store, LATER) == 0
    await expire(store, LATER + LEASE * 2)
    assert not await store.write(outbox.heartbeat, held, LATER + LEASE * 9)


async def test_one_commit_ends_an_attempt_and_claims_the_next(store: Store) -> None:
    await store.write(open_case, notices=[notice(1), notice(2)])
    first = await claimed(store)
    step = outbox.record_and_claim
    recorded, second = await store.write(step, first, ACCEPTED, now=MONDAY, worker="w1", lease=LEASE)
    assert recorded
    assert second
    assert (second.notice.id, second.attempt) == (notice(2).id, 1)
    recorded, nothing = await store.write(step, second, ACCEPTED, now=MONDAY, worker="w1", lease=LEASE)
    assert (recorded, nothing) == (True, None)


async def test_only_what_has_not_left_can_be_cancelled(store: Store) -> None:
    await store.write(open_case, notices=[notice(1), notice(2)])
    held = await claimed(store)
    with pytest.raises(ForbiddenMove):
        await store.write(outbox.cancel, held.notice.id, MONDAY, "office:nanhu", "replied")
    await store.write(outbox.cancel, notice(2).id, MONDAY, "office:nanhu", "replied")
    cancelled = await the_notice(store, 2)
    assert (cancelled.state, cancelled.reason, cancelled.next_at) == (NoticeState.CANCELLED, "replied", None)
    assert await claim(store, LATER) is None


async def test_what_came_back_is_owed_again(store: Store) -> None:
    await store.write(open_case, owed=[duty()], notices=[notice(duty_id=duty().id)])
    await record(store, await claimed(store))
    await store.write(outbox.returned, await the_notice(store), LATER, "intake", "5.1.1 unknown")
    sent = await the_notice(store)
    assert (sent.state, sent.reason) == (NoticeState.UNDELIVERED, "5.1.1 unknown")
    [owed] = await store.read(duties.of_case, CASE)
    assert (owed.state, owed.ended_at) == (DutyState.OPEN, None)
    assert (await tags(store))[-2:] == [Tag.NOTICE_UNDELIVERED, Tag.DUTY_REOPENED]


async def test_a_bounce_overtakes_the_record_of_the_sending(store: Store) -> None:
    await store.write(open_case, owed=[duty()], notices=[notice(duty_id=duty().id)])
    held = await claimed(store)
    await store.write(outbox.returned, held.notice, MONDAY, "intake", "5.1.1 unknown")
    assert await record(store, held) is False
    assert (await the_notice(store)).state is NoticeState.UNDELIVERED
    assert [d.state for d in await store.read(duties.of_case, CASE)] == [DutyState.OPEN]


async def test_threads_pending_and_next_due(store: Store) -> None:
    other = complaint(id="e" * 32, number="HY-2026-000002")
    await store.write(open_case, notices=[notice(1), notice(2, recipient_id="nanhu", next_at=LATER)])
    await store.write(open_case, other, notices=[notice(3, complaint_id=other.id)])
    assert await store.read(outbox.threads, CASE) == {
        "complainant": [notice(1).message_id],
        "nanhu": [notice(2).message_id],
    }
    assert [n.id for n in await store.write(outbox.pending, CASE)] == [notice(1).id, notice(2).id]
    assert await store.read(outbox.next_due_at) == MONDAY
    assert [n.id for n in await store.read(outbox.by_message_ids, [notice(3).message_id, "<other@x>"])] == [
        notice(3).id
    ]
    for _ in range(2):
        await claimed(store)
    assert [n.id for n in await store.write(outbox.pending, CASE)] == [notice(2).id]
    assert await store.read(outbox.next_due_at) == LATER


async def test_a_notice_that_is_not_there(store: Store) -> None:
    with pytest.raises(NotFound, match="no notice"):
        await store.read(outbox.get, "f" * 32)
