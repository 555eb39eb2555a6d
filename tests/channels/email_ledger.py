"""What the tests of fetching hand in: a ledger and an intake in memory, and mails by number."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from casefile.envelope import Envelope
from casefile.inbound import Accepted, Outcome, Raw
from channels.email.mailbox import Cursor, MailboxSettings
from tests.servers.dovecot import Dovecot


def mail(number: int, size: int = 0) -> bytes:
    head = f"From: li.wei@customer.example\r\nMessage-ID: <{number}@customer.example>\r\nSubject: {number}\r\n\r\n"
    return head.encode() + b"Help.\r\n" + b"x" * size


def now() -> datetime:
    return datetime.now(UTC)


@dataclass
class Ledger:
    """In memory, with the meaning that the real one gives it: the cursor never goes back."""

    last: dict[tuple[str, str, int], int] = field(default_factory=dict)
    open: dict[tuple[str, str, int], dict[int, str]] = field(default_factory=dict)
    successes: list[str] = field(default_factory=list)
    failures: list[tuple[str, str]] = field(default_factory=list)
    holder: str | None = None

    async def cursor(self, mailbox: str, folder: str, uidvalidity: int) -> Cursor:
        key = (mailbox, folder, uidvalidity)
        return Cursor(self.last.get(key, 0), tuple(self.open.get(key, {})))

    async def advance(self, mailbox: str, folder: str, uidvalidity: int, uid: int) -> None:
        key = (mailbox, folder, uidvalidity)
        assert uid > self.last.get(key, 0)
        self.last[key] = uid

    async def missed(self, mailbox: str, folder: str, uidvalidity: int, uid: int, why: str) -> None:
        self.open.setdefault((mailbox, folder, uidvalidity), {})[uid] = why

    async def recovered(self, mailbox: str, folder: str, uidvalidity: int, uid: int) -> None:
        del self.open[mailbox, folder, uidvalidity][uid]

    async def succeeded(self, mailbox: str, at: datetime) -> None:
        self.successes.append(mailbox)

    async def failed(self, mailbox: str, at: datetime, why: str) -> None:
        self.failures.append((mailbox, why))

    async def lease(self, mailbox: str, owner: str, at: datetime, seconds: float) -> bool:
        return self.holder in (None, owner)

    def all_missed(self) -> dict[int, str]:
        return {uid: why for entries in self.open.values() for uid, why in entries.items()}


@dataclass
class Intake:
    """Remembers what it was given; `before` may fail in its place."""

    raws: list[Raw] = field(default_factory=list)
    envelopes: list[Envelope | None] = field(default_factory=list)
    before: Callable[[Raw], Awaitable[None]] | None = None

    async def __call__(self, raw: Raw, envelope: Envelope | None = None) -> Accepted:
        if self.before:
            await self.before(raw)
        self.raws.append(raw)
        self.envelopes.append(envelope)
        return Accepted("1", Outcome.OPENED)

    def ids(self) -> set[str]:
        return {raw.external_id for raw in self.raws}


def settings_for(dovecot: Dovecot, user: str) -> MailboxSettings:
    return MailboxSettings(
        name=user.partition("@")[0],
        host=dovecot.host,
        port=dovecot.port,
        tls="none",
        user=user,
        password=dovecot.password,
        poll_seconds=0.05,
        timeout_seconds=10,
    )


def append(dovecot: Dovecot, raws: list[bytes], user: str = "") -> None:
    with dovecot.session(user) as imap:
        for raw in raws:
            imap.append("INBOX", "", "", raw)
