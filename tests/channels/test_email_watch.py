"""Several mailboxes watched side by side, and what the doctor says about one."""

import asyncio
from dataclasses import replace

import pytest

from casefile.errors import ConfigError
from channels.email.mailbox import MailboxSettings, check, watch, watch_all
from tests.channels.email_ledger import Intake, Ledger, append, mail, now, settings_for
from tests.servers.dovecot import Dovecot
from tests.waiting import eventually


@pytest.fixture
def settings(dovecot: Dovecot) -> MailboxSettings:
    return settings_for(dovecot, dovecot.user)


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
