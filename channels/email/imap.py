"""One IMAP connection (RFC 3501), narrowed to what fetching needs and made to end in time.

aioimaplib breaks when two commands overlap, recurses once per response line, and waits for ever on some lost
connections. So: one command at a time, at most BATCH messages per command, a limit around every call.
"""

import asyncio
import re
import ssl
from collections.abc import AsyncIterator, Awaitable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar

import aioimaplib

from casefile.text import clean_header
from channels.email.folders import quote, wire_name
from channels.email.ledger import MailboxError, MailboxSettings

BATCH = 50
CHUNK = 1024 * 1024

T = TypeVar("T")

_UID = re.compile(rb"\bUID (\d+)")
_SIZE = re.compile(rb"\bRFC822\.SIZE (\d+)")
_INTERNALDATE = re.compile(rb'\bINTERNALDATE "([^"]+)"')
_UIDVALIDITY = re.compile(rb"UIDVALIDITY (\d+)")
_NAMESPACE = re.compile(rb'\(\("([^"]*)" "?(.)"?\)')
_LIST_ROOT = re.compile(rb'\) "(.)" ')


@dataclass(frozen=True)
class Listed:
    """What the server says of one message before its body is read; `size` in bytes (RFC822.SIZE)."""

    uid: int
    size: int
    arrived: datetime


@asynccontextmanager
async def connect(settings: MailboxSettings) -> AsyncIterator["Connection"]:
    """Logged in; closed whatever happens. Raises MailboxError."""
    connection = Connection(settings)
    try:
        await connection.open()
        yield connection
    finally:
        await connection.close()


class Connection:
    def __init__(self, settings: MailboxSettings) -> None:
        self._settings = settings
        self._client = _client(settings)
        self._lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._client.protocol.conn_lost_cb = self._on_lost
        self._prefix, self._delimiter = "", "/"
        self.uidvalidity = 0

    async def open(self) -> None:
        await self._call(self._client.wait_hello_from_server(), "connect")
        login = self._client.login(quote(self._settings.user), self._settings.password)
        await self._ok(login, "login")
        if self._client.has_capability("ID"):
            await self._ok(self._client.id(name="huiyin"), "ID")  # 163 and 126 refuse SELECT without it
        await self._read_namespace()

    async def close(self) -> None:
        transport = self._client.protocol.transport
        if transport is None:
            return
        try:
            if not self._lost.done():
                await self._call(self._client.logout(), "logout", seconds=5)
        except MailboxError:
            pass  # the work is done, and a server that does not say goodbye changes nothing about it
        finally:
            transport.close()

    async def select(self) -> None:
        """Opens the folder and reads its UIDVALIDITY; 0 when the server keeps no lasting UIDs."""
        lines = await self._ok(self._client.select(self._wire(self._settings.folder)), "SELECT")
        found = next((match for match in map(_UIDVALIDITY.search, lines) if match), None)
        self.uidvalidity = int(found[1]) if found else 0

    async def search(self, *criteria: str) -> list[int]:
        lines = await self._ok(self._client.uid_search(*criteria, charset=None), "UID SEARCH")
        words = (word for line in lines[:-1] for word in line.split())
        return sorted({int(word) for word in words if word.isdigit()})

    async def list_messages(self, uids: Sequence[int]) -> dict[int, Listed]:
        """At most BATCH of them; those that are gone meanwhile are missing from the answer."""
        lines = await self._ok(self._client.uid("FETCH", uid_set(uids), "(UID RFC822.SIZE INTERNALDATE)"), "UID FETCH")
        return {found.uid: found for line in lines if (found := _read_listed(line)) and found.uid in uids}

    async def body(self, uid: int, limit: int) -> bytes:
        """The message, or its first `limit` bytes, read in chunks. Sets no flag."""
        read = b""
        while len(read) < limit:
            wanted = min(CHUNK, limit - len(read))
            lines = await self._ok(
                self._client.uid("FETCH", str(uid), f"(UID BODY.PEEK[]<{len(read)}.{wanted}>)"), "UID FETCH BODY"
            )
            chunk = b"".join(line for line in lines if isinstance(line, bytearray))
            read += chunk
            if len(chunk) < wanted:
                break
        return read

    async def refresh(self) -> None:
        """Lets the server tell what others expunged."""
        await self._ok(self._client.noop(), "NOOP")

    async def mark_seen(self, uids: Sequence[int]) -> None:
        await self._ok(self._client.uid("STORE", uid_set(uids), "+FLAGS", r"(\Seen)"), "UID STORE")

    def can_move(self) -> bool:
        """Whether one message can be moved without touching what others marked for deletion."""
        return bool(self._client.has_capability("MOVE") or self._client.has_capability("UIDPLUS"))

    async def move(self, uids: Sequence[int], folder: str) -> None:
        """Creates the folder when it is missing."""
        target = self._wire(folder)
        command = "MOVE" if self._client.has_capability("MOVE") else "COPY"
        answer = await self._call(self._client.uid(command, uid_set(uids), target), f"UID {command}")
        if answer.result == "NO" and b"TRYCREATE" in b" ".join(answer.lines).upper():
            await self._ok(self._client.create(target), "CREATE")
            await self._call(self._client.subscribe(target), "SUBSCRIBE")
            answer = await self._call(self._client.uid(command, uid_set(uids), target), f"UID {command}")
        _raise_unless_ok(answer, f"UID {command}")
        if command == "COPY":
            await self._ok(self._client.uid("STORE", uid_set(uids), "+FLAGS", r"(\Deleted)"), "UID STORE")
            await self._ok(self._client.uid("EXPUNGE", uid_set(uids)), "UID EXPUNGE")

    async def _read_namespace(self) -> None:
        if self._client.has_capability("NAMESPACE"):
            match = _NAMESPACE.search(b" ".join(await self._ok(self._client.namespace(), "NAMESPACE")))
            if match:
                self._prefix, self._delimiter = match[1].decode("ascii", "replace"), match[2].decode("ascii", "replace")
            return
        match = _LIST_ROOT.search(b" ".join(await self._ok(self._client.list('""', '""'), "LIST")))
        self._delimiter = match[1].decode("ascii", "replace") if match else "/"

    def _wire(self, folder: str) -> str:
        return wire_name(folder, self._prefix, self._delimiter)

    def _on_lost(self, _error: Exception | None) -> None:
        if not self._lost.done():
            self._lost.set_result(None)

    def _give_up(self) -> None:
        """An unanswered command leaves the connection unusable."""
        self._on_lost(None)
        if self._client.protocol.transport is not None:
            self._client.protocol.transport.abort()

    async def _ok(self, call: Awaitable[aioimaplib.Response], what: str) -> list[bytes]:
        answer = await self._call(call, what)
        _raise_unless_ok(answer, what)
        lines: list[bytes] = answer.lines
        return lines

    async def _call(self, call: Awaitable[T], what: str, seconds: float | None = None) -> T:
        """Ends with the answer, the loss of the connection or the time limit, whichever comes first."""
        task = asyncio.ensure_future(call)
        ends: set[asyncio.Future[Any]] = {task, self._lost}
        limit = seconds or self._settings.timeout_seconds
        try:
            done, _ = await asyncio.wait(ends, timeout=limit, return_when=asyncio.FIRST_COMPLETED)
            if task in done:
                return task.result()
            self._give_up()
        except (aioimaplib.AioImapException, OSError, TimeoutError, ValueError) as error:
            raise MailboxError(f"{what}: {_reason(error)}") from error
        finally:
            await _discard(task)
        raise MailboxError(f"{what}: {'connection lost' if done else f'no answer within {limit:g} s'}")


def uid_set(uids: Iterable[int]) -> str:
    return ",".join(map(str, uids))


async def _discard(task: "asyncio.Future[T]") -> None:
    """Cancels what has not ended, so that nothing is left running or unread."""
    task.cancel()
    await asyncio.wait({task})
    if not task.cancelled():
        task.exception()


def _client(settings: MailboxSettings) -> aioimaplib.IMAP4:
    if settings.tls == "none":
        return aioimaplib.IMAP4(settings.host, settings.port, timeout=settings.timeout_seconds)
    context = ssl.create_default_context(cafile=settings.ca_file)
    return aioimaplib.IMAP4_SSL(settings.host, settings.port, timeout=settings.timeout_seconds, ssl_context=context)


def _raise_unless_ok(answer: aioimaplib.Response, what: str) -> None:
    if answer.result != "OK":
        words = clean_header(b" ".join(bytes(line) for line in answer.lines[-1:]).decode("utf-8", "replace"))
        raise MailboxError(f"{what}: the server says {answer.result} {words}")


def _reason(error: BaseException) -> str:
    return clean_header(str(error)) or type(error).__name__


def _read_listed(line: bytes) -> Listed | None:
    uid, size, arrived = _UID.search(line), _SIZE.search(line), _INTERNALDATE.search(line)
    if not (uid and size and arrived):
        return None
    moment = parsedate_to_datetime(arrived[1].decode("ascii", "replace").strip().replace("-", " ", 2))
    return Listed(int(uid[1]), int(size[1]), moment.astimezone(UTC))
