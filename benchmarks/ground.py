"""What the benchmarks stand on: a site in a temporary folder, sample complaints, a relay that throws mail away."""

import logging
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from importlib.resources import as_file, files
from pathlib import Path

from casefile.envelope import Channel
from casefile.inbound import Raw
from casefile.store import schema
from casefile.store.engine import Store
from gateway.keys import make_key
from gateway.settings import Settings, Smtp
from gateway.site import Site, open_site

HOST = "127.0.0.1"
NO_REDIS = "unix:///nonexistent/redis.sock"  # the doorbell is not what is measured
logging.disable(logging.WARNING)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


@contextmanager
def sink(journal: str = "") -> Iterator[int]:
    """The port of an SMTP server in its own process; with `journal` it fsyncs each message before it answers."""
    port = free_port()
    process = subprocess.Popen([sys.executable, "-m", "benchmarks.sink", str(port), *([journal] if journal else [])])
    try:
        wait_for(port)
        yield port
    finally:
        process.terminate()
        process.wait(10)


@asynccontextmanager
async def fresh_site(folder: Path, database: str, smtp_port: int = 0) -> AsyncIterator[Site]:
    """`database`: a PostgreSQL URL of an empty database, or "" for SQLite in the folder."""
    for name in ("offices.yaml", "rules.yaml"):
        with as_file(files("router") / "examples" / name) as source:
            shutil.copy(source, folder / name)
    make_key(folder / "keys")
    relay = Smtp(host=HOST, port=smtp_port, tls="none") if smtp_port else Smtp()
    settings = Settings(data=folder, environment="test", database=database or "sqlite:///huiyin.db", smtp=relay)
    store = Store(settings.database_url)
    await store.write(schema.upgrade)
    await store.close()
    async with open_site(settings, NO_REDIS) as site:
        yield site


async def feed(site: Site, cases: int) -> None:
    """Each case owes a receipt to the customer and an order to the office at once."""
    body = (files("gateway") / "examples" / "demo" / "web.json").read_bytes()
    for number in range(cases):
        await site.intake.accept(Raw(Channel.WEB, "benchmark", f"case-{time.time_ns()}-{number}", body, site.now()))


def wait_for(port: int) -> None:
    end = time.monotonic() + 30
    while time.monotonic() < end:
        with socket.socket() as probe:
            if probe.connect_ex((HOST, port)) == 0:
                return
        time.sleep(0.02)
    raise TimeoutError(f"nothing listens on port {port}")
