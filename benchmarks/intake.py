"""HTTP posts accepted per second, beside a bare FastAPI endpoint that does one INSERT into the same kind of database.

Huiyin: raw bytes on disk and committed, then parsed, matched, numbered, routed, five duties and four letters written,
all committed, before the answer. Bare: the JSON body into one row, committed, before the answer. Each server has a
process of its own; both are asked in turns by the same clients.
"""

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2

from benchmarks.ground import HOST, free_port, wait_for

BODY = json.dumps({"name": "Wang Fang", "email": "wang.fang@customer.example", "text": "Charged twice. " * 20}).encode()
HEADERS = {"content-type": "application/json"}


@contextmanager
def server(kind: str, folder: str, database: str) -> Iterator[str]:
    port, home = free_port(), Path(folder) / kind
    home.mkdir()
    command = [sys.executable, "-m", "benchmarks.server", kind, str(home), str(port), *([database] if database else [])]
    process = subprocess.Popen(command)
    try:
        wait_for(port)
        yield f"http://{HOST}:{port}/api/v1/complaints"
    finally:
        process.terminate()
        process.wait(30)


async def posts_per_second(url: str, posts: int, clients: int) -> float:
    async with httpx2.AsyncClient(timeout=60) as client:

        async def one_client() -> None:
            for _ in range(posts // clients):
                answer = await client.post(url, content=BODY, headers=HEADERS)
                answer.raise_for_status()

        began = time.perf_counter()
        await asyncio.gather(*(one_client() for _ in range(clients)))
        return posts / (time.perf_counter() - began)


async def main(database: str, posts: int, clients: int, rounds: int) -> None:
    print(f"intake: {posts} posts a round, {clients} at a time, {'PostgreSQL' if database else 'SQLite'}")
    with (
        tempfile.TemporaryDirectory() as folder,
        server("bare", folder, database) as theirs,
        server("huiyin", folder, database) as ours,
    ):
        for number in range(1, rounds + 1):
            raw = await posts_per_second(theirs, posts, clients)
            mine = await posts_per_second(ours, posts, clients)
            print(f"  round {number}: huiyin {mine:6.0f}/s   bare INSERT {raw:6.0f}/s   ratio {mine / raw:.2f}")


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--database", default="", help="postgresql+asyncpg://… of an empty database; default SQLite")
    options.add_argument("--posts", type=int, default=400)
    options.add_argument("--clients", type=int, default=8)
    options.add_argument("--rounds", type=int, default=3)
    given = options.parse_args()
    asyncio.run(main(given.database, given.posts, given.clients, given.rounds))
