"""What one forked process of a site does: the real program, with places in it where it may be killed."""

import asyncio
import logging
import os
import random
import threading
from dataclasses import replace
from datetime import timedelta
from multiprocessing import parent_process
from pathlib import Path

from casefile.failpoint import VARIABLE
from gateway import processes
from gateway.settings import load
from gateway.site import Site

LOG = "processes.log"


def work(data: Path, armed: str, seed: int) -> None:
    _live(data, armed, seed, processes.working)


def serve(data: Path, armed: str, seed: int, port: int) -> None:
    _live(data, armed, seed, processes.serving("127.0.0.1", port))


def poll(data: Path, armed: str, seed: int, ahead_s: float) -> None:
    """`ahead_s`: how far the clock of the pollers has gone on since the first of them began."""

    async def polling(site: Site, stop: asyncio.Event) -> None:
        ahead = timedelta(seconds=ahead_s)
        await processes.polling(replace(site, now=lambda: site.now() + ahead), stop)

    _live(data, armed, seed, polling)


def _live(data: Path, armed: str, seed: int, part: processes.Part) -> None:
    threading.Thread(target=_end_with_the_tests, daemon=True).start()
    logging.basicConfig(filename=data / LOG, format="%(process)d %(levelname)s %(name)s %(message)s")
    os.environ[VARIABLE] = armed
    random.seed(seed)
    processes.run(load(data), part)


def _end_with_the_tests() -> None:
    tests = parent_process()
    if tests is not None:
        tests.join()
        os._exit(1)
