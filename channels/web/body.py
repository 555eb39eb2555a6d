"""Reading a request body under a limit of bytes and of time."""

import asyncio

from starlette.requests import Request

from casefile.errors import InputError, TooLarge


class RequestTooLarge(TooLarge):
    """`limit` in bytes."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"The request is larger than {limit} bytes. Send fewer or smaller files")
        self.limit = limit


class RequestTooSlow(InputError):
    """The body had not come in full before its time was up."""


async def read_body(request: Request, limit: int, seconds: float) -> bytes:
    """Raises RequestTooLarge, before reading when Content-Length says so, and RequestTooSlow."""
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > limit:
        raise RequestTooLarge(limit)
    try:
        async with asyncio.timeout(seconds):
            return await _read(request, limit)
    except TimeoutError as error:
        raise RequestTooSlow(f"The request took longer than {seconds:g} s to arrive. Send it again") from error


async def _read(request: Request, limit: int) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            raise RequestTooLarge(limit)
    return bytes(body)
