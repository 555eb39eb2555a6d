"""HTTP posts accepted per second, beside a bare FastAPI endpoint that does one INSERT into the same kind of database.

Huiyin: raw bytes on disk and committed, then parsed, matched, numbered, routed, five duties and four letters written,
all committed, before the answer. Bare: the JSON body into one row, committed, before the answer.
"""

import argparse
import asyncio
import json
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import sqlalchemy as sa
import uvicorn
from fastapi import FastAPI, Request
from sqlalchemy.engine import Connection

from benchmarks.ground import HOST, free_port, fresh_site
from casefile.store.engine import Store
from gateway.app import create_app

BODY = json.dumps({"name": "Wang Fang", "email": "wang.fang@customer.example", "text": "Charged twice. " * 20}).encode()
HEADERS = {"content-type": "application/json"}
row = sa.Table("row", sa.MetaData(), sa.Column("id", sa.Integer, primary_key=True), sa.Column("body", sa.Text))


def bare_app(store: Store) -> FastAPI:
    app = FastAPI()
    insert = row.insert()

    def put(tx: Connection, body: str) -> None:
        tx.execute(insert, {"body": body})

    @app.post("/api/v1/complaints", status_code=201)
    async def post(request: Request) -> dict[str, str]:
        await store.write(put, (await request.body()).decode())
        return {"number": "1"}

    return app


@asynccontextmanager
async def served(app: FastAPI) -> AsyncIterator[str]:
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(app, HOST, port, log_level="error", access_log=False))
    running = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    yield f"http://{HOST}:{port}/api/v1/complaints"
    server.should_exit = True
    await running


async def posts_per_second(url: str, posts: int, clients: int) -> float:
    async with httpx2.AsyncClient() as client:

        async def one_client() -> None:
            for _ in range(posts // clients):
                answer = await client.post(url, content=BODY, headers=HEADERS)
                answer.raise_for_status()

        began = time.perf_counter()
        await asyncio.gather(*(one_client() for _ in range(clients)))
        return posts / (time.perf_counter() - began)


async def main(database: str, posts: int, clients: int, rounds: int) -> None:
    print(f"intake: {posts} posts a round, {clients} at a time, {database or 'SQLite'}, one server process")
    for number in range(1, rounds + 1):
        with tempfile.TemporaryDirectory() as folder:
            async with fresh_site(Path(folder), database) as site:
                await site.store.write(lambda tx: row.metadata.create_all(tx))
                async with served(bare_app(site.store)) as url:
                    raw = await posts_per_second(url, posts, clients)
                async with served(create_app(site)) as url:
                    mine = await posts_per_second(url, posts, clients)
        print(f"  round {number}: huiyin {mine:6.0f}/s   bare INSERT {raw:6.0f}/s   ratio {mine / raw:.2f}")


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--database", default="", help="postgresql+asyncpg://… of an empty database; default SQLite")
    options.add_argument("--posts", type=int, default=400)
    options.add_argument("--clients", type=int, default=8)
    options.add_argument("--rounds", type=int, default=3)
    given = options.parse_args()
    asyncio.run(main(given.database, given.posts, given.clients, given.rounds))
