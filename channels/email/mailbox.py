"""Mailboxes watched side by side: a round each `poll_seconds`, under a lease, one failing never disturbing another."""

import asyncio
import logging
import random
from collections.abc import Callable, Sequence
from datetime import datetime

from casefile.errors import ConfigError, HuiyinError
from casefile.inbound import Accept
from channels.email.fetching import fetch_round as _fetch_round
from channels.email.imap import connect
from channels.email.ledger import Cursor, MailboxError, MailboxLedger, MailboxSettings, RoundResult

__all__ = [
    "Cursor",
    "MailboxError",
    "MailboxLedger",
    "MailboxSettings",
    "RoundResult",
    "check",
    "fetch_round",
    "watch",
    "watch_all",
]

LEASE_SECONDS = 90.0
LONGEST_PAUSE = 300.0

logger = logging.getLogger(__name__)
Now = Callable[[], datetime]


async def fetch_round(
    settings: MailboxSettings, accept: Accept, ledger: MailboxLedger, now: Now, stop: asyncio.Event | None = None
) -> RoundResult:
    """One pass over the mailbox, and its success or failure on record. `stop` ends it early, between two messages.

    Raises MailboxError when the server fails, StorageUnavailable when intake cannot keep what came.
    """
    try:
        result = await _fetch_round(settings, accept, ledger, stop or asyncio.Event())
    except Exception as error:
        await ledger.failed(settings.name, now(), _reason(error))
        raise
    await ledger.succeeded(settings.name, now())
    return result


async def watch(
    settings: MailboxSettings, accept: Accept, ledger: MailboxLedger, now: Now, stop: asyncio.Event, owner: str
) -> None:
    """Until `stop`. Never raises but on cancellation: what goes wrong is logged, recorded and tried again."""
    failures = 0
    while not stop.is_set():
        try:
            await _leased_round(settings, accept, ledger, now, stop, owner)
            failures = 0
        except Exception as error:
            failures += 1
            logger.warning("mailbox %s: round failed (%d in a row): %s", settings.name, failures, _reason(error))
        await _pause(stop, _backoff(settings.poll_seconds, failures))


async def watch_all(
    mailboxes: Sequence[MailboxSettings],
    accept: Accept,
    ledger: MailboxLedger,
    now: Now,
    stop: asyncio.Event,
    owner: str,
) -> None:
    async with asyncio.TaskGroup() as group:
        for settings in mailboxes:
            group.create_task(watch(settings, accept, ledger, now, stop, owner), name=f"mailbox {settings.name}")


async def check(settings: MailboxSettings) -> None:
    """Logs in and opens the folder. Raises ConfigError saying what is wrong and how to mend it."""
    where = f"mailboxes.{settings.name}"
    try:
        async with connect(settings) as connection:
            await connection.select()
    except MailboxError as error:
        raise ConfigError(where, f"{settings.host}:{settings.port}: {error}", _mend(str(error))) from error
    if settings.done_folder and not connection.can_move():
        mend = "Set done_folder to empty: messages are then only marked as read"
        raise ConfigError(where, "the server can neither MOVE nor UID EXPUNGE", mend)


def _mend(error: str) -> str:
    if error.startswith("login"):
        return "Check user and password; many providers want an application password for IMAP"
    if error.startswith("SELECT"):
        return "Check the name in `folder`"
    if "CERTIFICATE" in error.upper() or "SSL" in error.upper():
        return "Check port and certificate; an own authority goes into `ca_file`"
    return "Check host, port and the firewall; Huiyin needs IMAP over TLS (port 993)"


async def _leased_round(
    settings: MailboxSettings, accept: Accept, ledger: MailboxLedger, now: Now, stop: asyncio.Event, owner: str
) -> None:
    """A round under the lease, renewed while it lasts; given up when another process has taken over."""
    if not await ledger.lease(settings.name, owner, now(), LEASE_SECONDS):
        return
    work = asyncio.create_task(fetch_round(settings, accept, ledger, now, stop))
    try:
        while not (await asyncio.wait({work}, timeout=LEASE_SECONDS / 3))[0]:
            if not await ledger.lease(settings.name, owner, now(), LEASE_SECONDS):
                raise MailboxError("the lease went to another process")
        await work
    finally:
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)


def _backoff(poll_seconds: float, failures: int) -> float:
    """Doubles with each failure up to five minutes, spread so that many mailboxes do not knock together."""
    if not failures:
        return poll_seconds
    longest = min(LONGEST_PAUSE, poll_seconds * 2.0 ** min(failures, 10))
    return random.uniform(longest / 2, longest)  # noqa: S311 - not a secret


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        return


def _reason(error: BaseException) -> str:
    """For logs and the ledger: words of ours, or only the kind of error, which may quote a message."""
    return str(error) if isinstance(error, HuiyinError) else type(error).__name__
