"""A PostgreSQL cluster of our own, on a unix socket, as durable as a real one (fsync on)."""

import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from tests.servers.keeper import identity
from tests.servers.server import Server, ServerFailed, unprivileged

ROLE = "huiyin"
MODES = {"fast": signal.SIGINT, "immediate": signal.SIGQUIT}


class Postgres(Server):
    name = "pg"
    account = unprivileged()
    end = signal.SIGINT  # "fast": does not wait for clients

    def __init__(self, postgres: Path) -> None:
        super().__init__()
        self._bin = postgres.parent
        self._numbers = count(1)
        self.templates: set[str] = set()

    def command(self) -> list[str]:
        if not (self.folder / "data").exists():
            self._initdb()
        return [
            str(self._bin / "postgres"),
            "-D",
            str(self.folder / "data"),
            *("-k", str(self.folder)),
            *("-c", "listen_addresses="),
            *("-c", "max_connections=200"),
            *("-c", "shared_buffers=32MB"),
        ]

    def ready(self) -> bool:
        tool = [str(self._bin / "pg_isready"), "-q", "-h", str(self.folder)]
        return subprocess.run(tool, check=False).returncode == 0

    def restart(self, mode: str = "fast") -> None:
        """`fast` rolls back what is open and writes all down; `immediate` is a crash, recovery follows."""
        self.stop(MODES[mode])
        self.start()

    def url(self, database: str) -> str:
        return f"postgresql+asyncpg://{ROLE}@/{database}?host={self.folder}"

    def create(self, template: str = "template0") -> str:
        """The name of a fresh database, a copy of `template`."""
        name = f"huiyin_{next(self._numbers)}"
        self.sql(f"CREATE DATABASE {name} TEMPLATE {template}")
        return name

    def drop(self, database: str) -> None:
        self.sql(f"DROP DATABASE {database} WITH (FORCE)")

    @contextmanager
    def database(self, template: str = "template0") -> Iterator[str]:
        """The URL of a fresh database that is gone afterwards."""
        name = self.create(template)
        try:
            yield self.url(name)
        finally:
            self.drop(name)

    def sql(self, statement: str, database: str = "postgres") -> str:
        tool = [str(self._bin / "psql"), "-XqAt", "-v", "ON_ERROR_STOP=1", "-h", str(self.folder), "-U", ROLE]
        done = subprocess.run([*tool, "-d", database, "-c", statement], capture_output=True, text=True, check=False)
        if done.returncode:
            raise ServerFailed(f"{statement}: {done.stderr}")
        return done.stdout.strip()

    def _initdb(self) -> None:
        where = ["-D", str(self.folder / "data"), "-U", ROLE, "-A", "trust"]
        how = ["--no-sync", "--encoding=UTF8", "--locale=C"]
        done = subprocess.run(
            [str(self._bin / "initdb"), *where, *how],
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
            **identity(self.account),
        )
        if done.returncode:
            raise ServerFailed(f"initdb: {done.stdout}{done.stderr}")
