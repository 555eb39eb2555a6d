"""SQLite behind `Store`: one writer thread whose queued transactions share a commit, and a few reader threads.

A commit waits for the disk; transactions that queued up meanwhile are run one after the other and committed together.
Each still succeeds or fails by itself, and none is reported done before the disk has it.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Connection, make_url

T = TypeVar("T")

_READERS = 4
_BUSY_MS = 30_000
_BATCH = 64


@dataclass(frozen=True)
class _Waiting:
    work: Callable[[Connection], Any]
    result: "Future[Any]" = field(default_factory=Future)


class Sqlite:
    def __init__(self, url: str) -> None:
        path = make_url(url).database
        if path:
            Path(path).parent.mkdir(parents=True, exist_ok=True)
        self._engine = sa.create_engine(url, poolclass=sa.pool.QueuePool, pool_size=_READERS + 1, hide_parameters=True)
        sa.event.listen(self._engine, "connect", _configure)
        sa.event.listen(self._engine, "begin", _begin)
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="sqlite-writer")
        self._readers = ThreadPoolExecutor(_READERS, thread_name_prefix="sqlite-reader")
        self._waiting: deque[_Waiting] = deque()

    async def run(self, writes: bool, work: Callable[[Connection], T]) -> T:
        """A caller that is cancelled does not undo what it asked for."""
        if not writes:
            return await asyncio.get_running_loop().run_in_executor(self._readers, self._read, work)
        waiting = _Waiting(work)
        self._waiting.append(waiting)
        self._writer.submit(self._write_waiting)
        return await asyncio.shield(asyncio.wrap_future(waiting.result))

    async def close(self) -> None:
        for threads in (self._writer, self._readers):
            await asyncio.to_thread(threads.shutdown)
        self._engine.dispose()

    def _read(self, work: Callable[[Connection], T]) -> T:
        with self._engine.connect() as tx, tx.begin():
            return work(tx)

    def _write_waiting(self) -> None:
        """Runs on the writer thread: all that has queued up, in one commit."""
        batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), _BATCH))]
        if not batch:
            return
        try:
            with self._engine.connect().execution_options(writes=True) as tx, tx.begin():
                results = [batch[0].work(tx)] if len(batch) == 1 else [_run_apart(tx, one.work) for one in batch]
        except BaseException as error:
            for one in batch:
                one.result.set_exception(error)
            return
        for one, result in zip(batch, results, strict=True):
            if isinstance(result, _Failed):
                one.result.set_exception(result.error)
            else:
                one.result.set_result(result)


@dataclass(frozen=True)
class _Failed:
    error: Exception


def _run_apart(tx: Connection, work: Callable[[Connection], T]) -> T | _Failed:
    """Within a savepoint of its own, so that its failure undoes nothing else."""
    try:
        with tx.begin_nested():
            return work(tx)
    except Exception as error:
        if not tx.connection.dbapi_connection.in_transaction:  # type: ignore[union-attr]
            raise  # a full disk ends the whole transaction (SQLite, "Response To Errors Within A Transaction")
        return _Failed(error)


def _configure(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # SQLAlchemy's `begin` event opens the transaction itself
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",  # a commit survives power loss
        f"busy_timeout={_BUSY_MS}",
        "foreign_keys=ON",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin(tx: Connection) -> None:
    # IMMEDIATE takes the write lock first: no upgrade from read to write can fail half-way.
    tx.exec_driver_sql("BEGIN IMMEDIATE" if tx.get_execution_options().get("writes") else "BEGIN")
