"""Notices per second to an SMTP sink, beside bare aiosmtplib with the same messages on the same sink.

Huiyin: claim and attempt row committed, sent, result and duty and events committed, one by one. Bare: only the sending.
"""

import argparse
import asyncio
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import aiosmtplib
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from benchmarks.ground import HOST, feed, fresh_site, sink
from casefile.store.tables import notice
from gateway.site import Site


async def ours(site: Site) -> float:
    """Notices per second from a full outbox."""
    courier = site.courier()
    began = time.perf_counter()
    made = await courier.drain()
    return made / (time.perf_counter() - began)


async def bare(letters: list[tuple[str, bytes]], port: int) -> float:
    """One reused connection, three commands a message."""
    async with aiosmtplib.SMTP(hostname=HOST, port=port, start_tls=False) as client:
        await client.ehlo()
        began = time.perf_counter()
        for to, payload in letters:
            await client.sendmail("complaints@bank.example", [to], payload)
        return len(letters) / (time.perf_counter() - began)


def due_letters(tx: Connection) -> list[tuple[str, bytes]]:
    due = sa.select(notice.c.to, notice.c.payload).where(notice.c.next_at <= datetime.now(UTC))
    return [(to, payload) for to, payload in tx.execute(due)]


async def main(database: str, durable: bool, cases: int, rounds: int) -> None:
    kind = "a sink that fsyncs" if durable else "a sink that keeps nothing"
    print(f"notify: {2 * cases} notices a round, {'PostgreSQL' if database else 'SQLite'}, one sender, {kind}")
    for number in range(1, rounds + 1):
        with tempfile.TemporaryDirectory() as folder, sink(f"{folder}/journal" if durable else "") as port:
            async with fresh_site(Path(folder), database, port) as site:
                await feed(site, cases)
                raw = await bare(await site.store.read(due_letters), port)
                mine = await ours(site)
        print(f"  round {number}: huiyin {mine:6.0f}/s   bare aiosmtplib {raw:6.0f}/s   ratio {mine / raw:.2f}")


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--database", default="", help="postgresql+asyncpg://… of an empty database; default SQLite")
    options.add_argument("--durable", action="store_true", help="a sink that fsyncs before its 250, as a relay does")
    options.add_argument("--cases", type=int, default=200)
    options.add_argument("--rounds", type=int, default=3)
    given = options.parse_args()
    asyncio.run(main(given.database, given.durable, given.cases, given.rounds))
