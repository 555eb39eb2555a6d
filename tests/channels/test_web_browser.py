"""The pages in a real browser, over a real connection."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import uvicorn
from playwright.async_api import Page

from tests.channels.web_stage import NUMBER, SECRET, Stage
from tests.waiting import eventually


@pytest.fixture
async def stage() -> AsyncIterator[tuple[Stage, str]]:
    """Served on a port of its own; yields the stage and its address."""
    stage = Stage()
    server = uvicorn.Server(uvicorn.Config(stage.app, port=0, log_level="error", ws="none"))
    serving = asyncio.create_task(server.serve())
    await eventually(lambda: server.started)
    yield stage, f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    await serving


async def test_a_customer_complains_and_follows_the_case(stage: tuple[Stage, str], page: Page, tmp_path: Path) -> None:
    house, address = stage
    slip = tmp_path / "回单.txt"
    slip.write_text("金额 2000 元", "utf-8")
    await page.goto(address)
    await page.fill("#text", "取款机吞卡\n三天没有人联系我")
    await page.select_option("#product", "card")
    await page.set_input_files("#attachments", slip)
    await page.click("button")
    assert NUMBER in await page.inner_text("main")
    assert SECRET in await page.inner_text("main")
    envelope = house.intake.envelopes[0]
    assert envelope.text == "取款机吞卡\n三天没有人联系我"
    assert [(file.name, file.content) for file in envelope.attachments] == [("回单.txt", slip.read_bytes())]
    await page.click("text=查询办理进度")
    await page.fill("#secret", SECRET)
    await page.click("button")
    assert await page.inner_text("[aria-current=step] strong") == "已转承办部门"


async def test_after_a_too_large_upload_the_text_is_still_there(
    stage: tuple[Stage, str], page: Page, tmp_path: Path
) -> None:
    house, address = stage
    big = tmp_path / "big.bin"
    big.write_bytes(b"x" * 5_000_000)
    await page.goto(address)
    await page.fill("#text", "取款机吞卡")
    await page.set_input_files("#attachments", big)
    await page.click("button")
    assert "195 KB" in await page.inner_text("main")
    await page.go_back()
    assert await page.input_value("#text") == "取款机吞卡"
    assert house.intake.raws == []


@pytest.mark.parametrize("path", ["/", "/track", "/revisit/good", "/docs", "/nothing"])
async def test_no_page_is_wider_than_a_small_phone(stage: tuple[Stage, str], page: Page, path: str) -> None:
    _, address = stage
    await page.set_viewport_size({"width": 360, "height": 740})
    for language in ("zh", "en"):
        await page.goto(f"{address}{path}?lang={language}")
        assert await page.evaluate("document.documentElement.scrollWidth") <= 360


async def test_the_form_asks_for_the_text_before_it_is_sent(stage: tuple[Stage, str], page: Page) -> None:
    house, address = stage
    await page.goto(address)
    await page.click("button")
    assert await page.evaluate("document.activeElement.id") == "text"
    assert house.intake.raws == []
