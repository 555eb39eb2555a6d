"""The worker process: a look into SQL each second, and an arq worker so that the doorbell makes it look at once.

The arq job sends nothing itself: arq may cancel or repeat a job, and a message in flight must suffer neither.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from arq.connections import RedisSettings, create_pool
from arq.worker import Worker, func
from redis.exceptions import RedisError

from casefile.errors import StorageUnavailable
from notifier.courier import Courier
from notifier.doorbell import JOB, QUEUE, deserialize, serialize

log = logging.getLogger(__name__)

POLL_S = 1.0
_JOB_TIMEOUT_S = 10
_FIRST_REST_S, _LONGEST_REST_S = 0.5, 5.0  # while Redis or the database is away


async def wake(ctx: dict[str, Any], _notice_id: str) -> None:
    """The arq job. Which notice goes out next is for SQL to say; the id keeps two rings apart in the queue."""
    ctx["rung"].set()


async def run(courier: Courier, redis: RedisSettings, stop: asyncio.Event, poll_s: float = POLL_S) -> None:
    """Until `stop` is set: then nothing more is claimed, and the attempt in hand is finished."""
    rung = asyncio.Event()

    async def look() -> None:
        rung.clear()
        await courier.drain()
        await _first(rung, stop, poll_s)

    async def listen() -> None:
        await _answer_doorbell(rung, redis)

    looking = asyncio.create_task(_persist("outbox", look, stop))
    listening = asyncio.create_task(_persist("doorbell", listen, stop))
    await stop.wait()
    courier.stop()
    listening.cancel()
    await looking
    await asyncio.gather(listening, return_exceptions=True)


async def _answer_doorbell(rung: asyncio.Event, redis: RedisSettings) -> None:
    pool = await create_pool(redis, job_serializer=serialize, job_deserializer=deserialize, default_queue_name=QUEUE)
    worker = Worker(
        functions=[func(wake, name=JOB, keep_result=0, max_tries=1, timeout=_JOB_TIMEOUT_S)],
        redis_pool=pool,
        queue_name=QUEUE,
        ctx={"rung": rung},
        handle_signals=False,
        poll_delay=0.05,
        health_check_interval=10,
        job_serializer=serialize,
        job_deserializer=deserialize,
        log_results=False,
    )
    try:
        await worker.async_run()
    finally:
        for job in worker.tasks.values():
            job.cancel()
        await pool.aclose()


async def _persist(part: str, work: Callable[[], Awaitable[None]], stop: asyncio.Event) -> None:
    """Again and again: a Redis or a database that went away makes it wait, not end."""
    rest = _FIRST_REST_S
    while not stop.is_set():
        try:
            await work()
            rest = _FIRST_REST_S
            continue
        except (StorageUnavailable, RedisError, OSError) as error:
            log.warning("waiting for it to come back", extra={"part": part, "reason": type(error).__name__})
        except Exception:  # a fault of ours; a worker that silently sends no more would be the worse one
            log.exception("broke, and goes on", extra={"part": part})
        await _first(stop, stop, rest)
        rest = min(rest * 2, _LONGEST_REST_S)


async def _first(one: asyncio.Event, other: asyncio.Event, seconds: float) -> None:
    """Until either is set or the time is up."""
    waits = [asyncio.create_task(event.wait()) for event in {one, other}]
    await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    for wait in waits:
        wait.cancel()
