"""The worker looks into SQL by itself, sooner when somebody rings, and outlives whatever happens to Redis."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from time import monotonic

import pytest
from sqlalchemy.engine import Connection

from casefile.envelope import Channel
from casefile.errors import TransportError
from casefile.notice import Notice
from casefile.status import NoticeState
from casefile.store import outbox
from casefile.store.engine import Store
from notifier import worker
from notifier.courier import Courier
from notifier.doorbell import QUEUE, Doorbell, settings
from tests.notifier.conftest import WayOut
from tests.samples import notice, open_case
from tests.servers.redis import RedisServer
from tests.waiting import eventually

NEVER_S = 3600.0
ENGINES = pytest.mark.parametrize("engine", ["sqlite"])  # what is on trial here is the same on both


@asynccontextmanager
async def working(store: Store, way_out: WayOut, redis_url: str, poll_s: float) -> AsyncIterator[asyncio.Task[None]]:
    """A worker in the background; it must still be there at the end, and end when told to."""
    courier = Courier(store, {Channel.EMAIL: way_out}, now=lambda: datetime.now(UTC), name="w1")
    stop = asyncio.Event()
    task = asyncio.create_task(worker.run(courier, settings(redis_url), stop, poll_s))
    yield task
    assert not task.done()
    stop.set()
    async with asyncio.timeout(10):
        await task


async def owe(store: Store, *numbers: int) -> None:
    now = datetime.now(UTC)
    await store.write(outbox.plan, [notice(n, next_at=now, due_at=now) for n in numbers])


async def sent(way_out: WayOut, count: int, within_s: float = 10) -> None:
    await eventually(lambda: len(way_out.sent) >= count, within_s)


@ENGINES
async def test_a_ring_wakes_it_long_before_its_next_look(
    store: Store, way_out: WayOut, redis_server: RedisServer
) -> None:
    await store.write(open_case)
    bell = Doorbell(settings(redis_server.url))
    waits = []
    async with working(store, way_out, redis_server.url, NEVER_S):
        for number in range(1, 12):
            await owe(store, number)
            began = monotonic()
            assert await bell.ring(f"case-{number}")
            await sent(way_out, number)
            waits.append(monotonic() - began)
    await bell.close()
    assert median(waits) < 0.5
    assert await store.read(waiting) == 0


@ENGINES
async def test_ringing_again_with_the_same_id_wakes_it_again(
    store: Store, way_out: WayOut, redis_server: RedisServer
) -> None:
    """A kept result would swallow the second ring in silence for an hour."""
    await store.write(open_case)
    bell = Doorbell(settings(redis_server.url))
    async with working(store, way_out, redis_server.url, NEVER_S):
        for number in range(1, 6):
            await owe(store, number)
            await bell.ring("case-1")
            await sent(way_out, number)
            await eventually(lambda: redis_server.call("EXISTS", "arq:job:n:case-1:0") == 0)
    await bell.close()


async def test_looking_suffices_where_there_never_was_a_redis(store: Store, way_out: WayOut, tmp_path: Path) -> None:
    await store.write(open_case)
    async with working(store, way_out, f"unix://{tmp_path}/none.sock", 0.05):
        for number in range(1, 6):
            await owe(store, number)
            await sent(way_out, number)


async def wrong_type(redis: RedisServer) -> None:
    redis.call("SET", QUEUE, "not a queue")


async def not_our_job(redis: RedisServer) -> None:
    redis.call("SET", "arq:job:x", "\x80\x04pickle")
    redis.call("ZADD", QUEUE, "1", "x")


async def no_utf8(redis: RedisServer) -> None:
    redis.call("EVAL", f"redis.call('ZADD', '{QUEUE}', 1, string.char(255, 254))", "0")


async def gone_and_back(redis: RedisServer) -> None:
    redis.stop()
    await asyncio.sleep(0.3)
    redis.start()


@ENGINES
@pytest.mark.parametrize("harm", [wrong_type, not_our_job, no_utf8, gone_and_back])
async def test_whatever_is_done_to_redis_it_goes_on(
    store: Store, way_out: WayOut, redis_server: RedisServer, harm: Callable[[RedisServer], Awaitable[None]]
) -> None:
    await store.write(open_case)
    async with working(store, way_out, redis_server.url, 0.1):
        await eventually(lambda: redis_server.call("KEYS", f"{QUEUE}:health-check"))
        await harm(redis_server)
        await owe(store, 1)
        await sent(way_out, 1)
        redis_server.flushall()
        bell = Doorbell(settings(redis_server.url))
        await eventually(lambda: redis_server.call("KEYS", f"{QUEUE}:health-check"), 20)
        await bell.ring("again")
        await eventually(lambda: redis_server.call("ZCARD", QUEUE) == 0)
        await bell.close()


@ENGINES
async def test_a_fault_of_ours_does_not_end_it(
    store: Store, way_out: WayOut, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A notice that breaks the worker must not keep the others."""

    async def poison(one: Notice) -> None:
        if one.id == notice(1).id:
            raise TransportError("?", stage="no such stage")

    way_out.act = poison
    await store.write(open_case)
    await owe(store, 1)
    async with working(store, way_out, f"unix://{tmp_path}/none.sock", 0.05):
        await sent(way_out, 1)
        await owe(store, 2)
        await sent(way_out, 2)
    assert "broke, and goes on" in caplog.messages


@ENGINES
async def test_told_to_stop_it_finishes_what_it_has_in_hand(store: Store, way_out: WayOut, tmp_path: Path) -> None:
    async def slow(_: Notice) -> None:
        await asyncio.sleep(0.5)

    way_out.act = slow
    await store.write(open_case)
    await owe(store, 1, 2)
    async with working(store, way_out, f"unix://{tmp_path}/none.sock", 0.05):
        await sent(way_out, 1)
    states = {n.state for n in await store.read(outbox.of_case, notice().complaint_id)}
    assert states == {NoticeState.ACCEPTED, NoticeState.SCHEDULED}


def waiting(tx: Connection) -> int:
    return len(outbox.pending(tx, notice().complaint_id))
