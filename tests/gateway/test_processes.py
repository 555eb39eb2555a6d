"""`up`, `serve`, `work` and `poll` as an operator runs them, and what they do when something they need goes away."""

from collections.abc import Iterator
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import pytest

from casefile.status import NoticeState
from casefile.store import gauges
from casefile.store.engine import Store
from gateway.settings import load
from tests.gateway import sites, small_disk
from tests.gateway.running import Answer, Running, get, huiyin, post_form, post_json, submit
from tests.gateway.small_disk import SmallDisk
from tests.servers.dovecot import Dovecot
from tests.servers.postgres import Postgres
from tests.servers.redis import RedisServer
from tests.servers.server import free_port
from tests.waiting import eventually

PAGES = ("/", "/track", "/outbox", "/healthz", "/docs", "/console/login")
FORM = {"text": "ATM 吞卡，未出钞", "branch": "南湖支行", "name": "李伟", "email": "li.wei@customer.example"}
MAIL = b"From: li.wei@customer.example\r\nSubject: card\r\nMessage-ID: <1@customer.example>\r\n\r\nlost\r\n"
SAMPLES = 8  # letters that the four complaints of `--demo` cause at once


def letters(data: Path, to: str = "", word: str = "") -> list[Path]:
    """Those in the outgoing folder to one address, with a word in them."""
    folder = data / "outgoing"
    found = sorted(folder.glob("[!.]*.*")) if folder.is_dir() else []
    return [path for path in found if _is_about(path.read_bytes(), to, word)]


def _is_about(letter: bytes, to: str, word: str) -> bool:
    message = message_from_bytes(letter, policy=policy.default)
    assert isinstance(message, EmailMessage)
    body = message.get_body()
    return to in str(message["To"]) and (word in str(body.get_content()) if body else not word)


def track(port: int, receipt: Answer) -> Answer:
    return post_form(port, "/track", {"number": receipt.number, "secret": receipt.secret})


async def on_its_way(data: Path, receipt: Answer) -> None:
    """Returns once customer and office have their letters."""
    await eventually(lambda: letters(data, FORM["email"], receipt.number), 40)
    await eventually(lambda: letters(data, "nanhu@bank.example", receipt.number), 40)


@pytest.mark.slow
async def test_up_shows_a_newcomer_everything_and_again_on_the_same_folder(tmp_path: Path) -> None:
    data, port = tmp_path / "site", free_port()
    with Running(tmp_path / "log", "up", "--data", data, "--port", str(port), "--demo") as up:
        up.ready(port)
        assert [page for page in PAGES if get(port, page).status != 200] == []
        receipt = submit(port, FORM)
        assert receipt.status == 201
        await on_its_way(data, receipt)
        await eventually(lambda: len(letters(data)) == SAMPLES + 2)
        assert up.stop() == 0, up.log
    assert all(f"http://127.0.0.1:{port}{page}" in up.log for page in ("/", "/track", "/console", "/outbox"))
    with Running(tmp_path / "again", "up", "--data", data, "--port", str(port), "--demo") as up:
        up.ready(port)
        assert receipt.number in track(port, receipt).text
        following = submit(port, FORM | {"text": "第二件事"})
        assert following.number.endswith("-000006"), "the samples are not fed twice"
        assert up.stop() == 0, up.log
    assert "console account" not in up.log


@pytest.mark.slow
async def test_three_processes_share_one_site(tmp_path: Path) -> None:
    data, port = await sites.migrated(tmp_path / "site"), free_port()
    with (
        Running(tmp_path / "serve", "serve", "--data", data, "--port", str(port)) as serve,
        Running(tmp_path / "work", "work", "--data", data) as work,
        Running(tmp_path / "poll", "poll", "--data", data) as poll,
    ):
        serve.ready(port)
        await on_its_way(data, submit(port, FORM))
        assert [serve.alive, work.alive, poll.alive] == [True] * 3
        assert [poll.stop(), work.stop(), serve.stop()] == [0, 0, 0], work.log + serve.log + poll.log


def test_a_port_that_is_taken(tmp_path: Path, redis_server: RedisServer) -> None:
    data, port = sites.ready(tmp_path / "site", f'redis = "{redis_server.url}"'), free_port()
    with Running(tmp_path / "one", "serve", "--data", data, "--port", str(port)) as one:
        one.ready(port)
        two = huiyin("serve", "--data", data, "--port", str(port))
    assert two.returncode == 1
    assert f"127.0.0.1:{port}: cannot listen" in two.stderr.decode()
    assert "Choose another --port" in two.stderr.decode()
    assert b"Traceback" not in two.stderr


@pytest.mark.parametrize("command", ["serve", "work"])
def test_a_database_of_another_version_stops_with_the_mend(
    tmp_path: Path, command: str, redis_server: RedisServer
) -> None:
    data = sites.make(tmp_path / "site", f'redis = "{redis_server.url}"')
    done = huiyin(command, "--data", data)
    assert done.returncode == 1
    assert f"Run: huiyin migrate --data {data}" in done.stderr.decode()


@pytest.mark.parametrize("command", ["serve", "migrate"])
def test_a_database_that_is_not_there_stops_with_one_line(
    tmp_path: Path, command: str, redis_server: RedisServer
) -> None:
    url = f"postgresql+asyncpg://huiyin@127.0.0.1:{free_port()}/huiyin"
    data = sites.make(tmp_path / "site", f'database = "{url}"\nredis = "{redis_server.url}"')
    done = huiyin(command, "--data", data)
    (line,) = done.stderr.decode().splitlines()
    assert done.returncode == 1
    assert "Check that the database runs, is reachable and has space" in line


def test_failpoints_are_refused_outside_tests(tmp_path: Path) -> None:
    data = sites.ready(tmp_path / "site")
    done = huiyin("work", "--data", data, settings={"HUIYIN_FAILPOINTS": "send.250=kill"})
    assert done.returncode == 1
    assert "environment HUIYIN_FAILPOINTS: is for tests" in done.stderr.decode()


@pytest.mark.slow
async def test_without_redis_everything_goes_on(tmp_path: Path, redis_server: RedisServer) -> None:
    data, port = await sites.migrated(tmp_path / "site", f'redis = "{redis_server.url}"'), free_port()
    with Running(tmp_path / "log", "up", "--data", data, "--port", str(port)) as up:
        up.ready(port)
        redis_server.stop()
        await on_its_way(data, submit(port, FORM))
        redis_server.start()
        await on_its_way(data, submit(port, FORM | {"text": "另一件事"}))
        assert up.stop() == 0, up.log


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["postgresql"])
async def test_a_database_that_goes_away_and_comes_back(
    tmp_path: Path, database_url: str, postgres: Postgres, redis_server: RedisServer
) -> None:
    data = sites.make(tmp_path / "site", f'database = "{database_url}"\nredis = "{redis_server.url}"')
    port = free_port()
    with Running(tmp_path / "log", "up", "--data", data, "--port", str(port)) as up:
        up.ready(port)
        before = submit(port, FORM)
        postgres.stop()
        assert get(port, "/readyz").status == 503
        assert get(port, "/healthz").status == 200
        assert _refused(submit(port, FORM | {"text": "没有数据库时写的"}))
        postgres.start()
        up.ready(port)
        after = submit(port, FORM | {"text": "数据库恢复后写的"})
        assert [before.number[-6:], after.number[-6:]] == ["000001", "000002"]
        for receipt in (before, after):
            await on_its_way(data, receipt)
        assert up.stop() == 0, up.log


@pytest.mark.slow
async def test_a_relay_that_is_not_there_costs_no_notice(tmp_path: Path, redis_server: RedisServer) -> None:
    smtp = f'[smtp]\nhost = "127.0.0.1"\nport = {free_port()}\ntls = "none"\n'
    data, port = await sites.migrated(tmp_path / "site", f'redis = "{redis_server.url}"\n{smtp}'), free_port()
    with Running(tmp_path / "log", "up", "--data", data, "--port", str(port)) as up:
        up.ready(port)
        assert submit(port, FORM).status == 201
        await eventually(lambda: up.log.count('"event": "attempt failed"') == 2)
        assert up.alive
        assert up.stop() == 0, up.log
    store = Store(load(data).database_url)
    notices = (await store.read(gauges.read, datetime.now(UTC))).notices
    await store.close()
    assert notices[NoticeState.RETRY_WAIT] == 2


@pytest.mark.slow
async def test_one_mailbox_that_is_not_there_stops_no_other(
    tmp_path: Path, dovecot: Dovecot, redis_server: RedisServer
) -> None:
    boxes = _mailbox("gone", free_port(), "x") + _mailbox("complaints", dovecot.port, dovecot.password)
    data = await sites.migrated(tmp_path / "site", f'redis = "{redis_server.url}"\n{boxes}')
    dovecot.append(
        b"From: li.wei@customer.example\r\nSubject: card\r\nMessage-ID: <1@customer.example>\r\n\r\nlost\r\n"
    )
    with Running(tmp_path / "log", "poll", "--data", data) as poll:
        await eventually(lambda: len(dovecot.messages("Huiyin.Done")) == 1 if _has_done(dovecot) else 0, 40)
        await eventually(lambda: "mailbox gone: round failed" in poll.log)
        assert poll.stop() == 0, poll.log


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    with small_disk.mounted(tmp_path / "disk") as made:
        yield made


@pytest.mark.slow
async def test_a_full_disk_loses_nothing_that_was_acknowledged(tmp_path: Path, disk: SmallDisk) -> None:
    data, port = await sites.migrated(disk.folder / "site"), free_port()
    with Running(tmp_path / "log", "up", "--data", data, "--port", str(port)) as up:
        up.ready(port)
        receipts = [submit(port, FORM | {"text": f"第 {n} 件"}) for n in range(3)]
        disk.fill(up.process.pid)
        lost_words = "磁盘已满时写的"
        for _ in range(3):
            refused = submit(port, FORM | {"text": lost_words})
            assert _refused(refused)
            assert lost_words in refused.text, "the customer must not have to write it again"
        program = post_json(port, {"text": lost_words}, "key-1")
        assert (program.status, program.headers["content-type"]) == (503, "application/problem+json")
        disk.free(up.process.pid)
        receipts.append(submit(port, FORM | {"text": lost_words}))
        assert post_json(port, {"text": lost_words}, "key-1").status == 201
        for receipt in receipts:
            assert receipt.number in track(port, receipt).text
            await on_its_way(data, receipt)
        assert up.stop() == 0, up.log
    assert [int(receipt.number[-6:]) for receipt in receipts] == [1, 2, 3, 4]


def _refused(answer: Answer) -> bool:
    return answer.status == 503 and "retry-after" in answer.headers and "HY-" not in answer.text


def _mailbox(name: str, port: int, password: str) -> str:
    return (
        f'[[mailbox]]\nname = "{name}"\nhost = "127.0.0.1"\nport = {port}\ntls = "none"\n'
        f'user = "complaints@bank.example"\npassword = "{password}"\npoll_seconds = 1\n'
    )


def _has_done(dovecot: Dovecot) -> bool:
    return "Huiyin.Done" in dovecot.folders()
