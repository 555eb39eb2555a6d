"""B3: PostgreSQL crashes and recovers under load, again and again. What was acknowledged is kept; the worker lives."""

import asyncio
import logging
from pathlib import Path

import pytest

from gateway.site import Site
from tests import sites
from tests.faults.judge import judge
from tests.faults.life import work
from tests.faults.load import all_out, complaint, insist, opened
from tests.faults.zygote import running
from tests.servers.postgres import Postgres
from tests.servers.redis import RedisServer
from tests.servers.smtp import Rule, SmtpSink

log = logging.getLogger(__name__)
RESTARTS = 6


@pytest.mark.slow
@pytest.mark.timeout(180)
@pytest.mark.parametrize("engine", ["postgresql"])
async def test_a_database_that_crashes_loses_nothing(
    tmp_path: Path, database_url: str, postgres: Postgres, redis_server: RedisServer, smtp_sink: SmtpSink
) -> None:
    data = sites.make(tmp_path / "site", database_url, redis_url=redis_server.url, relay=smtp_sink, lease_s=2)
    smtp_sink.script(Rule("reply", delay_s=0.1))  # so that a crash mostly finds a message on its way
    numbers: dict[int, str] = {}
    async with opened(data) as site:
        with running(work, data, "", 1) as worker:
            coming = asyncio.create_task(keep_complaining(site, numbers))
            for number in range(RESTARTS):
                await asyncio.sleep(1.5)
                await asyncio.to_thread(postgres.restart, "immediate" if number % 3 else "fast")
            await asyncio.sleep(1)
            coming.cancel()
            await asyncio.gather(coming, return_exceptions=True)
            assert coming.cancelled()
            await all_out(site)
            assert worker.is_alive()
        verdict = await site.store.read(judge, smtp_sink.messages())
        log.warning("%d complaints: %s", len(numbers), verdict)
        for number, shown in numbers.items():  # sent once more, each gets the number that it got before
            assert (await site.intake.accept(complaint(number))).number == shown
    assert len(set(numbers.values())) == len(numbers) > RESTARTS
    assert (verdict.wrong, verdict.strangers, verdict.extras) == ({}, 0, 0)
    assert len(verdict.sent) in (2 * len(numbers), 2 * len(numbers) + 2)  # the last may have been cut off


async def keep_complaining(site: Site, numbers: dict[int, str]) -> None:
    while True:
        accepted = await insist(site, complaint(len(numbers)))
        assert accepted.number
        numbers[len(numbers)] = accepted.number
        await asyncio.sleep(0.15)
