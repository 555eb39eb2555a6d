"""Processes of a site by the hundred: forked from one that has everything imported, so each starts in milliseconds."""

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.process import BaseProcess

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(["pytest", "holidays.countries", "tests.faults.life"])
KILL = -signal.SIGKILL


class Died(AssertionError):
    """A process ended in a way that no test asked for."""


def start(target: Callable[..., None], *args: object) -> BaseProcess:
    process = _CONTEXT.Process(target=target, args=args)
    process.start()
    return process


@contextmanager
def running(target: Callable[..., None], *args: object) -> Iterator[BaseProcess]:
    """One process for the length of a block; it must still live at the end, and end well when asked to."""
    process = start(target, *args)
    try:
        yield process
        if not process.is_alive():
            raise Died(f"process {process.pid} has ended with {process.exitcode}")
        process.terminate()
        process.join(15)
        if process.exitcode != 0:
            raise Died(f"process {process.pid} ended with {process.exitcode} after SIGTERM")
    finally:
        put_down(process)


def put_down(process: BaseProcess) -> None:
    """However it stands, it is gone afterwards."""
    if process.is_alive():
        process.kill()
    process.join()


def freeze(process: BaseProcess) -> None:
    assert process.pid is not None
    os.kill(process.pid, signal.SIGSTOP)


def thaw(process: BaseProcess) -> None:
    assert process.pid is not None
    os.kill(process.pid, signal.SIGCONT)
