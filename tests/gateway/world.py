"""A whole site on a virtual clock, spoken to over HTTP; its letters land in a folder."""

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from html import unescape

import httpx2

from casefile.audit import SITE, Event, Tag
from casefile.complaint import Complaint
from casefile.envelope import Attachment, Channel, Envelope, RawRef, Sender
from casefile.inbound import Accepted, Raw
from casefile.notice import Notice, NoticeKind
from casefile.status import NoticeState
from casefile.store import complaints, ledger, outbox
from casefile.store.tables import notice
from gateway.readable import readable
from gateway.site import Site
from tests.people import LI_WEI

START = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)  # a Monday, 9:00 in Shanghai
PASSWORD = "correct horse battery"
TEXT = "南湖支行柜台排队两小时，三个窗口只开一个。"


@dataclass
class Clock:
    at: datetime = START

    def __call__(self) -> datetime:
        return self.at

    def forward(self, **length: float) -> None:
        self.at += timedelta(**length)


@dataclass(frozen=True)
class World:
    site: Site
    clock: Clock
    http: httpx2.AsyncClient
    stranger: Callable[[], httpx2.AsyncClient]

    async def complain(self, text: str = TEXT, sender: Sender | None = None, **more: object) -> Accepted:
        """By the web form, without its HTTP."""
        body = f"{text}{more}{self.clock()}".encode()
        raw = Raw(Channel.WEB, "form", f"f-{hash(body)}", body, self.clock())
        envelope = Envelope(
            channel=Channel.WEB,
            external_id=raw.external_id,
            received_at=self.clock(),
            sender=sender or Sender(name=LI_WEI.name, email=LI_WEI.email),
            text=text,
            full_text=text,
            raw=RawRef(sha256="0" * 64, size=len(body)),
            **more,
        )
        return await self.site.intake.accept(raw, envelope)

    async def deliver(self) -> int:
        return await self.site.courier().drain()

    async def desk_link(self, text: str = TEXT, **more: object) -> str:
        """The path in the order that a new complaint brings to its office."""
        case = await self.complain(text, **more)
        await self.deliver()
        return await self.link("desk", case.complaint_id or "")

    async def link(self, purpose: str, case_id: str) -> str:
        """The latest of this purpose in the letters about a case."""
        return [path for notice in await self.notices(case_id) for path in links_in(notice, purpose)][-1]

    async def notices(self, case_id: str) -> list[Notice]:
        return await self.site.store.read(outbox.of_case, case_id)

    async def case(self, case_id: str) -> Complaint:
        return await self.site.store.read(complaints.get, case_id)

    async def events(self, chain_id: str = SITE) -> list[Event]:
        return await self.site.store.read(ledger.events, chain_id)

    async def login(self, name: str = "admin", password: str = PASSWORD) -> httpx2.Response:
        page = await self.http.get("/console/login")
        if page.status_code == 303:  # somebody else is logged in
            self.http.cookies.clear()
            page = await self.http.get("/console/login")
        form = {"name": name, "password": password, "form_token": hidden(page.text, "form_token")}
        return await self.http.post("/console/login", data=form)


def links_in(notice: Notice, purpose: str) -> list[str]:
    return re.findall(rf"/{purpose}/[\w-]+", readable(notice.payload).text)


def hidden(page: str, name: str) -> str:
    """The value of a hidden field."""
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert found, f"no field {name}"
    return unescape(found[1])


def attachment(name: str, content: bytes, content_type: str = "application/pdf") -> Attachment:
    sha256 = hashlib.sha256(content).hexdigest()
    return Attachment(name=name, content_type=content_type, size=len(content), sha256=sha256, content=content)


async def seeded(world: World) -> tuple[Notice, Notice]:
    """Order and receipt of a case, delivered."""
    case = await world.complain()
    await world.deliver()
    found = {n.kind: n for n in await world.notices(case.complaint_id or "")}
    return found[NoticeKind.ORDER], found[NoticeKind.RECEIPT]


async def set_state(world: World, sent: Notice, state: NoticeState, reason: str = "") -> None:
    """As if the other side had done it."""
    values = {"state": state, "reason": reason or None, "next_at": None}
    await world.site.store.write(lambda tx: tx.execute(notice.update().where(notice.c.id == sent.id).values(**values)))


async def site_events(world: World, tag: Tag) -> list[Event]:
    return [event for event in await world.events() if event.tag is tag]
