"""B6: a worker is frozen in the middle of a send beyond its lease. When it wakes, it may not write any more."""

import asyncio
from pathlib import Path

from sqlalchemy.engine import Connection

from casefile.notice import Attempt
from casefile.status import NoticeState
from casefile.store import outbox
from tests import sites
from tests.faults.judge import judge
from tests.faults.life import work
from tests.faults.load import AT_ONCE, all_out, complain, opened
from tests.faults.zygote import freeze, running, thaw
from tests.servers.redis import RedisServer
from tests.servers.smtp import Rule, SmtpSink
from tests.waiting import eventually

LEASE_S = 3  # the first heartbeat comes after a quarter of it: the freeze is well before, and holds no lock


async def test_a_worker_that_wakes_up_late_is_fenced(
    tmp_path: Path, database_url: str, redis_server: RedisServer, smtp_sink: SmtpSink
) -> None:
    data = sites.make(tmp_path / "site", database_url, redis_url=redis_server.url, relay=smtp_sink, lease_s=LEASE_S)
    async with opened(data) as site:
        smtp_sink.script(Rule("reply", delay_s=0.5, times=1))
        await complain(site, range(1))
        with running(work, data, "", 1) as slow:
            await eventually(smtp_sink.messages)
            freeze(slow)
            with running(work, data, "", 2):
                await all_out(site)
                thaw(slow)
                doubled = smtp_sink.messages()[0].message_id
                async with asyncio.timeout(10):
                    while (attempts := await site.store.read(attempts_of, doubled))[0].finished_at is None:  # noqa: ASYNC110 - another process ends it
                        await asyncio.sleep(0.05)
        verdict = await site.store.read(judge, smtp_sink.messages())
    assert [attempt.outcome for attempt in attempts] == ["fenced", NoticeState.ACCEPTED]
    assert attempts[0].worker.endswith(f":{slow.pid}")
    assert (verdict.wrong, verdict.strangers, verdict.extras, len(verdict.sent)) == ({}, 0, 1, len(AT_ONCE))


def attempts_of(tx: Connection, message_id: str) -> list[Attempt]:
    [one] = outbox.by_message_ids(tx, [message_id])
    return outbox.attempts(tx, one.id)
