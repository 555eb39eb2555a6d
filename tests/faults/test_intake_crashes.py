"""A1, G7: the poller is killed wherever it may lose or double a mail. Every mail becomes exactly one case."""

import asyncio
import logging
from collections import Counter
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from casefile.envelope import Channel
from casefile.inbound import Raw
from casefile.store.tables import complaint, inbound
from gateway import processes
from gateway.site import Site
from tests import sites
from tests.faults.crashes import Crashes
from tests.faults.life import poll
from tests.faults.load import opened
from tests.samples import MONDAY
from tests.servers.dovecot import Dovecot
from tests.waiting import eventually

log = logging.getLogger(__name__)

PLACES = (
    "intake.fetched",
    "intake.raw_committed",
    "parse.done",
    "plan.before_commit",
    "intake.committed",
    "intake.flagged",
)
DONE = "Huiyin.Done"
LEASE_S = 91.0  # as long as a killed poller keeps the mailbox to itself
MANY = [pytest.mark.slow, pytest.mark.timeout(180)]


class PollerCrashes(Crashes):
    """Each life begins when the lease of the one before it has run out."""

    def extra_arguments(self) -> tuple[object, ...]:
        return (self.lives * LEASE_S,)


@pytest.mark.parametrize("seed", [20260302])
@pytest.mark.parametrize(("mails", "kills"), [(12, 8), pytest.param(100, 60, marks=MANY)])
async def test_killed_pollers_lose_and_double_nothing(
    tmp_path: Path, database_url: str, dovecot: Dovecot, mails: int, kills: int, seed: int
) -> None:
    data = sites.make(tmp_path / "site", database_url, inbox=dovecot)
    fill(dovecot, mails)
    crashes = PollerCrashes(poll, data, PLACES, chance=0.45, seed=seed)
    async with opened(data) as site:

        async def done() -> bool:
            return not await asyncio.to_thread(dovecot.messages)

        await crashes.until(done, wanted=kills, limit_s=40 + kills)
        log.warning("%d lives, crashes %s", crashes.lives, dict(crashes.counted))
        assert crashes.counted.total() >= kills
        await check(site, dovecot, mails)


@pytest.mark.parametrize("engine", ["sqlite"])
async def test_a_renumbered_mailbox_is_read_again_and_nothing_is_doubled(
    tmp_path: Path, database_url: str, dovecot: Dovecot
) -> None:
    """A3: the server gives new UIDs to mail that was taken already and not yet put away."""
    data = sites.make(tmp_path / "site", database_url, inbox=dovecot)
    fill(dovecot, 6)
    async with opened(data) as site:
        for number in range(3):
            raw = Raw(Channel.EMAIL, "complaints", f"<{number}@customer.example>", mail(number), MONDAY)
            await site.intake.accept(raw)
        await asyncio.to_thread(dovecot.renumber)
        stop = asyncio.Event()
        polling = asyncio.create_task(processes.polling(site, stop))
        await eventually(lambda: dovecot.messages() == [])
        stop.set()
        await polling
        await check(site, dovecot, 6)


def fill(dovecot: Dovecot, mails: int) -> None:
    with dovecot.session() as imap:
        for number in range(mails):
            imap.append("INBOX", "", "", mail(number))


def mail(number: int) -> bytes:
    head = f"From: customer.{number}@customer.example\r\nSubject: loan {number}\r\n"
    return f"{head}Message-ID: <{number}@customer.example>\r\n\r\nPlease help me with loan {number}.\r\n".encode()


async def check(site: Site, dovecot: Dovecot, mails: int) -> None:
    """Each mail is on record once, has one case of its own, and lies in the done folder as it came."""
    once = Counter(f"<{number}@customer.example>" for number in range(mails))
    assert await site.store.read(kept) == once
    assert await site.store.read(threads) == once
    assert dovecot.messages() == []
    assert Counter(dovecot.messages(DONE)) == Counter(mail(number) for number in range(mails))


def kept(tx: Connection) -> Counter[str]:
    rows = tx.execute(sa.select(inbound.c.external_id).where(inbound.c.state == "processed"))
    return Counter(rows.scalars())


def threads(tx: Connection) -> Counter[str]:
    return Counter(tx.execute(sa.select(complaint.c.thread_id)).scalars())
