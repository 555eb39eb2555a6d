"""Complaints in numbers, put in through the real intake, and what the outbox owes for them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlencode

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from casefile.envelope import Channel
from casefile.errors import StorageUnavailable
from casefile.inbound import Accepted, Raw
from casefile.notice import NoticeKind
from casefile.status import NoticeState
from casefile.store.tables import notice
from gateway.settings import load
from gateway.site import Site, open_site

AT_ONCE = (NoticeKind.RECEIPT, NoticeKind.ORDER)  # what each complaint makes due at once
_UNDER_WAY = (NoticeState.SCHEDULED, NoticeState.SENDING, NoticeState.RETRY_WAIT, NoticeState.IN_DOUBT)


@asynccontextmanager
async def opened(data: Path) -> AsyncIterator[Site]:
    settings = load(data)
    async with open_site(settings, settings.redis) as site:
        yield site
        for transport in site.house.transports.values():
            await transport.close()


def complaint(number: int, at: datetime | None = None) -> Raw:
    fields = {"text": f"第{number}次投诉: 南湖支行的柜员拒绝办理业务。", "email": f"customer.{number}@customer.example"}
    return Raw(Channel.WEB, "form", f"form-{number:020d}", urlencode(fields).encode(), at or datetime.now(UTC))


async def complain(site: Site, numbers: range) -> list[Accepted]:
    return [await site.intake.accept(complaint(number)) for number in numbers]


async def insist(site: Site, raw: Raw, patience_s: float = 30) -> Accepted:
    """As a customer does who is told to try again later."""
    async with asyncio.timeout(patience_s):
        while True:
            try:
                return await site.intake.accept(raw)
            except StorageUnavailable:
                await asyncio.sleep(0.05)


def to_go(tx: Connection) -> int:
    """How many of the notices that were due at once are not out yet."""
    mine = notice.c.kind.in_(AT_ONCE) & notice.c.state.in_(_UNDER_WAY)
    return tx.execute(sa.select(sa.func.count()).where(mine)).scalar_one()


async def all_out(site: Site, within_s: float = 60) -> None:
    """Waits until nothing of what was due at once is left to go."""
    async with asyncio.timeout(within_s):
        while await site.store.read(to_go):  # noqa: ASYNC110 - another process empties the outbox
            await asyncio.sleep(0.1)
