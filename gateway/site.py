"""One institution's Huiyin, wired: the registries of what exists, and the parts put together from a data folder."""

import os
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from zoneinfo import ZoneInfo

from casefile.blobs import Blobs
from casefile.envelope import Channel
from casefile.errors import ConfigError
from casefile.notice import Transport
from casefile.store import schema
from casefile.store.engine import Store
from channels.email.parse import parse as parse_email
from channels.email.send import EmailTransport
from channels.hotline.parse import parse as parse_hotline
from channels.sms.compose import compose as compose_sms
from channels.sms.parse import parse as parse_sms
from channels.web.parse import parse as parse_web
from gateway.casework import Casework
from gateway.intake import Intake, Parse
from gateway.keys import site_key
from gateway.mail_settings import mail_domain, smtp_settings
from gateway.outgoing import FolderTransport, Outgoing
from gateway.packs import load_calendars, load_packs, pack_in_force
from gateway.public import PublicDesk
from gateway.registry import Registry
from gateway.settings import Settings
from notifier.courier import Courier
from notifier.doorbell import Doorbell
from notifier.doorbell import settings as redis_settings
from notifier.house import House
from notifier.plan import Planner
from notifier.render import Renderer
from router.offices import Offices
from router.table import Table

Now = Callable[[], datetime]


def parsers(settings: Settings) -> dict[Channel, Parse]:
    """Everything that comes in: a new channel is one folder and one line here."""
    region, zone = settings.country, ZoneInfo(settings.timezone)
    return {
        Channel.EMAIL: parse_email,
        Channel.SMS: partial(parse_sms, region=region),
        Channel.HOTLINE: partial(parse_hotline, region=region, zone=zone),
        Channel.WEB: partial(parse_web, default_region=region),
    }


def transports(settings: Settings, outgoing: Outgoing, now: Now) -> dict[Channel, Transport]:
    """Everything that goes out. What is not set up lands in a folder in embedded mode; in production it is withheld."""
    mail = EmailTransport(smtp_settings(settings))
    ways: dict[Channel, Transport] = {}
    if settings.embedded:
        ways = {
            Channel.EMAIL: FolderTransport(mail.compose, outgoing, now),
            Channel.SMS: FolderTransport(compose_sms, outgoing, now),
        }
    if settings.smtp.host:
        ways[Channel.EMAIL] = mail
    return ways


@dataclass(frozen=True)
class Site:
    """All parts of one process. `now` is the only clock."""

    settings: Settings
    store: Store
    blobs: Blobs
    offices: Offices
    table: Table
    house: House
    intake: Intake
    casework: Casework
    public: PublicDesk
    doorbell: Doorbell
    outgoing: Outgoing
    redis_url: str
    now: Now

    def courier(self) -> Courier:
        lease = timedelta(seconds=self.settings.worker.lease_s)
        return Courier(self.store, self.house.transports, now=self.now, name=process_name(), lease=lease)


def process_name() -> str:
    """Who did it, in the attempt rows: host and process id."""
    return f"{socket.gethostname()}:{os.getpid()}"


@asynccontextmanager
async def open_site(settings: Settings, redis_url: str, now: Now = lambda: datetime.now(UTC)) -> AsyncIterator[Site]:
    """Raises ConfigError for whatever is wrong in the files of the site, and when the database is not up to date."""
    store = Store(settings.database_url)
    doorbell = Doorbell(redis_settings(redis_url))
    try:
        site = assemble(settings, store, doorbell, redis_url, now)
        await _require_schema(store, settings)
        yield site
    finally:
        await doorbell.close()
        await store.close()


def assemble(settings: Settings, store: Store, doorbell: Doorbell, redis_url: str, now: Now) -> Site:
    """The composition root: every part is given what it needs here and nowhere else."""
    zone = ZoneInfo(settings.timezone)
    offices = Offices.load(settings.folder("offices.yaml"))
    table = Table.load(settings.folder("rules.yaml"), offices)
    packs = load_packs(settings.folder("policies"))
    outgoing = Outgoing(settings.folder("outgoing"))
    key = site_key(settings.folder("keys"))
    house = House(
        names=settings.institution.model_dump(),
        public_url=settings.public_url,
        domain=mail_domain(settings),
        key=key,
        offices={office.id: office for office in offices},
        packs=packs,
        calendars=load_calendars(packs.values(), settings.folder("calendar.yaml")),
        transports=transports(settings, outgoing, now),
        renderer=Renderer(zone),
    )
    planner = Planner(house)
    policy = pack_in_force(packs, settings.policy).ref
    registry = Registry(offices, table, planner, key, policy, settings.case_number, zone, now)
    blobs = Blobs(settings.folder("blobs"))
    return Site(
        settings=settings,
        store=store,
        blobs=blobs,
        offices=offices,
        table=table,
        house=house,
        intake=Intake(store, blobs, parsers(settings), registry, doorbell),
        casework=Casework(store, offices, planner, doorbell, now),
        public=PublicDesk(store, planner, doorbell, now),
        doorbell=doorbell,
        outgoing=outgoing,
        redis_url=redis_url,
        now=now,
    )


async def _require_schema(store: Store, settings: Settings) -> None:
    if not await store.read(schema.is_current):
        mend = f"Run: huiyin migrate --data {settings.data}"
        raise ConfigError(store.url.rpartition("@")[2], "the database has not the schema of this version", mend)
