"""Mail out (RFC 5321): one connection, one message at a time, and the truth about how far each attempt got."""

import asyncio
import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

import aiosmtplib

from casefile.errors import ConfigError, InputError, TransportError
from casefile.failpoint import failpoint
from casefile.notice import Draft, Notice, Receipt, Stage
from casefile.text import clean_header
from channels.email.composing import compose, wire_address

PROBE_SECONDS = 1.0  # a connection idle for longer is asked whether it still stands
IDLE_SECONDS = 60.0  # and one idle for longer than this is not used again

_LINE_ENDS = re.compile(rb"\r\n|\r|\n")
_LEADING_DOT = re.compile(rb"^\.", re.MULTILINE)
_LOGIN_NEEDED = frozenset({530, 534, 535, 538})  # RFC 4954: our credentials are wrong, not the message


@dataclass(frozen=True)
class SmtpSettings:
    """Times in seconds. `data_timeout` is long on purpose: giving up while the relay still works makes duplicates."""

    host: str
    sender_name: str
    sender_address: str
    reply_pattern: str  # "complaints+{token}@bank.example"
    port: int = 465
    tls: Literal["implicit", "starttls", "none"] = "implicit"
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    connect_timeout: float = 10
    command_timeout: float = 30
    data_timeout: float = 600
    ca_file: str | None = None


class EmailTransport:
    """`casefile.notice.Transport` over SMTP."""

    def __init__(self, settings: SmtpSettings) -> None:
        self._settings = settings
        self._lock = asyncio.Lock()
        self._client: aiosmtplib.SMTP | None = None
        self._last_used = 0.0

    def compose(self, draft: Draft) -> bytes:
        settings = self._settings
        return compose(draft, settings.sender_name, settings.sender_address, settings.reply_pattern)

    async def send(self, notice: Notice) -> Receipt:
        """Raises TransportError. From the final dot on, silence leaves the message in doubt; a reply never does."""
        async with self._lock:
            client = await self._connected()
            failpoint("send.connected")
            try:
                reply = await self._converse(client, notice)
            except TransportError as error:
                await self._after(client, error)
                raise
            except BaseException:
                self._drop()
                raise
            self._last_used = asyncio.get_running_loop().time()
            return Receipt(reply=reply)

    async def check(self) -> None:
        """Connects and logs in. Raises ConfigError saying what is wrong and how to mend it."""
        try:
            client = await self._connect()
        except TransportError as error:
            mend = "Check host, port, tls, user and password; an own certificate authority goes into `ca_file`"
            raise ConfigError("smtp", f"{self._settings.host}:{self._settings.port}: {error}", mend) from error
        await _quit(client)

    async def close(self) -> None:
        async with self._lock:
            client, self._client = self._client, None
            if client is not None:
                await _quit(client)

    async def _converse(self, client: aiosmtplib.SMTP, notice: Notice) -> str:
        with _stage(Stage.MAIL):
            sender, to = wire_address(self._settings.sender_address), wire_address(notice.to)
            options, encoding = _options(client, len(notice.payload), ascii_only=f"{sender}{to}".isascii())
            await client.mail(sender, options=options, encoding=encoding)
        with _stage(Stage.RCPT):
            await client.rcpt(to, encoding=encoding)
        with _stage(Stage.DATA):
            ready = await client.execute_command(b"DATA")
            if ready.code != 354:
                raise aiosmtplib.SMTPDataError(ready.code, ready.message)
        failpoint("send.dot")
        with _stage(Stage.DOT):
            answer = await self._transfer(client, notice.payload)
        failpoint("send.250")
        return clean_header(f"{answer.code} {answer.message}", 500)

    async def _transfer(self, client: aiosmtplib.SMTP, payload: bytes) -> aiosmtplib.SMTPResponse:
        if client.protocol is None:
            raise aiosmtplib.SMTPServerDisconnected("Connection lost")
        client.protocol.write(_on_the_wire(payload))
        answer = await client.protocol.read_response(timeout=self._settings.data_timeout)
        if not 200 <= answer.code < 300:
            raise aiosmtplib.SMTPDataError(answer.code, answer.message)
        return answer

    async def _connected(self) -> aiosmtplib.SMTP:
        if self._client is None or not await self._still_good(self._client):
            self._drop()
            self._client = await self._connect()
        return self._client

    async def _still_good(self, client: aiosmtplib.SMTP) -> bool:
        idle = asyncio.get_running_loop().time() - self._last_used
        if not client.is_connected or idle > IDLE_SECONDS:
            return False
        try:
            if idle > PROBE_SECONDS:
                await client.noop(timeout=self._settings.connect_timeout)
        except (aiosmtplib.SMTPException, OSError):
            return False
        return True

    async def _connect(self) -> aiosmtplib.SMTP:
        """Always a new client: one that was connected before may hold the remains of its last conversation."""
        settings = self._settings
        with _stage(Stage.CONNECT):
            client = _client(settings)
        try:
            with _stage(Stage.CONNECT):
                await client.connect(timeout=settings.connect_timeout)
                await client.ehlo()
                if settings.user and settings.password:
                    await client.login(settings.user, settings.password)
        except BaseException:
            client.close()
            raise
        return client

    async def _after(self, client: aiosmtplib.SMTP, error: TransportError) -> None:
        """A refused message leaves the connection usable once it is reset; anything else does not."""
        refusal = error.__cause__
        if not (isinstance(refusal, aiosmtplib.SMTPResponseException) and refusal.code >= 400 and client.is_connected):
            self._drop()
            return
        try:
            await client.rset()
            self._last_used = asyncio.get_running_loop().time()
        except (aiosmtplib.SMTPException, OSError):
            self._drop()

    def _drop(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            client.close()


def _client(settings: SmtpSettings) -> aiosmtplib.SMTP:
    return aiosmtplib.SMTP(
        hostname=settings.host,
        port=settings.port,
        use_tls=settings.tls == "implicit",
        start_tls=settings.tls == "starttls",
        tls_context=None if settings.tls == "none" else ssl.create_default_context(cafile=settings.ca_file),
        local_hostname=wire_address(settings.sender_address).rpartition("@")[2],
        timeout=settings.command_timeout,
    )


def _options(client: aiosmtplib.SMTP, size: int, *, ascii_only: bool) -> tuple[list[str], str]:
    """Of MAIL: the size (RFC 1870), and SMTPUTF8 (RFC 6531) where an address is not ASCII; and the encoding."""
    options = [f"SIZE={size}"] if client.supports_extension("size") else []
    if ascii_only:
        return options, "ascii"
    if not client.supports_extension("smtputf8"):
        raise InputError("the relay does not take addresses with characters outside ASCII (SMTPUTF8)")
    return [*options, "SMTPUTF8", "BODY=8BITMIME"], "utf-8"


@contextmanager
def _stage(stage: Stage) -> Iterator[None]:
    """Says of whatever goes wrong inside how far the conversation had got."""
    try:
        yield
    except aiosmtplib.SMTPResponseException as error:
        raise _refused(stage, error.code, str(error.message)) from error
    except (InputError, ValueError) as error:  # nothing that time would mend: an address or text the protocol forbids
        raise TransportError(_words(stage, error), permanent=stage is not Stage.CONNECT, stage=stage) from error
    except (aiosmtplib.SMTPException, OSError) as error:
        raise TransportError(_words(stage, error), in_doubt=stage is Stage.DOT, stage=stage) from error


def _words(stage: Stage, error: Exception) -> str:
    return f"{stage}: {clean_header(str(error)) or type(error).__name__}"


def _refused(stage: Stage, code: int, message: str) -> TransportError:
    definite = 400 <= code < 600
    permanent = code >= 500 and stage is not Stage.CONNECT and code not in _LOGIN_NEEDED
    words = clean_header(f"{stage}: {code} {message}", 500)
    return TransportError(words, permanent=permanent, in_doubt=stage is Stage.DOT and not definite, stage=stage)


def _on_the_wire(payload: bytes) -> bytes:
    """Line ends are CRLF and nothing else, leading dots doubled, the final dot added (RFC 5321 section 4.5.2)."""
    text = _LINE_ENDS.sub(b"\r\n", payload)
    end = b"" if text.endswith(b"\r\n") else b"\r\n"
    return _LEADING_DOT.sub(b"..", text) + end + b".\r\n"


async def _quit(client: aiosmtplib.SMTP) -> None:
    try:
        await client.quit(timeout=5)
    except (aiosmtplib.SMTPException, OSError):
        return  # the work is done; a server that does not say goodbye changes nothing about it
    finally:
        client.close()
