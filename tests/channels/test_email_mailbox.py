"""Fetching from a real IMAP server: nothing that came may be lost, whatever goes wrong on the way."""

import asyncio
import threading
from dataclasses import replace
from datetime import timedelta

import pytest

from casefile.errors import StorageUnavailable
from casefile.failpoint import VARIABLE, PlannedFailure
from casefile.inbound import Raw
from channels.email.mailbox import (
    MailboxError,
    MailboxSettings,
    fetch_round,
)
from tests.channels.email_ledger import Intake, Ledger, append, mail, now, settings_for
from tests.servers.dovecot import Dovecot

DONE = "Huiyin.Done"  # as this server's delimiter makes it


@pytest.fixture
def settings(dovecot: Dovecot) -> MailboxSettings:
    return settings_for(dovecot, dovecot.user)


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


def test_settings_do_not_show_the_password() -> None:
    assert "secret" not in repr(MailboxSettings("a", "h", "u", "secret"))
