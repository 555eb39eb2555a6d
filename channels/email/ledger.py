"""What the fetching of a mailbox needs to be told, and what it must remember between rounds."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol

from casefile.errors import HuiyinError


class MailboxError(HuiyinError):
    """One round failed; nothing was lost, the next round begins where this one stopped."""


@dataclass(frozen=True)
class MailboxSettings:
    """`tls="none"` is for a server on this machine only. `ca_file` trusts the institution's own authority."""

    name: str
    host: str
    user: str
    password: str = field(repr=False)
    port: int = 993
    tls: Literal["implicit", "none"] = "implicit"
    folder: str = "INBOX"
    done_folder: str | None = "Huiyin/Done"
    poll_seconds: float = 30
    max_bytes: int = 50 * 2**20
    ca_file: str | None = None
    timeout_seconds: float = 60


@dataclass(frozen=True)
class Cursor:
    """`last_uid`: all up to it were seen. `missed`: those of them that could not be read, to be tried again."""

    last_uid: int = 0
    missed: tuple[int, ...] = ()


@dataclass
class RoundResult:
    """What one round did. `taken` counts messages that intake accepted, copies included."""

    taken: int = 0
    missed: int = 0
    gone: int = 0
    tidied: int = 0


class MailboxLedger(Protocol):
    """Kept per (mailbox, folder, uidvalidity): a server that renumbers its messages starts a fresh cursor."""

    async def cursor(self, mailbox: str, folder: str, uidvalidity: int) -> Cursor: ...

    async def advance(self, mailbox: str, folder: str, uidvalidity: int, uid: int) -> None: ...

    async def missed(self, mailbox: str, folder: str, uidvalidity: int, uid: int, why: str) -> None: ...

    async def recovered(self, mailbox: str, folder: str, uidvalidity: int, uid: int) -> None: ...

    async def succeeded(self, mailbox: str, at: datetime) -> None: ...

    async def failed(self, mailbox: str, at: datetime, why: str) -> None: ...

    async def lease(self, mailbox: str, owner: str, at: datetime, seconds: float) -> bool:
        """Whether `owner` may work on the mailbox for `seconds`; the holder renews by asking again."""
        ...
