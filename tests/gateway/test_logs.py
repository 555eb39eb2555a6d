import asyncio
import json
import logging
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from io import StringIO
from pathlib import Path

import pytest
from sqlalchemy.exc import IntegrityError

from casefile.envelope import Channel, Envelope
from casefile.errors import StorageUnavailable
from casefile.inbound import Raw
from gateway.logs import JsonLines
from gateway.readable import readable
from tests.gateway import sites
from tests.gateway.running import Answer, Running, get, post_form, post_json, submit
from tests.gateway.world import World, hidden
from tests.servers.redis import RedisServer
from tests.servers.server import free_port
from tests.waiting import eventually

CANARY = "canary"
PERSON = {
    "name": "Li Wei canaryname",
    "email": "canarymail@customer.example",
    "phone": "+8613800138999",
    "text": "canarytext 南湖支行",
    "product": "canaryproduct",
}
HOSTILE = [
    "two\nlines",
    "two\r\nlines",
    "\x1b[31mred\x1b[0m",
    "\x9b31mred",
    "next\x85line",
    "line\u2028separator",
    "para\u2029graph",
    "right\u202eto left",
    "\x00null",
    '"quotes"\\',
]


def formatted(message: str, *, error: BaseException | None = None, **extra: object) -> str:
    record = logging.LogRecord("gateway", logging.INFO, __file__, 1, message, (), None)
    if error:
        record.exc_info = (type(error), error, error.__traceback__)
    record.__dict__.update(extra)
    return JsonLines().format(record)


@pytest.mark.parametrize("text", HOSTILE)
def test_whatever_is_in_it_a_record_is_one_line_of_json(text: str) -> None:
    line = formatted(text, field=text)
    assert len(line.splitlines()) == 1
    assert line.isprintable()
    entry = json.loads(line)
    assert (entry["event"], entry["field"]) == (text, text)


def test_a_line_says_when_how_grave_where_and_what() -> None:
    entry = json.loads(formatted("attempt failed", notice="n-1", attempt=2))
    assert datetime.fromisoformat(entry.pop("at")).tzinfo
    assert entry == {"level": "info", "part": "gateway", "event": "attempt failed", "notice": "n-1", "attempt": 2}


def test_a_trace_says_where_it_happened_and_not_what_it_was_given() -> None:
    entry = json.loads(formatted("shunted", error=_failure()))
    trace = entry["trace"]
    assert CANARY not in json.dumps(entry)
    assert [line for line in trace if " " not in line] == ["ValueError", "IntegrityError", "StorageUnavailable"]
    assert any(line.startswith(f"{__file__}:") and line.endswith(" _insert") for line in trace)


def _failure() -> Exception:
    try:
        _store()
    except StorageUnavailable as error:
        return error
    raise AssertionError("it must fail")


def _store() -> None:
    try:
        _insert()
    except IntegrityError as error:
        raise StorageUnavailable(f"database: {CANARY}") from error


def _insert() -> None:
    try:
        int(CANARY)
    except ValueError as error:
        raise IntegrityError(f"INSERT {CANARY}", {"name": CANARY}, error) from error


def _broken(body: bytes, received_at: datetime | None) -> Envelope:
    raise ValueError(f"cannot read {body!r}")


@pytest.fixture
def log() -> Iterator[StringIO]:
    """All that is logged, as `huiyin` writes it, down to the last detail."""
    written = StringIO()
    handler, root = logging.StreamHandler(written), logging.getLogger()
    handler.setFormatter(JsonLines())
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield written
    root.setLevel(level)
    root.removeHandler(handler)


async def test_a_message_that_breaks_its_parser_is_not_quoted(world: World, log: StringIO) -> None:
    intake = replace(world.site.intake, parsers={Channel.SMS: _broken})
    accepted = await intake.accept(Raw(Channel.SMS, "test", "canary-id", b"canarybody", world.clock()))
    assert accepted.number
    assert '"event": "shunted"' in log.getvalue()
    assert CANARY not in log.getvalue()


async def test_a_task_that_nobody_waited_for_is_not_quoted(log: StringIO) -> None:
    about = {"message": "Task exception was never retrieved", "exception": ValueError(CANARY)}
    asyncio.get_running_loop().default_exception_handler(about)
    entry = json.loads(log.getvalue().splitlines()[-1])
    assert (entry["event"], entry["trace"]) == ("Task exception was never retrieved", ["ValueError"])
    assert CANARY not in log.getvalue()


@pytest.mark.slow
async def test_a_life_of_a_case_leaves_no_personal_data_in_the_log(tmp_path: Path, redis_server: RedisServer) -> None:
    settings = f'redis = "{redis_server.url}"\nlog_level = "debug"\nmetrics_token = "canarytoken"\n'
    data, port = await sites.migrated(tmp_path / "site", settings), free_port()
    with Running(tmp_path / "log", "up", "--data", data, "--port", str(port)) as up:
        up.ready(port)
        receipt = submit(port, PERSON)
        again = post_json(port, PERSON, "canary-key")
        secrets = [receipt.secret, again.json["secret"], *await _desk_tokens(data)]
        post_form(port, "/track", {"number": receipt.number, "secret": receipt.secret})
        for path in ("/desk/canarytoken", "/revisit/canarytoken", "/canarypath?q=canaryquery"):
            assert get(port, path).status == 404
        assert _resolve(port, f"/desk/{secrets[-1]}").status == 303
        post_form(port, "/console/login", {"name": "canaryname", "password": "canarypassword"})
        submit(port, PERSON | {"email": "canary,mail", "text": ""})
        assert up.stop() == 0
    log = up.log
    assert '"event": "request"' in log
    leaked = [word for word in (CANARY, *secrets, PERSON["phone"], "13800138999", "Li Wei") if word in log]
    assert leaked == []
    assert all(json.loads(line) for line in log.splitlines() if line.startswith("{"))


def _resolve(port: int, desk: str) -> Answer:
    nonce = hidden(get(port, desk).text, "nonce")
    return post_form(port, desk, {"action": "resolve", "words": "canarydecision", "nonce": nonce})


async def _desk_tokens(data: Path) -> list[str]:
    """From the orders to the office, as they lie in the outgoing folder."""

    def look() -> list[str]:
        letters = [path.read_bytes() for path in (data / "outgoing").glob("[!.]*.eml")]
        return [token for letter in letters for token in _tokens(letter)]

    return await eventually(look, 30)


def _tokens(letter: bytes) -> list[str]:
    return re.findall(r"/desk/([\w-]+)", readable(letter).text)
