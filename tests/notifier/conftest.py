"""A courier on both databases, with a virtual clock and a way out that does what a test says."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest

from casefile.envelope import Channel
from casefile.notice import Draft, Notice, Receipt
from casefile.store.engine import Store
from notifier.courier import Courier
from tests.samples import MONDAY

LEASE = timedelta(seconds=60)


@dataclass
class Clock:
    at: datetime = MONDAY

    def __call__(self) -> datetime:
        return self.at

    def forward(self, **length: float) -> None:
        self.at += timedelta(**length)


@dataclass
class WayOut:
    """A transport. `act` runs in place of the wire; what it raises is what went wrong."""

    act: Callable[[Notice], Awaitable[None]] | None = None
    sent: list[Notice] = field(default_factory=list)
    closed: bool = False

    def compose(self, draft: Draft) -> bytes:
        return draft.text.encode()

    async def send(self, notice: Notice) -> Receipt:
        self.sent.append(notice)
        if self.act:
            await self.act(notice)
        return Receipt(reply="250 OK", provider_id=f"q-{len(self.sent)}")

    async def close(self) -> None:
        self.closed = True


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def way_out() -> WayOut:
    return WayOut()


@pytest.fixture
def courier(store: Store, clock: Clock, way_out: WayOut) -> Courier:
    return Courier(store, {Channel.EMAIL: way_out}, now=clock, name="w1", lease=LEASE)
