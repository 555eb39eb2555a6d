"""Waiting for something that another process does."""

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


async def eventually(look: Callable[[], T], timeout_s: float = 15.0) -> T:
    """The first true value of `look`, asked twenty times a second."""
    deadline = time.monotonic() + timeout_s
    while not (seen := look()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"not seen within {timeout_s} s: {look}, last {seen!r}")
        await asyncio.sleep(0.05)
    return seen
