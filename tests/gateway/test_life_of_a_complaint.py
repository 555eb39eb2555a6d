"""The whole tale on real servers: a mail becomes a case, and its writer gets an answer in the same thread."""

import asyncio
import email
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path

import pytest
import sqlalchemy as sa
from playwright.async_api import Page

from casefile.audit import Tag
from casefile.duty import Duty
from casefile.status import CaseState, DutyState
from casefile.store import complaints, duties, ledger
from casefile.store.tables import complaint
from gateway import processes, settings
from gateway.site import Site, open_site
from tests import sites
from tests.servers.dovecot import Dovecot
from tests.servers.redis import RedisServer
from tests.servers.server import free_port
from tests.servers.smtp import Received, SmtpSink
from tests.waiting import eventually

COMPLAINT = """\
From: =?UTF-8?B?5p2O5Lyf?= <li.wei@customer.example>
To: complaints@bank.example
Subject: =?UTF-8?B?5Y2X5rmW5pSv6KGM5o6S6Zif5b6I5LmF?=
Message-ID: <first@customer.example>
Date: Mon, 23 Nov 2026 10:00:00 +0800
MIME-Version: 1.0
Content-Type: text/plain; charset=UTF-8
Content-Transfer-Encoding: 8bit

南湖支行排队两个小时，三个窗口只开一个，请给我一个答复。
""".encode()

ANSWER = "经核实，当日两个窗口故障。已增开窗口，并向您致歉。"


@dataclass
class Clock:
    """Real time, moved forward by the test."""

    ahead: timedelta = timedelta(0)

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@dataclass(frozen=True)
class Running:
    site: Site
    clock: Clock
    url: str


@pytest.fixture
async def running(
    tmp_path: Path, database_url: str, dovecot: Dovecot, smtp_sink: SmtpSink, redis_server: RedisServer
) -> AsyncIterator[Running]:
    data = sites.make(tmp_path / "site", database_url, redis_url=redis_server.url, relay=smtp_sink, inbox=dovecot)
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    configured = settings.load(data).model_copy(update={"public_url": url})
    clock, stop = Clock(), asyncio.Event()
    async with open_site(configured, redis_server.url, clock) as site:
        parts = (processes.serving("127.0.0.1", port), processes.working, processes.polling)
        async with asyncio.TaskGroup() as group:
            for part in parts:
                group.create_task(part(site, stop))
            yield Running(site, clock, url)
            stop.set()


async def test_life_of_a_complaint(running: Running, dovecot: Dovecot, smtp_sink: SmtpSink, page: Page) -> None:
    dovecot.append(COMPLAINT)

    order = await mail_to(smtp_sink, "nanhu@bank.example")
    receipt = await mail_to(smtp_sink, "li.wei@customer.example")
    assert "三个窗口只开一个" in text_of(order)
    assert parsed(receipt)["In-Reply-To"] == "<first@customer.example>"
    assert "三个窗口" not in text_of(receipt)
    assert dovecot.messages() == []
    assert dovecot.messages("Huiyin.Done") == [COMPLAINT.replace(b"\n", b"\r\n")]

    await resolve_at_the_desk(page, link_in(order, "desk"))
    decision = await mail_to(smtp_sink, "li.wei@customer.example", containing=ANSWER)
    assert parsed(decision)["In-Reply-To"] == "<first@customer.example>"
    assert parsed(receipt)["Message-ID"] in parsed(decision)["References"]

    running.clock.ahead = timedelta(days=10)
    revisit = await mail_to(smtp_sink, "li.wei@customer.example", containing="满意")
    await answer_the_revisit(page, link_in(revisit, "revisit"))

    await check_the_record(running.site)


async def resolve_at_the_desk(page: Page, link: str) -> None:
    await page.goto(link)
    await page.check("input[name=action][value=resolve]")
    await page.fill("textarea[name=words]", ANSWER)
    await page.click("form#act button[type=submit]")
    await page.get_by_role("status").wait_for()


async def answer_the_revisit(page: Page, link: str) -> None:
    await page.goto(link)
    await page.check("input[name=satisfied][value=yes]")
    async with page.expect_navigation():
        await page.click("main form button[type=submit]")


async def check_the_record(site: Site) -> None:
    """Every step is an event, and every duty is met or was no longer owed."""
    (case_id,) = await site.store.read(case_ids)
    case = await site.store.read(complaints.get, case_id)
    assert (case.state, case.satisfied) == (CaseState.CLOSED, True)
    tags = [event.tag for event in await site.store.read(ledger.events, case_id)]
    steps = [Tag.CASE_OPENED, Tag.CASE_ROUTED, Tag.CASE_RESOLVED, Tag.CASE_CLOSED]
    assert [tag for tag in tags if tag in steps] == steps
    assert tags.count(Tag.NOTICE_ACCEPTED) == 4  # receipt, order, decision, revisit
    owed: list[Duty] = await site.store.read(duties.of_case, case_id)
    met = {duty.rule_id for duty in owed if duty.state is DutyState.MET}
    assert met == {"receipt", "order", "decision", "revisit"}
    assert all(duty.state is not DutyState.OPEN for duty in owed)


def case_ids(tx: sa.Connection) -> list[str]:
    return list(tx.execute(sa.select(complaint.c.id)).scalars())


async def mail_to(sink: SmtpSink, address: str, containing: str = "") -> Received:
    def look() -> Received | None:
        found = [m for m in sink.messages() if m.recipients == [address] and containing in text_of(m)]
        return found[-1] if found else None

    received = await eventually(look)
    assert received
    return received


def parsed(received: Received) -> EmailMessage:
    message = email.message_from_bytes(received.raw, policy=SMTP)
    assert isinstance(message, EmailMessage)
    return message


def text_of(received: Received) -> str:
    body = parsed(received).get_body(("plain",))
    assert body is not None
    return str(body.get_content())


def link_in(received: Received, purpose: str) -> str:
    found = re.search(rf"http://127\.0\.0\.1:\d+/{purpose}/\S+", text_of(received))
    assert found
    return found[0]
