"""What the routes of this room share."""

import asyncio
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from starlette.requests import Request

from casefile.envelope import Channel, Envelope
from casefile.inbound import Accept, Accepted, Outcome, Raw
from channels.web.body import read_body
from channels.web.desk import WebDesk, WebSettings
from channels.web.multipart import content_hash
from channels.web.pages import Pages
from channels.web.parse import parse

_QUICK = 64 * 1024  # bytes; parsing more than that would hold up other requests


@dataclass(frozen=True)
class Door:
    accept: Accept
    desk: WebDesk
    pages: Pages
    settings: WebSettings
    now: Callable[[], datetime]

    async def read(self, request: Request) -> bytes:
        limits = self.settings.limits
        return await read_body(request, limits.max_request, limits.max_seconds)

    async def parse(self, body: bytes) -> Envelope:
        if len(body) <= _QUICK:
            return parse(body, self.now(), self.settings.default_region)
        return await asyncio.to_thread(parse, body, self.now(), self.settings.default_region)

    def raw(self, source: str, external_id: str, body: bytes, envelope: Envelope) -> Raw:
        return Raw(
            channel=Channel.WEB,
            source=source,
            external_id=external_id,
            body=body,
            received_at=envelope.received_at or self.now(),
            content_hash=content_hash(body),
        )

    async def first_received(self, accepted: Accepted, now: datetime) -> datetime:
        """When the case began: for a request that came again, the time that its first answer gave."""
        if accepted.outcome is Outcome.REPEATED and accepted.number and accepted.secret:
            view = await self.desk.track(accepted.number, accepted.secret)
            if view:
                return view.received_at
        return now


def fresh_id() -> str:
    """128 random bits: what ties all copies of one filled-in form together."""
    return secrets.token_urlsafe(16)
