"""The one way to the database: a transaction is a plain function, run whole, so none can stay open over a network call.

On PostgreSQL the functions run through asyncpg, on SQLite on threads of their own, which spares a thread hop per
statement. Either way `await store.write(work, …)` returns after COMMIT.
"""

import functools
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection, make_url
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from casefile.errors import ConfigError, StorageUnavailable
from casefile.store.sqlite import Sqlite

P = ParamSpec("P")
T = TypeVar("T")
Work = Callable[Concatenate[Connection, P], T]

# SQLSTATE (PostgreSQL, appendix A): connection, read-only, rolled back, resources, shutting down or starting, disk.
_PASSING = ("08", "25006", "40", "53", "57P", "58")
_MEND = "Check that the database runs, is reachable and has space"


class Store:
    """Runs units of work. Raises StorageUnavailable when the database cannot be reached or cannot take it."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._backend = _backend(url)

    @property
    def dialect(self) -> str:
        return make_url(self.url).get_backend_name()

    async def write(self, work: Work[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await self._run(True, functools.partial(_apply, work, args, kwargs))

    async def read(self, work: Work[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await self._run(False, functools.partial(_apply, work, args, kwargs))

    async def close(self) -> None:
        await self._backend.close()

    async def _run(self, writes: bool, work: Callable[[Connection], T]) -> T:
        try:
            return await self._backend.run(writes, work)
        except (OSError, DBAPIError, sa.exc.TimeoutError) as error:
            if isinstance(error, DBAPIError) and not _out_of_reach(error):
                raise
            raise StorageUnavailable(f"database: {_first_line(error)}. {_MEND}") from error


class _Backend(Protocol):
    async def run(self, writes: bool, work: Callable[[Connection], T]) -> T: ...

    async def close(self) -> None: ...


class _Postgres:
    def __init__(self, url: str) -> None:
        self._engine: AsyncEngine = create_async_engine(
            url, pool_size=10, max_overflow=5, pool_pre_ping=True, hide_parameters=True
        )

    async def run(self, writes: bool, work: Callable[[Connection], T]) -> T:
        async with self._engine.begin() as tx:
            return await tx.run_sync(work)

    async def close(self) -> None:
        await self._engine.dispose()


# `hide_parameters` above keeps what people wrote out of error messages, and so out of logs.
def _backend(url: str) -> _Backend:
    match make_url(url).drivername:
        case "sqlite":
            return Sqlite(url)
        case "postgresql+asyncpg":
            return _Postgres(url)
        case other:
            raise ConfigError(
                "database url",
                f"'{other}' is not supported",
                "Use sqlite:////path/huiyin.db or postgresql+asyncpg://user@host/name",
            )


def _apply(work: Callable[..., T], args: Any, kwargs: Any, tx: Connection) -> T:
    return work(tx, *args, **kwargs)


def _out_of_reach(error: DBAPIError) -> bool:
    state = str(getattr(error.orig, "sqlstate", ""))
    lost = error.connection_invalidated or isinstance(error, sa.exc.OperationalError | sa.exc.InterfaceError)
    return lost or state.startswith(_PASSING)


def _first_line(error: OSError | SQLAlchemyError) -> str:
    cause = error.orig if isinstance(error, DBAPIError) and error.orig else error
    return str(cause).splitlines()[0] if str(cause) else type(cause).__name__


def insert_new(tx: Connection, table: sa.Table, **values: Any) -> bool:
    """Insert unless a unique key is taken; whether a row was written."""
    return tx.execute(_insert_new(tx.dialect.name, table), values).rowcount == 1


@functools.cache
def _insert_new(dialect: str, table: sa.Table) -> sa.Executable:
    insert = sqlite.insert if dialect == "sqlite" else postgresql.insert
    return insert(table).on_conflict_do_nothing()
