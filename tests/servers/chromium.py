"""The browser that a customer or an officer would use."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from playwright.async_api import Browser, async_playwright

SILENT = ("--no-sandbox", "--disable-quic", "--disable-background-networking", "--disable-component-update")


@asynccontextmanager
async def chromium(executable: Path) -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=executable, args=list(SILENT))
        try:
            yield browser
        finally:
            await browser.close()
