"""Workers, offices and customers write to the same cases at the same time: nobody waits in a circle."""

import asyncio
import re
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from casefile.envelope import Channel, Envelope, RawRef, Sender, Thread
from casefile.inbound import Accepted, Outcome, Raw
from casefile.notice import NoticeKind
from casefile.store import ledger, outbox
from gateway.casework import Act, Action
from gateway.readable import readable
from gateway.site import Site
from tests import sites
from tests.faults.load import complain, opened, to_go
from tests.samples import MONDAY
from tests.servers.smtp import SmtpSink

CASES, ROUNDS = 6, 6


async def test_nobody_waits_in_a_circle(tmp_path: Path, database_url: str, smtp_sink: SmtpSink) -> None:
    data = sites.make(tmp_path / "site", database_url, relay=smtp_sink)
    async with opened(data) as site, opened(data) as other:
        cases = await complain(site, range(CASES))
        desks = [await desk_token(site, case) for case in cases]
        done = asyncio.Event()
        workers = [asyncio.create_task(work(each, done)) for each in (site, site, other)]
        async with asyncio.timeout(60), asyncio.TaskGroup() as hands:
            for case, desk in zip(cases, desks, strict=True):
                hands.create_task(report_progress(site, desk))
                hands.create_task(write_again(other, case))
        done.set()
        await asyncio.gather(*workers)
        await site.courier().drain()
        assert await site.store.read(to_go) == 0
        assert await site.store.read(deadlocks) == 0
        for case in cases:
            events = await site.store.read(ledger.events, case.complaint_id or "")
            assert [event.seq for event in events] == list(range(1, len(events) + 1))


async def work(site: Site, done: asyncio.Event) -> None:
    courier = site.courier()
    while not done.is_set():
        await courier.drain()
        await asyncio.sleep(0.01)


async def desk_token(site: Site, case: Accepted) -> str:
    notices = await site.store.read(outbox.of_case, case.complaint_id or "")
    order = next(notice for notice in notices if notice.kind is NoticeKind.ORDER)
    found = re.search(r"/desk/([\w-]+)", readable(order.payload).text)
    assert found
    return found[1]


async def report_progress(site: Site, desk: str) -> None:
    for number in range(ROUNDS):
        await site.casework.act(desk, Act(Action.PROGRESS, f"第{number}次"))


async def write_again(site: Site, case: Accepted) -> None:
    """The customer answers the receipt."""
    notices = await site.store.read(outbox.of_case, case.complaint_id or "")
    receipt = next(notice for notice in notices if notice.kind is NoticeKind.RECEIPT)
    for number in range(ROUNDS):
        raw = Raw(Channel.EMAIL, "complaints", f"<{case.number}.{number}@customer.example>", b"Again.", MONDAY)
        envelope = Envelope(
            channel=Channel.EMAIL,
            external_id=raw.external_id,
            sender=Sender(email=receipt.to),
            text="再催一次。",
            thread=Thread(in_reply_to=receipt.message_id),
            raw=RawRef(sha256="0" * 64, size=6),
        )
        accepted = await site.intake.accept(raw, envelope)
        assert (accepted.outcome, accepted.complaint_id) == (Outcome.ADDED, case.complaint_id)


def deadlocks(tx: Connection) -> int:
    """As PostgreSQL counts them; SQLite lets one write at a time."""
    if tx.dialect.name == "sqlite":
        return 0
    query = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
    return int(tx.execute(sa.text(query)).scalar_one())
