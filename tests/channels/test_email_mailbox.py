"""Fetching from a real IMAP server: nothing that came may be lost, whatever goes wrong on the way."""

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest

from casefile.envelope import Envelope
from casefile.errors import ConfigError, StorageUnavailable
from casefile.failpoint import VARIABLE, PlannedFailure
from casefile.inbound import Accepted, Outcome, Raw
from channels.email.mailbox import (
    Cursor,
    MailboxError,
    MailboxSettings,
    check,
    fetch_round,
    watch,
    watch_all,
)
from tests.servers.dovecot import Dovecot
from tests.waiting import eventually

DONE = "Huiyin.Done"  # as this server's delimiter makes it


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


@pytest.fixture
def settings(dovecot: Dovecot) -> MailboxSettings:
    return settings_for(dovecot, dovecot.user)


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


async def test_takes_flags_and_moves(dovecot: Dovecot, settings: MailboxSettings) -> None:
    append(dovecot, [mail(1), mail(2)])
    intake, ledger = Intake(), Ledger()
    result = await fetch_round(settings, intake, ledger, now)
    assert (result.taken, result.missed, result.gone) == (2, 0, 0)
    assert [raw.body for raw in intake.raws] == [mail(1), mail(2)]
    assert [raw.external_id for raw in intake.raws] == ["<1@customer.example>", "<2@customer.example>"]
    assert {raw.source for raw in intake.raws} == {"complaints"}
    assert all(abs(now() - raw.received_at) < timedelta(minutes=1) for raw in intake.raws)
    assert dovecot.messages() == []
    assert dovecot.messages(DONE) == [mail(1), mail(2)]
    assert all("\\Seen" in flags for flags in dovecot.flags(DONE))
    assert ledger.successes == ["complaints"]


async def test_a_second_round_takes_only_what_is_new(dovecot: Dovecot, settings: MailboxSettings) -> None:
    settings = replace(settings, done_folder=None)
    intake, ledger = Intake(), Ledger()
    append(dovecot, [mail(1)])
    await fetch_round(settings, intake, ledger, now)
    await fetch_round(settings, intake, ledger, now)
    append(dovecot, [mail(2)])
    await fetch_round(settings, intake, ledger, now)
    assert [raw.body for raw in intake.raws] == [mail(1), mail(2)]
    assert dovecot.messages() == [mail(1), mail(2)]
    assert all("\\Seen" in flags for flags in dovecot.flags())


async def test_done_folder_may_have_a_chinese_name(dovecot: Dovecot, settings: MailboxSettings) -> None:
    append(dovecot, [mail(1)])
    await fetch_round(replace(settings, done_folder="投诉 & 已收"), Intake(), Ledger(), now)
    assert dovecot.messages() == []
    [folder] = [name for name in dovecot.folders() if name != "INBOX"]
    assert folder == "&YpWLyQ- &- &XfJlNg-"
    assert dovecot.messages(folder) == [mail(1)]


async def test_large_message_arrives_byte_for_byte(dovecot: Dovecot, settings: MailboxSettings) -> None:
    raws = [mail(1, size=3 * 2**20 + 17), mail(2, size=2**20 - len(mail(2)))]
    append(dovecot, raws)
    intake = Intake()
    await fetch_round(settings, intake, Ledger(), now)
    assert [raw.body for raw in intake.raws] == raws


async def test_message_over_the_limit_is_taken_in_part_and_stays(dovecot: Dovecot, settings: MailboxSettings) -> None:
    settings = replace(settings, max_bytes=2 * 2**20)
    append(dovecot, [mail(1, size=3 * 2**20), mail(2)])
    intake, ledger = Intake(), Ledger()
    await fetch_round(settings, intake, ledger, now)
    await fetch_round(settings, intake, ledger, now)
    first, second = intake.raws
    assert first.body == mail(1, size=3 * 2**20)[: 2**20]
    assert second.body == mail(2)
    assert intake.envelopes[1] is None
    assert intake.envelopes[0] is not None
    assert intake.envelopes[0].defects[0].startswith(f"size: {len(mail(1)) + 3 * 2**20} bytes")
    assert len(dovecot.messages()) == 1
    assert "\\Seen" in dovecot.flags()[0]


async def test_a_rival_client_expunges_while_200_mails_are_fetched(dovecot: Dovecot, settings: MailboxSettings) -> None:
    append(dovecot, [mail(number) for number in range(200)])
    removed = threading.Event()

    def remove_every_third() -> None:
        with dovecot.session() as imap:
            imap.select("INBOX")
            uids = imap.uid("SEARCH", "UID", "20:*")[1][0].split()[::3]
            imap.uid("STORE", b",".join(uids).decode(), "+FLAGS", "(\\Deleted)")
            imap.expunge()
        removed.set()

    async def at_the_tenth(raw: Raw) -> None:
        if raw.external_id == "<10@customer.example>":
            await asyncio.to_thread(remove_every_third)

    intake, ledger = Intake(before=at_the_tenth), Ledger()
    await rounds_until_quiet(settings, intake, ledger)
    assert removed.is_set()
    gone = {f"<{number}@customer.example>" for number in range(19, 200, 3)}
    everything = {f"<{number}@customer.example>" for number in range(200)}
    assert intake.ids() >= everything - gone
    assert len(intake.raws) == len(intake.ids())
    assert dovecot.messages() == []
    assert ledger.all_missed() == {}


async def rounds_until_quiet(settings: MailboxSettings, intake: Intake, ledger: Ledger) -> None:
    """Rounds as `watch` runs them: a failed one is followed by another."""
    for _ in range(10):
        try:
            result = await fetch_round(settings, intake, ledger, now)
        except MailboxError:
            continue
        if not (result.taken or result.missed or result.gone or result.tidied):
            return
    raise AssertionError("still busy after ten rounds")


async def test_new_uidvalidity_starts_over(dovecot: Dovecot, settings: MailboxSettings) -> None:
    settings = replace(settings, done_folder=None)
    intake, ledger = Intake(), Ledger()
    append(dovecot, [mail(1), mail(2)])
    await fetch_round(settings, intake, ledger, now)
    await asyncio.to_thread(dovecot.recreate)
    append(dovecot, [mail(3), mail(4)])  # under the same UIDs
    await fetch_round(settings, intake, ledger, now)
    assert [raw.body for raw in intake.raws] == [mail(1), mail(2), mail(3), mail(4)]
    assert len(ledger.last) == 2


async def test_intake_without_storage_leaves_everything_as_it_is(dovecot: Dovecot, settings: MailboxSettings) -> None:
    append(dovecot, [mail(1), mail(2)])

    async def disk_full(raw: Raw) -> None:
        raise StorageUnavailable("disk full")

    ledger = Ledger()
    with pytest.raises(StorageUnavailable):
        await fetch_round(settings, Intake(before=disk_full), ledger, now)
    assert dovecot.messages() == [mail(1), mail(2)]
    assert not any("\\Seen" in flags for flags in dovecot.flags())
    assert ledger.last == {}
    assert ledger.failures == [("complaints", "disk full")]
    intake = Intake()
    await fetch_round(settings, intake, ledger, now)
    assert [raw.body for raw in intake.raws] == [mail(1), mail(2)]


async def test_one_message_that_intake_cannot_take_does_not_hold_up_the_others(
    dovecot: Dovecot, settings: MailboxSettings
) -> None:
    append(dovecot, [mail(1), mail(2), mail(3)])
    broken = True

    async def poison(raw: Raw) -> None:
        if broken and raw.external_id == "<2@customer.example>":
            raise RuntimeError("poison")

    intake, ledger = Intake(before=poison), Ledger()
    await fetch_round(settings, intake, ledger, now)
    assert intake.ids() == {"<1@customer.example>", "<3@customer.example>"}
    assert list(ledger.all_missed().values()) == ["intake: RuntimeError"]
    assert dovecot.messages() == [mail(2)]
    assert not any("\\Seen" in flags for flags in dovecot.flags())
    broken = False
    await fetch_round(settings, intake, ledger, now)
    assert "<2@customer.example>" in intake.ids()
    assert ledger.all_missed() == {}
    assert dovecot.messages() == []


@pytest.mark.parametrize("place", ["intake.fetched", "intake.committed", "intake.flagged"])
async def test_a_crash_anywhere_loses_nothing(
    dovecot: Dovecot, settings: MailboxSettings, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    append(dovecot, [mail(1), mail(2)])
    intake, ledger = Intake(), Ledger()
    monkeypatch.setenv(VARIABLE, f"{place}=raise:1")
    with pytest.raises(PlannedFailure):
        await fetch_round(settings, intake, ledger, now)
    monkeypatch.delenv(VARIABLE)
    before = len(intake.raws)
    assert before == (place != "intake.fetched")
    await fetch_round(settings, intake, ledger, now)
    assert intake.ids() == {"<1@customer.example>", "<2@customer.example>"}
    assert dovecot.messages() == []
    assert sorted(dovecot.messages(DONE)) == [mail(1), mail(2)]


async def test_what_is_left_below_the_cursor_is_tidied(dovecot: Dovecot, settings: MailboxSettings) -> None:
    intake, ledger = Intake(), Ledger()
    append(dovecot, [mail(1), mail(2), mail(3)])
    await fetch_round(replace(settings, done_folder=None), intake, ledger, now)
    with dovecot.session() as imap:  # as if the crash had come before this flag was set
        imap.select("INBOX")
        imap.store("2", "-FLAGS", "(\\Seen)")
    result = await fetch_round(settings, intake, ledger, now)
    assert result.tidied == 3
    assert [raw.external_id for raw in intake.raws].count("<2@customer.example>") == 2  # a copy: intake knows it
    assert dovecot.messages() == []
    assert len(dovecot.messages(DONE)) == 3


async def test_stop_ends_a_round_between_two_messages(dovecot: Dovecot, settings: MailboxSettings) -> None:
    append(dovecot, [mail(1), mail(2)])
    stop = asyncio.Event()

    async def after_this_one(raw: Raw) -> None:
        stop.set()

    intake = Intake(before=after_this_one)
    await fetch_round(settings, intake, Ledger(), now, stop)
    assert [raw.body for raw in intake.raws] == [mail(1)]
    assert dovecot.messages() == [mail(2)]


async def test_one_failing_mailbox_among_three(dovecot: Dovecot) -> None:
    users = [dovecot.make_mailbox(name)[0] for name in ("loans", "cards")]
    for user in users:
        append(dovecot, [mail(1)], user)
    broken = replace(settings_for(dovecot, users[0]), name="broken", password="wrong")
    mailboxes = [broken, *(settings_for(dovecot, user) for user in users)]
    intake, ledger, stop = Intake(), Ledger(), asyncio.Event()
    async with asyncio.timeout(20), asyncio.TaskGroup() as group:
        group.create_task(watch_all(mailboxes, intake, ledger, now, stop, "worker-1"))
        await eventually(lambda: len(intake.raws) == 2 and ledger.failures)
        append(dovecot, [mail(2)], users[1])
        await eventually(lambda: len(intake.raws) == 3)
        stop.set()
    assert {raw.source for raw in intake.raws} == {"loans", "cards"}
    assert {name for name, _ in ledger.failures} == {"broken"}
    assert ledger.failures[0][1].startswith("login: the server says NO")
    assert set(ledger.successes) == {"loans", "cards"}


async def test_a_mailbox_leased_to_another_process_is_left_alone(dovecot: Dovecot, settings: MailboxSettings) -> None:
    append(dovecot, [mail(1)])
    intake, ledger, stop = Intake(), Ledger(holder="worker-2"), asyncio.Event()
    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        group.create_task(watch(settings, intake, ledger, now, stop, "worker-1"))
        await asyncio.sleep(0.5)
        assert intake.raws == []
        ledger.holder = None
        await eventually(lambda: intake.raws)
        stop.set()


async def test_check_passes(settings: MailboxSettings) -> None:
    await check(settings)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"password": "wrong"}, "Check user and password"),
        ({"folder": "投诉"}, "Check the name in `folder`"),
        ({"port": 1}, "Check host, port"),
        ({"tls": "implicit"}, "Check port and certificate"),
    ],
)
async def test_check_says_what_to_mend(settings: MailboxSettings, change: dict[str, str], what: str) -> None:
    with pytest.raises(ConfigError, match=what) as caught:
        await check(replace(settings, **change))
    assert caught.value.where == "mailboxes.complaints"


# --- servers that misbehave ------------------------------------------------------------------------------------------


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


def test_settings_do_not_show_the_password() -> None:
    assert "secret" not in repr(MailboxSettings("a", "h", "u", "secret"))
