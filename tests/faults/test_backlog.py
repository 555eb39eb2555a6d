"""B2, C1: no worker ran for days. The deadlines are rows, so that the first one to start finds all that is overdue."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from casefile.notice import Notice, Urgency
from casefile.status import DutyState, NoticeState
from casefile.store import duties, outbox
from gateway.settings import load
from gateway.site import open_site
from tests import sites
from tests.faults.load import complaint
from tests.samples import MONDAY
from tests.servers.smtp import SmtpSink

CASES = 8


@dataclass
class Clock:
    at: datetime = MONDAY

    def __call__(self) -> datetime:
        return self.at


async def test_all_that_is_overdue_goes_at_once_most_urgent_and_oldest_first(
    tmp_path: Path, database_url: str, smtp_sink: SmtpSink
) -> None:
    data, clock = sites.make(tmp_path / "site", database_url, relay=smtp_sink), Clock()
    async with open_site(load(data), sites.NO_REDIS, clock) as site:
        cases = []
        for number in range(CASES):
            clock.at = MONDAY + timedelta(hours=3 * number)
            cases.append(await site.intake.accept(complaint(number, clock())))
        clock.at = MONDAY + timedelta(days=10)
        planned = [n for case in cases for n in await site.store.read(outbox.of_case, case.complaint_id or "")]
        assert await site.courier().drain() == len(planned) == CASES * 4
        for transport in site.house.transports.values():
            await transport.close()
        after = [n for case in cases for n in await site.store.read(outbox.of_case, case.complaint_id or "")]
        owed = [d for case in cases for d in await site.store.read(duties.of_case, case.complaint_id or "")]
    assert {notice.state for notice in after} == {NoticeState.ACCEPTED}
    assert [message.message_id for message in smtp_sink.messages()] == [n.message_id for n in sorted(planned, key=rank)]
    assert {duty.rule_id for duty in owed if duty.state is DutyState.OPEN} == {"decision"}


def rank(notice: Notice) -> tuple[int, datetime]:
    assert notice.next_at
    return [*Urgency].index(notice.urgency), notice.next_at


@pytest.mark.parametrize("engine", ["sqlite"])
async def test_nothing_goes_before_its_time(tmp_path: Path, database_url: str, smtp_sink: SmtpSink) -> None:
    data, clock = sites.make(tmp_path / "site", database_url, relay=smtp_sink), Clock()
    async with open_site(load(data), sites.NO_REDIS, clock) as site:
        case = await site.intake.accept(complaint(1, clock()))
        courier = site.courier()
        await courier.drain()
        waiting = await site.store.read(outbox.pending, case.complaint_id or "")
        assert len(waiting) == 2
        for notice in sorted(waiting, key=lambda n: n.next_at or MONDAY):
            assert notice.next_at
            clock.at = notice.next_at - timedelta(microseconds=1)
            assert await courier.drain() == 0
            clock.at = notice.next_at
            assert await courier.drain() == 1
        for transport in site.house.transports.values():
            await transport.close()
