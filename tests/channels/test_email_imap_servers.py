"""IMAP servers that misbehave: cut off, lie about sizes, lack commands, or say nothing."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from casefile.errors import ConfigError
from channels.email.mailbox import MailboxError, MailboxSettings, check, fetch_round
from tests.channels.email_ledger import Intake, Ledger, mail, now


@dataclass
class Stub:
    """A scripted IMAP server with one message; each FETCH of a body takes the next of `bodies`."""

    announced: int
    bodies: list[bytes]
    capabilities: str = "IMAP4rev1 MOVE"
    cut_at: int | None = None
    commands: list[str] = field(default_factory=list)
    port: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"* OK ready\r\n")
        while line := await reader.readline():
            tag, _, command = line.decode().strip().partition(" ")
            self.commands.append(command)
            for part in self.answer(command):
                writer.write(part)
            if "BODY.PEEK" in command and self.cut_at is not None:
                break
            writer.write(f"{tag} OK done\r\n".encode())
            await writer.drain()
            if command == "LOGOUT":
                break
        writer.close()

    def answer(self, command: str) -> list[bytes]:
        if command == "CAPABILITY":
            return [f"* CAPABILITY {self.capabilities}\r\n".encode()]
        if command.startswith("LIST"):
            return [b'* LIST (\\Noselect) "/" ""\r\n']
        if command.startswith("SELECT"):
            return [b"* 1 EXISTS\r\n", b"* OK [UIDVALIDITY 7] UIDs valid\r\n"]
        if command.startswith("UID SEARCH"):
            return [b"* SEARCH\r\n" if "NOT LARGER" in command else b"* SEARCH 1\r\n"]
        if "RFC822.SIZE" in command:
            stamp = '"02-Mar-2026 09:02:03 +0800"'
            return [f"* 1 FETCH (UID 1 RFC822.SIZE {self.announced} INTERNALDATE {stamp})\r\n".encode()]
        if "BODY.PEEK" in command:
            return [self.literal(self.bodies.pop(0) if len(self.bodies) > 1 else self.bodies[0])]
        return []

    def literal(self, body: bytes) -> bytes:
        whole = b"* 1 FETCH (UID 1 BODY[]<0> {%d}\r\n%b)\r\n" % (len(body), body)
        return whole[: self.cut_at] if self.cut_at is not None else whole


@asynccontextmanager
async def running(stub: Stub) -> AsyncIterator[MailboxSettings]:
    server = await asyncio.start_server(stub.serve, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        yield MailboxSettings(
            name="stub", host="127.0.0.1", port=port, tls="none", user="u", password="p", timeout_seconds=2
        )


async def test_truncated_message_is_missed_and_taken_when_it_is_whole() -> None:
    stub = Stub(announced=len(mail(1)), bodies=[mail(1)[:30], mail(1)])
    intake, ledger = Intake(), Ledger()
    async with running(stub) as settings:
        result = await fetch_round(settings, intake, ledger, now)
        assert (result.taken, result.missed) == (0, 1)
        assert intake.raws == []
        assert ledger.all_missed() == {1: f"truncated: 30 of {len(mail(1))} bytes"}
        assert not any(command.startswith(("UID STORE", "UID MOVE")) for command in stub.commands)
        await fetch_round(settings, intake, ledger, now)
    assert [raw.body for raw in intake.raws] == [mail(1)]
    assert intake.raws[0].received_at == datetime(2026, 3, 2, 1, 2, 3, tzinfo=UTC)
    assert ledger.all_missed() == {}


async def test_a_server_that_announces_a_wrong_size_is_believed_the_second_time() -> None:
    stub = Stub(announced=len(mail(1)) + 9, bodies=[mail(1)])
    intake, ledger = Intake(), Ledger()
    async with running(stub) as settings:
        await fetch_round(settings, intake, ledger, now)
        assert intake.raws == []
        await fetch_round(settings, intake, ledger, now)
    assert [raw.body for raw in intake.raws] == [mail(1)]


@pytest.mark.parametrize("cut_at", [5, 40, 60, 100])
async def test_connection_lost_in_the_middle_of_a_message(cut_at: int) -> None:
    stub = Stub(announced=len(mail(1)), bodies=[mail(1)], cut_at=cut_at)
    intake, ledger = Intake(), Ledger()
    async with running(stub) as settings:
        with pytest.raises(MailboxError, match="connection lost"):
            await fetch_round(settings, intake, ledger, now)
        assert intake.raws == []
        assert list(ledger.all_missed()) == [1]
        stub.cut_at = None
        await fetch_round(settings, intake, ledger, now)
    assert [raw.body for raw in intake.raws] == [mail(1)]


async def test_server_without_move_copies_and_expunges_only_this_message() -> None:
    stub = Stub(announced=len(mail(1)), bodies=[mail(1)], capabilities="IMAP4rev1 UIDPLUS")
    async with running(stub) as settings:
        await fetch_round(settings, Intake(), Ledger(), now)
    start = stub.commands.index('UID COPY 1 "Huiyin/Done"')
    assert stub.commands[start + 1 : start + 3] == [r"UID STORE 1 +FLAGS (\Deleted)", "UID EXPUNGE 1"]


async def test_server_that_cannot_expunge_one_message_is_only_flagged() -> None:
    stub = Stub(announced=len(mail(1)), bodies=[mail(1)], capabilities="IMAP4rev1")
    async with running(stub) as settings:
        await fetch_round(settings, Intake(), Ledger(), now)
        with pytest.raises(ConfigError, match="done_folder"):
            await check(settings)
    assert r"UID STORE 1 +FLAGS (\Seen)" in stub.commands
    assert not any("COPY" in command or "EXPUNGE" in command for command in stub.commands)


async def test_silent_server_is_given_up_in_time() -> None:
    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        silent = MailboxSettings("silent", "127.0.0.1", "u", "p", port=port, tls="none", timeout_seconds=0.3)
        async with asyncio.timeout(5):
            with pytest.raises(MailboxError, match="connect"):
                await fetch_round(silent, Intake(), Ledger(), now)
