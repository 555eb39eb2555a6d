"""The servers that the tests rely on are real, and do what the tests take for granted."""

import os
import signal
import smtplib
import subprocess
import sys
import time
from email.message import EmailMessage
from pathlib import Path

import pytest
from playwright.async_api import Page
from sqlalchemy import text

from casefile.store.engine import Store
from casefile.store.schema import is_current, upgrade
from tests.servers.dovecot import Dovecot
from tests.servers.postgres import Postgres
from tests.servers.redis import RedisServer
from tests.servers.smtp import Rule, SmtpSink

ROOT = Path(__file__).parents[1]
MAIL = b"From: li.wei@customer.example\r\nMessage-ID: <1@customer.example>\r\nSubject: loan\r\n\r\nHelp.\r\n"


def send(sink: SmtpSink, raw: bytes = MAIL, to: str = "nanhu@bank.example") -> None:
    with smtplib.SMTP(sink.host, sink.port) as smtp:
        smtp.sendmail("bounce@bank.example", [to], raw)


async def test_store_has_its_tables_and_nothing_in_them(store: Store, engine: str) -> None:
    assert store.dialect == engine
    assert await store.read(is_current)
    assert await store.read(lambda tx: tx.execute(text("SELECT count(*) FROM complaint")).scalar()) == 0


async def test_empty_database_is_empty(empty_database_url: str) -> None:
    store = Store(empty_database_url)
    assert not await store.read(is_current)
    await store.write(upgrade)
    assert await store.read(is_current)
    await store.close()


def test_postgres_is_durable_and_survives_a_crash(postgres: Postgres) -> None:
    assert postgres.sql("SHOW fsync") == "on"
    assert postgres.sql("SHOW synchronous_commit") == "on"
    name = postgres.create()
    postgres.sql("CREATE TABLE cases (id int); INSERT INTO cases VALUES (7)", name)
    for mode in ("immediate", "fast"):
        postgres.restart(mode)
    assert postgres.sql("SELECT id FROM cases", name) == "7"
    copy = postgres.create(template=name)
    assert postgres.sql("SELECT id FROM cases", copy) == "7"
    postgres.drop(copy)
    postgres.drop(name)


def test_dovecot_keeps_the_exact_bytes(dovecot: Dovecot) -> None:
    dovecot.append(MAIL)
    assert dovecot.messages() == [MAIL]
    assert dovecot.flags() == [{"\\Recent"}]


def test_dovecot_takes_mail_by_lmtp(dovecot: Dovecot) -> None:
    user, _ = dovecot.make_mailbox("lmtp")
    dovecot.deliver(MAIL, user)
    [delivered] = dovecot.messages(user=user)
    assert delivered.endswith(MAIL)
    assert delivered.startswith(b"Return-Path: <li.wei@customer.example>")


def test_dovecot_has_folders(dovecot: Dovecot) -> None:
    user, _ = dovecot.make_mailbox("folders")
    dovecot.create_folder("Done", user)
    dovecot.append(MAIL, "Done", user)
    assert dovecot.folders(user) == ["Done", "INBOX"]
    assert dovecot.messages("Done", user) == [MAIL]
    assert dovecot.messages(user=user) == []


def test_dovecot_can_change_uidvalidity(dovecot: Dovecot) -> None:
    dovecot.append(MAIL)
    first = dovecot.uidvalidity()
    dovecot.renumber()
    second = dovecot.uidvalidity()
    assert dovecot.messages() == [MAIL]
    dovecot.recreate()
    assert dovecot.messages() == []
    assert len({first, second, dovecot.uidvalidity()}) == 3


def test_sink_writes_down_what_it_accepts(smtp_sink: SmtpSink) -> None:
    before = time.time()
    send(smtp_sink)
    [message] = smtp_sink.messages()
    assert (message.sender, message.recipients) == ("bounce@bank.example", ["nanhu@bank.example"])
    assert (message.message_id, message.raw) == ("<1@customer.example>", MAIL)
    assert before <= message.at <= time.time()


@pytest.mark.parametrize("stage", ["connect", "ehlo", "mail", "rcpt", "data", "dot"])
def test_sink_refuses_at_a_stage(smtp_sink: SmtpSink, stage: str) -> None:
    smtp_sink.script(Rule(stage, reply="451 4.3.0 later"))
    with pytest.raises((smtplib.SMTPException, OSError), match="451"):
        send(smtp_sink)
    assert smtp_sink.messages() == []


@pytest.mark.parametrize("stage", ["connect", "ehlo", "mail", "rcpt", "data", "dot", "reply"])
def test_sink_drops_the_connection_at_a_stage(smtp_sink: SmtpSink, stage: str) -> None:
    smtp_sink.script(Rule(stage, drop=True))
    with pytest.raises((smtplib.SMTPServerDisconnected, ConnectionError)):
        send(smtp_sink)
    assert len(smtp_sink.messages()) == (stage == "reply")


def test_sink_rules_count_and_know_the_recipient(smtp_sink: SmtpSink) -> None:
    smtp_sink.script(Rule("rcpt", reply="550 5.1.1 unknown", recipient="nanhu@bank.example", every=2, times=1))
    outcomes = []
    for _ in range(4):
        send(smtp_sink, to="desk@bank.example")
        try:
            send(smtp_sink)
            outcomes.append("taken")
        except smtplib.SMTPRecipientsRefused:
            outcomes.append("refused")
    assert outcomes == ["taken", "refused", "taken", "taken"]


def test_sink_can_be_slow(smtp_sink: SmtpSink) -> None:
    smtp_sink.script(Rule("reply", delay_s=0.3))
    began = time.monotonic()
    send(smtp_sink)
    assert time.monotonic() - began >= 0.3


def test_sink_can_go_and_come_back_with_its_journal(smtp_sink: SmtpSink) -> None:
    send(smtp_sink)
    smtp_sink.stop(signal.SIGKILL)
    with pytest.raises(ConnectionRefusedError):
        send(smtp_sink)
    smtp_sink.start()
    send(smtp_sink)
    assert len(smtp_sink.messages()) == 2


def test_sink_forwards_to_a_real_mailbox(dovecot: Dovecot) -> None:
    user, _ = dovecot.make_mailbox("li.wei")
    with SmtpSink(lmtp_port=dovecot.lmtp_port) as sink:
        message = EmailMessage()
        message["Subject"] = "受理回执"
        message.set_content("我们已收到您的投诉。")
        send(sink, message.as_bytes(), to=user)
        assert len(sink.messages()) == 1
    assert len(dovecot.messages(user=user)) == 1


def test_redis_forgets_only_when_told(redis_server: RedisServer) -> None:
    redis_server.call("SET", "bell", "1")
    redis_server.stop()
    redis_server.start()
    assert redis_server.call("GET", "bell") == b"1"
    redis_server.flushall()
    assert redis_server.call("GET", "bell") is None


async def test_browser_shows_chinese(page: Page) -> None:
    await page.set_content("<h1>回音</h1><script>document.title = navigator.language</script>")
    assert await page.inner_text("h1") == "回音"
    assert await page.title() == "zh-CN"


def test_servers_die_with_killed_tests(tmp_path: Path) -> None:
    """kill -9 of the test process leaves neither processes nor folders."""
    victim = subprocess.Popen(
        [sys.executable, "-c", VICTIM],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": "/tmp"},
    )
    with victim:
        assert victim.stdout is not None
        pids = [int(word) for word in victim.stdout.readline().split()]
        folder = Path(victim.stdout.readline().strip())
        victim.kill()
    deadline = time.monotonic() + 10
    while any(alive(pid) for pid in pids) or folder.exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert len(pids) == 2


VICTIM = """
import signal
from tests.servers.redis import RedisServer
from tests.servers.smtp import SmtpSink
servers = [SmtpSink(), RedisServer()]
for server in servers:
    server.start()
print(*[server.pid for server in servers])
print(servers[1].folder, flush=True)
signal.pause()
"""


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
