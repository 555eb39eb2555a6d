"""B2, B7, G4: Redis forgets everything each second, then is gone for half a minute. It only ever was a doorbell."""

import asyncio
import logging
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from gateway.site import Site
from tests import sites
from tests.faults.judge import Verdict, judge
from tests.faults.life import work
from tests.faults.load import all_out, complaint, opened
from tests.faults.zygote import running
from tests.servers.redis import RedisServer
from tests.servers.smtp import SmtpSink

log = logging.getLogger(__name__)

FORGETFUL_S, AWAY_S, BACK_S = 8, 30, 4
LATE_S = 5.0  # 99 of 100 notices are out by then; the poll comes each second
PATIENCE_S = 3.0  # of whoever sends a complaint meanwhile


@pytest.mark.slow
@pytest.mark.timeout(180)
@pytest.mark.parametrize("engine", ["sqlite"])
async def test_redis_forgets_and_goes_and_nothing_is_lost(
    tmp_path: Path, database_url: str, redis_server: RedisServer, smtp_sink: SmtpSink
) -> None:
    data = sites.make(tmp_path / "site", database_url, redis_url=redis_server.url, relay=smtp_sink)
    async with opened(data) as site:
        with running(work, data, "", 1) as worker:
            pid = worker.pid
            async with complaints_coming_in(site) as waits:
                for _ in range(FORGETFUL_S):
                    await asyncio.sleep(1)
                    redis_server.flushall()
                redis_server.stop(signal.SIGKILL)
                await asyncio.sleep(AWAY_S)
                redis_server.start()
                await asyncio.sleep(BACK_S)
            await all_out(site)
            assert (worker.is_alive(), worker.pid) == (True, pid)
        verdict = await site.store.read(judge, smtp_sink.messages())
    late = sorted(copy.at - one.notice.created_at.timestamp() for one in verdict.sent for copy in one.copies)
    log.warning("%s, p50 %.2f s, p99 %.2f s, intake %.2f s", verdict, middle(late), most(late), max(waits))
    check(verdict, len(waits))
    assert most(late) < LATE_S
    assert max(waits) < PATIENCE_S


def check(verdict: Verdict, cases: int) -> None:
    assert len(verdict.sent) == cases * 2
    assert (verdict.wrong, verdict.strangers, verdict.extras) == ({}, 0, 0)


@asynccontextmanager
async def complaints_coming_in(site: Site) -> AsyncIterator[list[float]]:
    """Some each second, for the length of the block; how long each took to be accepted."""
    waits: list[float] = []

    async def go_on() -> None:
        while True:
            began = time.monotonic()
            await site.intake.accept(complaint(len(waits)))
            waits.append(time.monotonic() - began)
            await asyncio.sleep(0.15)

    coming = asyncio.create_task(go_on())
    try:
        yield waits
        assert not coming.done()
    finally:
        coming.cancel()
        await asyncio.gather(coming, return_exceptions=True)


def middle(late: list[float]) -> float:
    return late[len(late) // 2]


def most(late: list[float]) -> float:
    return late[len(late) * 99 // 100]
