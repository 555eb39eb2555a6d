"""Fixtures: the real servers, each started by the first test that asks for it, and a fresh database of each engine."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import hypothesis
import pytest
from playwright.async_api import Browser, Page, Request

from casefile.store.engine import Store
from casefile.store.schema import upgrade
from tests.servers import needs
from tests.servers.chromium import chromium
from tests.servers.dovecot import Dovecot
from tests.servers.postgres import Postgres
from tests.servers.redis import RedisServer
from tests.servers.smtp import SmtpSink

# A busy machine is no failure: what must be quick has a test that measures it.
hypothesis.settings.register_profile("huiyin", deadline=None)
hypothesis.settings.load_profile("huiyin")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "slow: takes more than some seconds; left out by `tests/run --quick`")


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    if needs.strict() and _skipped(session.config):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if needs.strict() and (skipped := _skipped(config)):
        terminalreporter.write_line(f"HUIYIN_TEST_STRICT: {skipped} skipped, which counts as failed", red=True)


def _skipped(config: pytest.Config) -> int:
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    return len(reporter.stats.get("skipped", ())) if reporter else 0


def _need(name: str) -> Path:
    try:
        return needs.require(name)
    except needs.Missing as missing:
        if needs.strict():
            pytest.fail(str(missing), pytrace=False)
        pytest.skip(str(missing))


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    with Postgres(_need("postgresql")) as server:
        yield server


@pytest.fixture(scope="session")
def _dovecot() -> Iterator[Dovecot]:
    with Dovecot(_need("dovecot")) as server:
        yield server


@pytest.fixture
def dovecot(_dovecot: Dovecot) -> Dovecot:
    """With an empty inbox for its `user`."""
    _dovecot.make_mailbox("complaints")
    return _dovecot


@pytest.fixture(scope="session")
def _smtp_sink() -> Iterator[SmtpSink]:
    with SmtpSink() as server:
        yield server


@pytest.fixture
def smtp_sink(_smtp_sink: SmtpSink) -> SmtpSink:
    """Running, with no messages and no rules."""
    if not _smtp_sink.running:
        _smtp_sink.start()
    _smtp_sink.clear()
    return _smtp_sink


@pytest.fixture(scope="session")
def _redis_server() -> Iterator[RedisServer]:
    with RedisServer() as server:
        yield server


@pytest.fixture
def redis_server(_redis_server: RedisServer) -> RedisServer:
    """Running and empty."""
    if not _redis_server.running:
        _redis_server.start()
    _redis_server.flushall()
    return _redis_server


async def _upgrade(url: str) -> None:
    store = Store(url)
    await store.write(upgrade)
    await store.close()


@pytest.fixture(scope="session")
def _sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("template") / "huiyin.db"
    asyncio.run(_upgrade(f"sqlite:///{file}"))
    return file


@pytest.fixture(scope="session")
def _postgres_template(postgres: Postgres) -> str:
    name = postgres.create()
    asyncio.run(_upgrade(postgres.url(name)))
    return name


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest) -> str:
    """Tests that use a database run once on each engine."""
    return str(request.param)


@pytest.fixture
def empty_database_url(engine: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """Without any table."""
    if engine == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty.db'}"
        return
    with request.getfixturevalue("postgres").database() as url:
        yield url


@pytest.fixture
def database_url(engine: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """With the tables of this version, and nothing in them."""
    if engine == "sqlite":
        shutil.copy(request.getfixturevalue("_sqlite_template"), tmp_path / "huiyin.db")
        yield f"sqlite:///{tmp_path / 'huiyin.db'}"
        return
    with request.getfixturevalue("postgres").database(request.getfixturevalue("_postgres_template")) as url:
        yield url


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[Store]:
    opened = Store(database_url)
    yield opened
    await opened.close()


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with chromium(_need("chromium")) as running:
        yield running


@pytest.fixture
async def page(browser: Browser) -> AsyncIterator[Page]:
    """A Chinese customer's browser. The test fails when a page asks another host for anything, or a script breaks."""
    context = await browser.new_context(locale="zh-CN", timezone_id="Asia/Shanghai")
    wrong: list[str] = []
    context.on("request", lambda request: wrong.extend(_elsewhere(request)))
    context.on("weberror", lambda error: wrong.append(str(error.error)))
    yield await context.new_page()
    await context.close()
    assert not wrong


def _elsewhere(request: Request) -> list[str]:
    local = ("http://127.0.0.1:", "http://localhost:", "data:", "blob:", "about:")
    return [] if request.url.startswith(local) else [request.url]
