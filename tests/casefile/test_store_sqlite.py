"""Transactions that share a commit on SQLite still succeed or fail one by one, and all before anyone is told."""

import asyncio
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from casefile.errors import StorageUnavailable
from casefile.store.engine import Store

word = sa.Table("word", sa.MetaData(), sa.Column("text", sa.Text, primary_key=True))


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = Store(f"sqlite:///{tmp_path / 'words.db'}")
    await opened.write(lambda tx: word.metadata.create_all(tx))
    yield opened
    await opened.close()


def put(tx: Connection, text: str) -> str:
    tx.execute(word.insert(), {"text": text})
    return text


def put_and_fail(tx: Connection, text: str) -> None:
    put(tx, text)
    raise ValueError(text)


def words(tx: Connection) -> list[str]:
    return list(tx.execute(sa.select(word.c.text).order_by(word.c.text)).scalars())


async def held_together(store: Store, *calls: tuple[object, str]) -> list[object]:
    """Make the calls while the writer is held up, so that they queue and share one commit."""
    gate = threading.Event()
    holding = asyncio.create_task(store.write(lambda tx: gate.wait()))
    await asyncio.sleep(0.05)
    tasks = [asyncio.create_task(store.write(work, text)) for work, text in calls]  # type: ignore[arg-type]
    await asyncio.sleep(0.05)
    gate.set()
    await holding
    return await asyncio.gather(*tasks, return_exceptions=True)


async def test_one_failure_among_many_undoes_only_itself(store: Store) -> None:
    results = await held_together(store, (put, "a"), (put_and_fail, "b"), (put, "c"), (put, "a"), (put, "d"))
    assert results[0] == "a"
    assert isinstance(results[1], ValueError)
    assert isinstance(results[3], sa.exc.IntegrityError)
    assert await store.read(words) == ["a", "c", "d"]


async def test_a_full_disk_fails_all_that_share_the_commit(store: Store) -> None:
    await store.write(lambda tx: tx.exec_driver_sql("PRAGMA max_page_count = 8"))
    results = await held_together(store, (put, "a"), (put, "b" * 100_000), (put, "c"))
    stored = await store.read(words)
    told = [isinstance(result, str) for result in results]
    assert told == [text in stored for text in ("a", "b" * 100_000, "c")]
    assert isinstance(results[1], StorageUnavailable)


async def test_nobody_is_told_before_the_commit(store: Store, tmp_path: Path) -> None:
    """While another connection holds the write lock, nothing can be committed, so nothing may be reported."""
    other = sa.create_engine(f"sqlite:///{tmp_path / 'words.db'}")
    with other.connect() as rival:
        rival.exec_driver_sql("BEGIN IMMEDIATE")
        writing = [asyncio.create_task(store.write(put, text)) for text in "ab"]
        await asyncio.sleep(0.2)
        assert not any(task.done() for task in writing)
        rival.rollback()
    assert await asyncio.gather(*writing) == ["a", "b"]
    other.dispose()


async def test_who_stops_waiting_does_not_undo_the_work(store: Store) -> None:
    writing = asyncio.create_task(store.write(put, "a"))
    await asyncio.sleep(0)
    writing.cancel()
    await asyncio.gather(writing, return_exceptions=True)
    assert await store.write(put, "b") == "b"
    assert await store.read(words) == ["a", "b"]
