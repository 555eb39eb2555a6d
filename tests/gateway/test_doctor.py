import asyncio
import json
import socket
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url
from typer.testing import CliRunner

from casefile.store import mailboxes
from casefile.store.engine import Store
from gateway import check_files, doctor
from gateway.cli import app
from gateway.finding import Named, State
from gateway.settings import load
from tests.gateway import sites
from tests.servers.dovecot import Dovecot
from tests.servers.postgres import Postgres
from tests.servers.redis import RedisServer
from tests.servers.server import free_port
from tests.servers.smtp import Rule, SmtpSink

NOW = datetime(2026, 6, 1, 4, tzinfo=UTC)
PRODUCTION = 'environment = "production"\n'
BOX = """[[mailbox]]
name = "{name}"
host = "127.0.0.1"
port = {port}
tls = "none"
user = "complaints@bank.example"
password = "{password}"
"""


@pytest.fixture
async def site(tmp_path: Path) -> Path:
    return await sites.migrated(tmp_path / "site")


def write(site: Path, toml: str) -> None:
    (site / "huiyin.toml").write_text(toml, encoding="utf-8")


async def examine(site: Path, now: datetime = NOW, limit_s: float = doctor.LIMIT_S) -> dict[str, Named]:
    return {found.name: found for found in await doctor.examine(site, now, limit_s)}


def failed(findings: dict[str, Named]) -> set[str]:
    return {name for name, found in findings.items() if found.state is State.FAIL}


@pytest.fixture
def silent_port() -> Iterator[int]:
    """Of a server that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def open_to_all(site: Path) -> None:
    site.chmod(0o755)


def times(site: Path) -> dict[Path, int]:
    """When each file was changed; a reader of SQLite makes and removes files beside the database."""
    return {path: path.stat().st_mtime_ns for path in site.rglob("*") if not path.name.startswith("huiyin.db")}


async def test_a_new_site_has_nothing_that_fails(site: Path) -> None:
    findings = await examine(site)
    assert failed(findings) == set()
    assert [name for name, found in findings.items() if found.state is State.WARN] == ["addresses", "smtp"]
    assert all(found.mend for found in findings.values() if found.state is not State.OK)


async def test_every_check_of_the_design_is_made_in_the_same_order(site: Path) -> None:
    write(site, BOX.format(name="complaints", port=free_port(), password="x"))
    assert list(await examine(site)) == ["config", *(check.name for check in doctor.CHECKS), "mailbox complaints"]


async def test_looking_changes_nothing(site: Path) -> None:
    before = times(site)
    await examine(site)
    assert times(site) == before


async def test_a_wrong_setting_is_the_only_finding(site: Path) -> None:
    write(site, "colour = 1")
    findings = await examine(site)
    assert failed(findings) == set(findings) == {"config"}
    assert "colour" in findings["config"].what


@pytest.mark.parametrize(
    ("damage", "broken", "says"),
    [
        (lambda site: (site / "rules.yaml").write_text("rules: ["), "offices", "rules.yaml"),
        (lambda site: (site / "policies" / "own.yaml").write_text("id: own"), "policies", "own.yaml"),
        (lambda site: (site / "keys" / "site.key").unlink(), "keys", "there is no key"),
        (lambda site: (site / "keys" / "site.key").chmod(0o644), "keys", "can be read by others"),
        (lambda site: (site / "keys" / "site.key").write_text("?"), "keys", "hexadecimal"),
        (lambda site: (site / "accounts.yaml").unlink(), "accounts", "cannot be read"),
        (lambda site: (site / "accounts.yaml").chmod(0o644), "accounts", "others may read"),
        (lambda site: (site / "huiyin.db").unlink(), "database", "there is no database"),
        (lambda site: (site / "huiyin.db").write_bytes(b"not a database" * 500), "database", "not a database"),
    ],
)
async def test_what_is_broken_is_found_and_the_rest_is_still_looked_at(
    site: Path, damage: Callable[[Path], object], broken: str, says: str
) -> None:
    damage(site)
    findings = await examine(site)
    assert broken in failed(findings)
    assert failed(findings) <= {broken, "calendar"}, "the calendar is read from the policies"
    assert says in findings[broken].what
    assert findings[broken].mend
    assert len(findings) == len(doctor.CHECKS) + 1


async def test_a_folder_that_others_may_enter_is_warned_of(site: Path) -> None:
    open_to_all(site)
    found = (await examine(site))["keys"]
    assert (found.state, found.mend) == (State.WARN, f"Run: chmod 700 {site}")


async def test_real_addresses_are_not_warned_of(site: Path) -> None:
    offices = (site / "offices.yaml").read_text(encoding="utf-8")
    (site / "offices.yaml").write_text(offices.replace("@bank.example", "@huiyin-bank.cn"), encoding="utf-8")
    assert (await examine(site))["addresses"].state is State.OK


@pytest.mark.parametrize(
    ("day", "state"),
    [
        (datetime(2026, 10, 31, tzinfo=UTC), State.OK),
        (datetime(2026, 11, 23, tzinfo=UTC), State.WARN),
        (datetime(2026, 12, 31, tzinfo=UTC), State.WARN),
        (datetime(2027, 1, 1, tzinfo=UTC), State.FAIL),
    ],
)
async def test_the_end_of_the_known_calendar_is_told_sixty_days_ahead(site: Path, day: datetime, state: State) -> None:
    (site / "calendar.yaml").write_text("huiyin_calendar: 1\n")
    found = (await examine(site, day))["calendar"]
    assert found.state is state
    assert ("2027" in found.mend) is (state is not State.OK)


async def test_an_arrangement_in_the_own_file_extends_the_calendar(site: Path) -> None:
    (site / "calendar.yaml").write_text("huiyin_calendar: 1\npublished_years: [2027]\n")
    assert (await examine(site, datetime(2026, 12, 31, tzinfo=UTC)))["calendar"].state is State.OK


@pytest.mark.parametrize(
    ("free", "total", "state"),
    [(30, 100, State.OK), (19, 100, State.WARN), (0.19, 1, State.FAIL), (0.5, 1, State.OK), (0.5, 100, State.WARN)],
)
def test_space_in_gigabytes(free: float, total: float, state: State) -> None:
    assert check_files.space(int(free * 2**30), int(total * 2**30)).state is state


async def test_failpoints_outside_a_test_site_fail(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUIYIN_FAILPOINTS", "send.250=kill")
    assert failed(await examine(site)) == {"failpoints"}
    write(site, 'environment = "test"')
    assert failed(await examine(site)) == set()


async def test_a_database_of_another_version(site: Path, empty_database_url: str) -> None:
    await _touch(empty_database_url)
    write(site, f'database = "{empty_database_url}"')
    found = (await examine(site))["database"]
    assert (found.state, found.mend) == (State.FAIL, f"Run: huiyin migrate --data {site}")


async def test_both_engines_are_durable_as_they_come(site: Path, database_url: str) -> None:
    write(site, f'database = "{database_url}"')
    assert (await examine(site))["database"].state is State.OK


@pytest.mark.parametrize("engine", ["postgresql"])
@pytest.mark.parametrize("weak", ["synchronous_commit = off", "default_transaction_read_only = on"])
async def test_a_database_that_may_forget(site: Path, database_url: str, postgres: Postgres, weak: str) -> None:
    postgres.sql(f"ALTER DATABASE {make_url(database_url).database} SET {weak}")
    write(site, f'database = "{database_url}"')
    found = (await examine(site))["database"]
    assert found.state is State.FAIL
    assert weak.removeprefix("default_").replace(" ", "") in found.what


async def test_servers_that_are_not_there(site: Path) -> None:
    port = free_port()
    write(
        site,
        f'database = "postgresql+asyncpg://huiyin@127.0.0.1:{port}/huiyin"\nredis = "redis://127.0.0.1:{port}/0"\n'
        f'[smtp]\nhost = "127.0.0.1"\nport = {port}\ntls = "none"\n' + BOX.format(name="x", port=port, password="x"),
    )
    findings = await examine(site)
    assert failed(findings) == {"database", "redis", "smtp", "mailbox x", "fetching"}
    assert all(findings[name].mend for name in failed(findings))


async def test_a_server_that_says_nothing_does_not_hold_the_doctor_up(site: Path, silent_port: int) -> None:
    smtp = f'[smtp]\nhost = "127.0.0.1"\nport = {silent_port}\ntls = "none"\n'
    box = BOX.format(name="x", port=silent_port, password="x")
    write(site, f'redis = "redis://127.0.0.1:{silent_port}/0"\n{smtp}{box}')
    async with asyncio.timeout(10):
        findings = await examine(site, limit_s=1.5)
    assert failed(findings) == {"redis", "smtp", "mailbox x"}
    assert findings["database"].state is State.OK


async def test_servers_that_answer(
    site: Path, smtp_sink: SmtpSink, dovecot: Dovecot, redis_server: RedisServer
) -> None:
    box = BOX.format(name="complaints", port=dovecot.port, password=dovecot.password)
    smtp = f'[smtp]\nhost = "127.0.0.1"\nport = {smtp_sink.port}\ntls = "none"\nsender = "a@huiyin-bank.cn"\n'
    write(site, f'redis = "{redis_server.url}"\n{smtp}{box}')
    findings = await examine(site)
    assert [findings[name].state for name in ("redis", "smtp", "mailbox complaints")] == [State.OK] * 3
    assert smtp_sink.messages() == []


async def test_a_refused_login_is_one_mailbox_s_trouble(site: Path, dovecot: Dovecot) -> None:
    good = BOX.format(name="good", port=dovecot.port, password=dovecot.password)
    write(site, good + BOX.format(name="bad", port=dovecot.port, password="wrong"))
    findings = await examine(site)
    assert failed(findings) == {"mailbox bad"}
    assert "password" in findings["mailbox bad"].mend


async def test_a_relay_that_turns_us_away(site: Path, smtp_sink: SmtpSink) -> None:
    smtp_sink.script(Rule("connect", reply="554 5.7.1 go away"))
    write(site, f'[smtp]\nhost = "127.0.0.1"\nport = {smtp_sink.port}\ntls = "none"\n')
    found = (await examine(site))["smtp"]
    assert found.state is State.FAIL
    assert "554" in found.what


async def test_when_a_mailbox_was_last_read(site: Path, dovecot: Dovecot) -> None:
    write(site, BOX.format(name="complaints", port=dovecot.port, password=dovecot.password))
    assert "从未 never" in (await examine(site))["fetching"].what
    store = Store(load(site).database_url)
    await store.write(mailboxes.succeeded, "complaints", NOW - timedelta(minutes=5))
    assert (await examine(site))["fetching"].what.endswith("complaints 2026-06-01 03:55Z")
    await store.write(mailboxes.failed, "complaints", NOW, "login: the server says NO")
    assert "03:55Z, login: the server says NO" in (await examine(site))["fetching"].what
    await store.close()
    assert (await examine(site, NOW + timedelta(hours=2)))["fetching"].state is State.WARN


async def test_production_needs_a_relay_and_an_address_of_its_own(site: Path) -> None:
    write(site, PRODUCTION)
    findings = await examine(site)
    assert failed(findings) == {"smtp", "public_url"}
    assert findings["twilio"].state is State.WARN
    assert "withheld" in findings["twilio"].what


async def test_an_address_that_cannot_be_opened_from_here_is_only_warned_of(site: Path) -> None:
    write(site, f'{PRODUCTION}public_url = "https://127.0.0.2:{free_port()}"')
    assert (await examine(site))["public_url"].state is State.WARN


def test_the_command_prints_a_line_each_and_fails_when_one_fails(tmp_path: Path) -> None:
    site = sites.ready(tmp_path / "site")
    done = CliRunner().invoke(app, ["doctor", "--data", str(site)])
    heads = [line for line in done.stdout.splitlines() if not line.startswith("      → ")]
    assert done.exit_code == (1 if any(line.startswith("FAIL") for line in heads) else 0)
    assert len(heads) == len(doctor.CHECKS) + 1
    assert all(line.split()[0] in ("ok", "warn", "FAIL") for line in heads)
    (site / "keys" / "site.key").chmod(0o640)
    broken = CliRunner().invoke(app, ["doctor", "--data", str(site)])
    assert broken.exit_code == 1
    assert f"      → Run: chmod 600 {site}/keys/site.key" in broken.stdout


def test_the_command_prints_json(tmp_path: Path) -> None:
    site = sites.make(tmp_path / "site", "colour = 1")
    done = CliRunner().invoke(app, ["doctor", "--json", "--data", str(site)])
    assert done.exit_code == 1
    (only,) = json.loads(done.stdout)
    assert (only["name"], only["state"]) == ("config", "FAIL")
    assert set(only) == {"name", "state", "what", "mend"}


async def _touch(url: str) -> None:
    """Makes the file of an empty SQLite database."""
    store = Store(url)
    await store.read(lambda tx: None)
    await store.close()
