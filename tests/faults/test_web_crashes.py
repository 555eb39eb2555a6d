"""A1, A10: the server is killed in the middle of POSTs. A number that was shown has its case; a form has one number."""

import asyncio
import logging
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx2
import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from casefile.store.tables import complaint, inbound
from gateway.site import Site
from tests import sites
from tests.faults.crashes import Crashes
from tests.faults.life import serve
from tests.faults.load import opened
from tests.servers.server import free_port

log = logging.getLogger(__name__)

PLACES = ("intake.raw_committed", "parse.done", "plan.before_commit", "plan.committed")
NUMBER = re.compile(r"HY-\d{4}-\d{6}")
GIVES_UP = 4  # each so manieth customer does not try again
MANY = [pytest.mark.slow, pytest.mark.timeout(180)]


@dataclass
class ServerCrashes(Crashes):
    port: int = 0

    def extra_arguments(self) -> tuple[object, ...]:
        return (self.port,)


@dataclass(frozen=True)
class Form:
    number: int

    @property
    def text(self) -> str:
        return f"第{self.number}份表单"

    async def post(self, http: httpx2.AsyncClient) -> str | None:
        """The case number on the page; None when the server died over it."""
        fields = {"form_id": f"form-{self.number:020d}", "text": self.text}
        try:
            answer = await http.post("/complaints", data=fields)
        except httpx2.TransportError:
            return None
        assert answer.status_code == 201
        found = NUMBER.search(answer.text)
        assert found
        return found[0]

    async def post_until_shown(self, http: httpx2.AsyncClient) -> str | None:
        if self.number % GIVES_UP == 0:
            while not await is_up(http):  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.05)
            return await self.post(http)
        while not (shown := await self.post(http)):  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.05)
        return shown


async def is_up(http: httpx2.AsyncClient) -> bool:
    try:
        return (await http.get("/healthz")).status_code == 200
    except httpx2.TransportError:
        return False


@pytest.mark.parametrize("seed", [20260302])
@pytest.mark.parametrize(("forms", "kills"), [(10, 5), pytest.param(50, 25, marks=MANY)])
async def test_a_killed_server_shows_no_number_without_a_case(
    tmp_path: Path, database_url: str, forms: int, kills: int, seed: int
) -> None:
    data, port = sites.make(tmp_path / "site", database_url), free_port()
    crashes = ServerCrashes(serve, data, PLACES, chance=0.5, seed=seed, port=port)
    shown: dict[str, str | None] = {}
    async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=20) as http, opened(data) as site:

        async def customers() -> None:
            for number in range(forms):
                form = Form(number)
                shown[form.text] = first = await form.post_until_shown(http)
                if first:
                    assert await form.post_until_shown(http) in (first, None)

        coming = asyncio.create_task(customers())

        async def done() -> bool:
            return coming.done()

        await crashes.until(done, wanted=kills, limit_s=60 + 2 * kills)
        await coming
        log.warning(
            "%d lives, crashes %s, shown %d",
            crashes.lives,
            dict(crashes.counted),
            len(list(filter(None, shown.values()))),
        )
        assert crashes.counted.total() >= kills
        await check(site, shown)


async def check(site: Site, shown: dict[str, str | None]) -> None:
    """Whoever gave up has a case as well, once the sweep has been, if the bytes had been kept."""
    numbers = await site.store.read(cases)
    assert {text: number for text, number in shown.items() if number}.items() <= numbers.items()
    await site.intake.process_waiting(datetime.now(UTC) + timedelta(minutes=1))
    assert await site.store.read(kept) == len(await site.store.read(cases)) <= len(shown)


def cases(tx: Connection) -> dict[str, str]:
    """Number by text; a text in two cases fails."""
    rows = [(row.text, row.number) for row in tx.execute(sa.select(complaint.c.text, complaint.c.number))]
    assert len(dict(rows)) == len(rows)
    return dict(rows)


def kept(tx: Connection) -> int:
    return tx.execute(sa.select(sa.func.count()).select_from(inbound)).scalar_one()
