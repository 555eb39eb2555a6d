"""Mail goes in and out over verified TLS, and nothing secret is said before that."""

import asyncio
import ssl
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiosmtpd.handlers import Sink
from aiosmtpd.smtp import SMTP, AuthResult

from casefile.errors import ConfigError
from channels.email.mailbox import MailboxSettings, check
from channels.email.send import EmailTransport, SmtpSettings

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass(frozen=True)
class Certificate:
    certificate: str
    key: str

    def context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.key)
        return context


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """Self-signed for localhost: an authority that only `ca_file` makes trusted."""
    folder: Path = tmp_path_factory.mktemp("tls")
    made = Certificate(str(folder / "certificate.pem"), str(folder / "key.pem"))
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    command += ["-addext", "subjectAltName=DNS:localhost", "-out", made.certificate, "-keyout", made.key]
    subprocess.run(command, check=True, capture_output=True)
    return made


@dataclass
class ImapStub:
    """Says `greeting`, then OK to everything; keeps what it heard."""

    greeting: bytes = b"* OK ready\r\n"
    heard: list[str] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(self.greeting)
        while line := await reader.readline():
            tag, _, command = line.decode("utf-8", "replace").strip().partition(" ")
            self.heard.append(command)
            if command == "CAPABILITY":
                writer.write(b"* CAPABILITY IMAP4rev1 MOVE\r\n")
            writer.write(f"{tag} OK done\r\n".encode())
            await writer.drain()
        writer.close()


@asynccontextmanager
async def listening(serve: Serve, context: ssl.SSLContext | None) -> AsyncIterator[int]:
    server = await asyncio.start_server(serve, "localhost", 0, ssl=context)
    async with server:
        yield server.sockets[0].getsockname()[1]


def mailbox(port: int, ca_file: str | None) -> MailboxSettings:
    return MailboxSettings("tls", "localhost", "complaints", "secret", port=port, ca_file=ca_file, timeout_seconds=5)


async def test_imap_over_tls(certificate: Certificate) -> None:
    stub = ImapStub()
    async with listening(stub.serve, certificate.context()) as port:
        await check(mailbox(port, certificate.certificate))
    assert 'LOGIN "complaints" "secret"' in stub.heard


async def test_imap_tells_an_unknown_authority_nothing(certificate: Certificate) -> None:
    stub = ImapStub()
    async with listening(stub.serve, certificate.context()) as port:
        with pytest.raises(ConfigError, match=r"CERTIFICATE_VERIFY_FAILED.*`ca_file`"):
            await check(mailbox(port, None))
    assert stub.heard == []


async def test_imap_does_not_log_in_where_somebody_already_did(certificate: Certificate) -> None:
    stub = ImapStub(greeting=b"* PREAUTH welcome\r\n")
    async with listening(stub.serve, certificate.context()) as port:
        with pytest.raises(ConfigError, match="login"):
            await check(mailbox(port, certificate.certificate))
    assert not any("LOGIN" in command or "SELECT" in command for command in stub.heard)


def smtp(port: int, tls: str, ca_file: str | None) -> EmailTransport:
    return EmailTransport(
        SmtpSettings(
            host="localhost",
            port=port,
            tls="starttls" if tls == "starttls" else "implicit",
            user="complaints",
            password="secret",
            sender_name="投诉处理中心",
            sender_address="complaints@bank.example",
            reply_pattern="complaints+{token}@bank.example",
            ca_file=ca_file,
            command_timeout=5,
        )
    )


@asynccontextmanager
async def relay(certificate: Certificate, tls: str, logins: list[bytes]) -> AsyncIterator[int]:
    def authenticate(_server: SMTP, _session: object, _envelope: object, _way: str, data: object) -> AuthResult:
        logins.append(getattr(data, "password", b""))
        return AuthResult(success=True)

    options = {"tls_context": certificate.context(), "require_starttls": True} if tls == "starttls" else {}
    outer = certificate.context() if tls == "implicit" else None
    loop = asyncio.get_running_loop()

    def protocol() -> SMTP:
        return SMTP(Sink(), authenticator=authenticate, auth_require_tls=tls == "starttls", loop=loop, **options)

    server = await loop.create_server(protocol, "localhost", 0, ssl=outer)
    async with server:
        yield server.sockets[0].getsockname()[1]


@pytest.mark.parametrize("tls", ["implicit", "starttls"])
async def test_smtp_over_tls(certificate: Certificate, tls: str) -> None:
    logins: list[bytes] = []
    async with relay(certificate, tls, logins) as port:
        await smtp(port, tls, certificate.certificate).check()
    assert logins == [b"secret"]


@pytest.mark.parametrize("tls", ["implicit", "starttls"])
async def test_smtp_tells_an_unknown_authority_nothing(certificate: Certificate, tls: str) -> None:
    logins: list[bytes] = []
    async with relay(certificate, tls, logins) as port:
        with pytest.raises(ConfigError, match="CERTIFICATE_VERIFY_FAILED"):
            await smtp(port, tls, None).check()
    assert logins == []


async def test_smtp_without_the_promised_starttls_gets_no_password(certificate: Certificate) -> None:
    logins: list[bytes] = []
    async with relay(certificate, "none", logins) as port:
        with pytest.raises(ConfigError, match="STARTTLS"):
            await smtp(port, "starttls", certificate.certificate).check()
    assert logins == []
