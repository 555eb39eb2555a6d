"""What runs: the HTTP server, the worker, the pollers, or all of them in one process. Each ends well on SIGTERM."""

import asyncio
import contextlib
import logging
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta

import uvicorn

from casefile.errors import ConfigError, StorageUnavailable
from channels.email.mailbox import watch_all
from gateway.app import create_app
from gateway.environment import refuse_failpoints
from gateway.mail_ledger import SqlMailboxLedger
from gateway.mail_settings import mailbox_settings
from gateway.redis_server import RedisServer
from gateway.settings import Settings
from gateway.site import Site, open_site, process_name
from notifier import worker
from notifier.doorbell import settings as redis_settings

log = logging.getLogger(__name__)
Part = Callable[[Site, asyncio.Event], Awaitable[None]]

GRACE_S = 30
_STUCK = timedelta(minutes=1)  # kept but not processed for so long: its process died
_SWEEP_S = 20.0


def run(settings: Settings, *parts: Part) -> None:
    """Run the parts until SIGTERM or SIGINT; then give each 30 s to finish what it has in hand."""
    refuse_failpoints(settings.environment)
    with _redis(settings) as url:
        asyncio.run(_run(settings, url, parts))


def serving(host: str, port: int) -> Part:
    async def serve(site: Site, stop: asyncio.Event) -> None:
        config = uvicorn.Config(
            create_app(site), log_config=None, access_log=False, timeout_graceful_shutdown=GRACE_S - 5
        )
        server = _Server(config)
        running = asyncio.create_task(server.serve([_listen(host, port)]))
        await asyncio.wait([running, asyncio.create_task(stop.wait())], return_when=asyncio.FIRST_COMPLETED)
        server.should_exit = True
        await running

    return serve


async def working(site: Site, stop: asyncio.Event) -> None:
    """Sends what is due, and takes up messages whose process died before it had made a case of them."""
    courier = site.courier()
    sweeping = asyncio.create_task(_sweep(site, stop))
    await worker.run(courier, redis_settings(site.redis_url), stop)
    await sweeping
    for transport in site.house.transports.values():
        await transport.close()


async def polling(site: Site, stop: asyncio.Event) -> None:
    boxes = [mailbox_settings(box) for box in site.settings.mailbox]
    if not boxes:
        log.info("no mailbox is set up")
        await stop.wait()
    ledger = SqlMailboxLedger(site.store)
    await watch_all(boxes, site.intake.accept, ledger, site.now, stop, process_name())


async def _run(settings: Settings, redis_url: str, parts: tuple[Part, ...]) -> None:
    stop = asyncio.Event()
    async with open_site(settings, redis_url) as site, _stopped_by_signals(stop):
        tasks = [asyncio.create_task(_part(part, site, stop)) for part in parts]
        await stop.wait()
        log.info("stopping")
        done, late = await asyncio.wait(tasks, timeout=GRACE_S)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
        for task in done:
            task.result()


async def _part(part: Part, site: Site, stop: asyncio.Event) -> None:
    """One part that fails takes the others down with it: a half-alive process looks healthy and is not."""
    try:
        await part(site, stop)
    finally:
        stop.set()


async def _sweep(site: Site, stop: asyncio.Event) -> None:
    while not stop.is_set():
        try:
            await site.intake.process_waiting(site.now() - _STUCK)
        except StorageUnavailable as error:
            log.warning("cannot sweep", extra={"reason": str(error)})
        except Exception:  # a fault of ours; what waits must not wait for a restart
            log.exception("broke, and goes on", extra={"part": "sweep"})
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), _SWEEP_S)


def _listen(host: str, port: int) -> socket.socket:
    """Raises ConfigError; left to itself, uvicorn ends the process when the port is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        mend = "Choose another --port, or stop what listens there"
        raise ConfigError(f"{host}:{port}", f"cannot listen ({error.strerror})", mend) from error


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are ours: they stop all parts together."""
        yield


@asynccontextmanager
async def _stopped_by_signals(stop: asyncio.Event) -> AsyncIterator[None]:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    yield


@contextmanager
def _redis(settings: Settings) -> Iterator[str]:
    if settings.redis:
        yield settings.redis
        return
    server = RedisServer(settings.data)
    try:
        server.start()
        yield server.url
    finally:
        server.stop()
