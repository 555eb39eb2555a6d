"""One message at a time, and the database knows of it before the wire does."""

import asyncio
import random
from datetime import timedelta

import pytest

from casefile.envelope import Channel
from casefile.errors import TransportError
from casefile.notice import Attempt, Notice, Stage, Urgency
from casefile.status import NoticeState
from casefile.store import outbox
from casefile.store.engine import Store
from notifier.backoff import FIRST, LONGEST, MAX_ATTEMPTS
from notifier.courier import DOUBT, Courier
from tests.notifier.conftest import LEASE, Clock, WayOut
from tests.samples import CASE, MONDAY, notice, open_case

ONE = notice(1)


async def one(store: Store) -> Notice:
    return await store.read(outbox.get, ONE.id)


async def attempts(store: Store) -> list[Attempt]:
    return await store.read(outbox.attempts, ONE.id)


async def test_while_it_is_on_the_wire_it_is_not_called_sent(store: Store, courier: Courier, way_out: WayOut) -> None:
    """Mark sent, then send, would lose what is in flight in a crash."""
    seen: list[tuple[NoticeState, str | None, object]] = []

    async def look(sending: Notice) -> None:
        [attempt] = await attempts(store)
        seen.append(((await one(store)).state, attempt.outcome, attempt.finished_at))

    way_out.act = look
    await store.write(open_case, notices=[ONE])
    assert await courier.drain() == 1
    assert seen == [(NoticeState.SENDING, None, None)]
    assert (await one(store)).state is NoticeState.ACCEPTED
    [attempt] = await attempts(store)
    assert (attempt.outcome, attempt.stage, attempt.reply, attempt.worker) == ("accepted", "reply", "250 OK", "w1")
    assert (await one(store)).provider_id == "q-1"


async def test_all_that_is_due_goes_most_urgent_first_and_never_two_at_once(
    store: Store, courier: Courier, way_out: WayOut
) -> None:
    on_the_wire = 0

    async def one_at_a_time(_: Notice) -> None:
        nonlocal on_the_wire
        on_the_wire += 1
        assert on_the_wire == 1
        await asyncio.sleep(0.002)
        on_the_wire -= 1

    way_out.act = one_at_a_time
    due = [notice(n, urgency=[*Urgency][n % 3], next_at=MONDAY - timedelta(seconds=n)) for n in range(12)]
    await store.write(open_case, notices=[*due, notice(99, next_at=MONDAY + timedelta(microseconds=1))])
    assert await courier.drain() == 12
    expected = sorted(due, key=lambda n: ([*Urgency].index(n.urgency), n.next_at))
    assert [sent.id for sent in way_out.sent] == [n.id for n in expected]
    assert await courier.drain() == 0


FAILURES = [
    (TransportError("550", permanent=True, stage="rcpt"), NoticeState.DEAD, Stage.RCPT),
    (TransportError("451", stage="mail"), NoticeState.RETRY_WAIT, Stage.MAIL),
    (TransportError("silence", in_doubt=True, stage="dot"), NoticeState.IN_DOUBT, Stage.DOT),
    (ValueError("a bug"), NoticeState.IN_DOUBT, Stage.DOT),
]


@pytest.mark.parametrize(("error", "state", "stage"), FAILURES)
async def test_a_failure_is_what_the_transport_says(
    store: Store, courier: Courier, way_out: WayOut, error: Exception, state: NoticeState, stage: Stage
) -> None:
    async def fail(_: Notice) -> None:
        raise error

    way_out.act = fail
    await store.write(open_case, notices=[ONE, notice(2)])
    assert await courier.drain() == 2
    failed = await one(store)
    assert (failed.state, str(error) in (failed.reason or "")) == (state, True)
    [attempt] = await attempts(store)
    assert (attempt.outcome, attempt.stage, attempt.finished_at) == (state, stage, MONDAY)
    delay = None if failed.next_at is None else failed.next_at - MONDAY
    if state is NoticeState.DEAD:
        assert delay is None
    elif state is NoticeState.IN_DOUBT:
        assert delay == DOUBT
    else:
        assert delay
        assert FIRST / 2 <= delay <= FIRST


async def test_a_channel_without_sender_waits_for_one(store: Store, clock: Clock) -> None:
    await store.write(open_case, notices=[ONE])
    await Courier(store, {}, now=clock, name="w1").drain()
    assert ((await one(store)).state, (await attempts(store))[0].stage) == (NoticeState.RETRY_WAIT, Stage.CONNECT)


async def test_a_relay_that_is_away_for_long_ends_with_a_person(
    store: Store, courier: Courier, way_out: WayOut, clock: Clock
) -> None:
    async def away(_: Notice) -> None:
        raise TransportError("connection refused")

    way_out.act = away
    await store.write(open_case, notices=[ONE])
    for _ in range(MAX_ATTEMPTS + 3):
        await courier.drain()
        clock.at += LONGEST
    assert len(way_out.sent) == MAX_ATTEMPTS
    assert ((await one(store)).state, (await one(store)).next_at) == (NoticeState.DEAD, None)


async def test_the_jitter_of_a_courier_can_be_repeated(store: Store, way_out: WayOut, clock: Clock) -> None:
    async def away(_: Notice) -> None:
        raise TransportError("451")

    way_out.act = away
    await store.write(open_case, notices=[notice(1), notice(2)])
    ways = {Channel.EMAIL: way_out}
    await Courier(store, ways, now=clock, name="w1", draw=random.Random(7)).drain()
    first, second = await store.read(outbox.of_case, CASE)
    assert first.next_at != second.next_at


async def test_a_slow_relay_keeps_its_lease(store: Store, way_out: WayOut, clock: Clock) -> None:
    """The heartbeat, not the length of the lease, says that a worker lives."""
    slow = Courier(store, {Channel.EMAIL: way_out}, now=clock, name="w1", lease=timedelta(seconds=0.2))
    quick = Courier(store, {Channel.EMAIL: way_out}, now=clock, name="w2", lease=LEASE)

    async def take_long(_: Notice) -> None:
        for _ in range(12):
            await asyncio.sleep(0.05)
            clock.forward(seconds=0.05)
            assert await quick.drain() == 0

    way_out.act = take_long
    await store.write(open_case, notices=[ONE])
    assert await slow.drain() == 1
    assert ((await one(store)).state, (await one(store)).attempts) == (NoticeState.ACCEPTED, 1)


async def test_a_worker_that_was_away_for_too_long_is_fenced(
    store: Store, courier: Courier, way_out: WayOut, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    other = Courier(store, {Channel.EMAIL: WayOut()}, now=clock, name="w2", lease=LEASE)

    async def stall(_: Notice) -> None:
        clock.forward(seconds=61)
        assert await other.drain() == 1

    way_out.act = stall
    await store.write(open_case, notices=[ONE])
    await courier.drain()
    first, second = await attempts(store)
    assert (first.outcome, second.outcome, second.worker) == ("fenced", "accepted", "w2")
    assert (await one(store)).possible_duplicate
    assert "fenced" in caplog.messages


async def test_the_dead_hand_of_a_crashed_worker_is_taken_up(store: Store, courier: Courier, clock: Clock) -> None:
    await store.write(open_case, notices=[ONE])
    assert await store.write(outbox.claim, now=clock(), worker="crashed", lease=LEASE)
    assert await courier.drain() == 0
    clock.forward(seconds=61)
    assert await courier.drain() == 1
    first, second = await attempts(store)
    assert (first.worker, first.finished_at, second.outcome) == ("crashed", None, "accepted")
    assert (await one(store)).possible_duplicate


async def test_a_long_backlog_does_not_hide_what_a_crashed_worker_left(
    store: Store, courier: Courier, way_out: WayOut, clock: Clock
) -> None:
    async def take_a_second(_: Notice) -> None:
        clock.forward(seconds=1)

    way_out.act = take_a_second
    await store.write(open_case, notices=[notice(1, urgency=Urgency.DEADLINE)])
    assert await store.write(outbox.claim, now=clock(), worker="crashed", lease=LEASE)
    await store.write(outbox.plan, [notice(n, urgency=Urgency.COURTESY) for n in range(2, 150)])
    assert await courier.drain() == 149
    assert [sent.id for sent in way_out.sent].index(ONE.id) < 130


async def test_stopping_finishes_the_attempt_in_hand_and_claims_no_more(
    store: Store, courier: Courier, way_out: WayOut
) -> None:
    async def stop(_: Notice) -> None:
        courier.stop()

    way_out.act = stop
    await store.write(open_case, notices=[notice(1), notice(2)])
    assert await courier.drain() == 1
    assert [n.state for n in await store.read(outbox.of_case, CASE)] == [NoticeState.ACCEPTED, NoticeState.SCHEDULED]
    assert await courier.drain() == 0
