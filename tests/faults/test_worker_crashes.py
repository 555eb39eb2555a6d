"""B1, G2: workers are killed wherever it hurts. Nothing is lost; a crash repeats one message at most, and says so."""

import logging
from collections import Counter
from pathlib import Path

import pytest

from tests import sites
from tests.faults.crashes import Crashes
from tests.faults.judge import Verdict, judge
from tests.faults.life import work
from tests.faults.load import AT_ONCE, complain, opened, to_go
from tests.servers.redis import RedisServer
from tests.servers.smtp import SmtpSink

log = logging.getLogger(__name__)

BEFORE = ("claim.committed", "send.connected", "send.dot")
BETWEEN = ("send.250", "record.in_tx")  # the relay has it, and the outbox does not know yet
AFTER = ("record.committed",)
MANY = [pytest.mark.slow, pytest.mark.timeout(180)]


@pytest.mark.parametrize("seed", [20260302])
@pytest.mark.parametrize(("notices", "kills"), [(40, 10), pytest.param(500, 100, marks=MANY)])
async def test_killed_workers_lose_nothing(
    tmp_path: Path,
    database_url: str,
    redis_server: RedisServer,
    smtp_sink: SmtpSink,
    notices: int,
    kills: int,
    seed: int,
) -> None:
    data = sites.make(tmp_path / "site", database_url, redis_url=redis_server.url, relay=smtp_sink, lease_s=1)
    crashes = Crashes(work, data, (*BEFORE, *BETWEEN, *AFTER), chance=0.4, seed=seed, at_once=2)
    async with opened(data) as site:
        await complain(site, range(notices // len(AT_ONCE)))

        async def done() -> bool:
            return not await site.store.read(to_go)

        await crashes.until(done, wanted=kills, limit_s=40 + kills)
        verdict = await site.store.read(judge, smtp_sink.messages())
    log.warning("%d lives, crashes %s: %s", crashes.lives, dict(crashes.counted), verdict)
    assert len(verdict.sent) == notices
    assert crashes.counted.total() >= kills
    check(verdict, crashes.counted)


def check(verdict: Verdict, crashes: Counter[str]) -> None:
    """A worker that only seemed dead (the machine was busy) is fenced, and its message may go twice as well."""
    assert (verdict.wrong, verdict.strangers) == ({}, 0)
    assert verdict.extras <= sum(crashes[place] for place in BETWEEN) + verdict.fenced
