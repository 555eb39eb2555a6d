"""One HTTP server in its own process: python -m benchmarks.server huiyin|bare FOLDER PORT [DATABASE]"""

import asyncio
import sys
from pathlib import Path

import sqlalchemy as sa
import uvicorn
from fastapi import FastAPI, Request
from sqlalchemy.engine import Connection

from benchmarks.ground import HOST, fresh_site
from casefile.store.engine import Store
from gateway.app import create_app

row = sa.Table("row", sa.MetaData(), sa.Column("id", sa.Integer, primary_key=True), sa.Column("body", sa.Text))
_INSERT = row.insert()


def bare_app(store: Store) -> FastAPI:
    """One INSERT, committed, before the answer."""
    app = FastAPI()

    def put(tx: Connection, body: str) -> None:
        tx.execute(_INSERT, {"body": body})

    @app.post("/api/v1/complaints", status_code=201)
    async def post(request: Request) -> dict[str, str]:
        await store.write(put, (await request.body()).decode())
        return {"number": "1"}

    return app


async def main(kind: str, folder: Path, port: int, database: str) -> None:
    async with fresh_site(folder, database) as site:
        await site.store.write(lambda tx: row.metadata.create_all(tx))
        app = create_app(site) if kind == "huiyin" else bare_app(site.store)
        await uvicorn.Server(uvicorn.Config(app, HOST, port, log_level="error", access_log=False)).serve()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), "".join(sys.argv[4:])))
