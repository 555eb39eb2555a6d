import asyncio
from datetime import timedelta

from casefile.store import mailboxes
from casefile.store.engine import Store
from casefile.store.mailboxes import Health, Place
from tests.samples import MONDAY

INBOX = Place("complaints", "INBOX", 1_700_000_000)
LONG = timedelta(seconds=90)


async def last(store: Store, place: Place = INBOX) -> int:
    return await store.read(mailboxes.last_uid, place)


async def missed(store: Store, place: Place = INBOX) -> list[int]:
    return await store.read(mailboxes.missed_uids, place)


async def test_the_cursor_never_moves_back(store: Store) -> None:
    assert await last(store) == 0
    for uid in (5, 9, 7, 9):
        await store.write(mailboxes.advance, INBOX, uid)
    assert await last(store) == 9


async def test_the_cursor_holds_the_largest_uid_there_can_be(store: Store) -> None:
    """RFC 3501: UIDs and UIDVALIDITY are 32 bits, unsigned."""
    place = Place("complaints", "INBOX", 2**32 - 1)
    await store.write(mailboxes.advance, place, 2**32 - 1)
    assert await last(store, place) == 2**32 - 1


async def test_another_life_another_folder_or_another_mailbox_begins_anew(store: Store) -> None:
    await store.write(mailboxes.advance, INBOX, 9)
    for place in (Place("complaints", "INBOX", 2), Place("complaints", "其他", 1), Place("loans", "INBOX", 1)):
        assert await last(store, place) == 0
        await store.write(mailboxes.advance, place, 1)
    assert await last(store) == 9


async def test_cursors_moved_at_once_end_at_the_highest(store: Store) -> None:
    await asyncio.gather(*(store.write(mailboxes.advance, INBOX, uid) for uid in range(1, 21)))
    assert await last(store) == 20


async def test_what_was_missed_is_kept_until_recovered(store: Store) -> None:
    for uid in (7, 3, 7):
        await store.write(mailboxes.miss, INBOX, uid, "timeout" * 200)
    assert await missed(store) == [3, 7]
    await store.write(mailboxes.recover, INBOX, 7)
    await store.write(mailboxes.recover, INBOX, 99)
    assert await missed(store) == [3]
    assert await missed(store, Place("complaints", "INBOX", 2)) == []


async def test_one_poller_at_a_time_and_any_takes_over(store: Store) -> None:
    async def lease(owner: str, after: timedelta) -> bool:
        return await store.write(mailboxes.lease, "complaints", owner, MONDAY + after, LONG)

    assert await lease("p1", timedelta(0))
    assert not await lease("p2", LONG)
    assert await lease("p1", LONG)
    assert not await lease("p2", LONG * 2)
    assert await lease("p2", LONG * 2 + timedelta(microseconds=1))
    assert not await lease("p1", LONG * 2 + timedelta(microseconds=2))
    assert await store.write(mailboxes.lease, "loans", "p1", MONDAY, LONG)


async def test_only_one_of_many_gets_the_lease(store: Store) -> None:
    asked = [store.write(mailboxes.lease, "complaints", f"p{n}", MONDAY, LONG) for n in range(10)]
    assert sum(await asyncio.gather(*asked)) == 1


async def test_health_is_what_happened_last(store: Store) -> None:
    await store.write(mailboxes.failed, "loans", MONDAY, "login: NO" * 200)
    await store.write(mailboxes.succeeded, "complaints", MONDAY)
    await store.write(mailboxes.succeeded, "complaints", MONDAY + LONG)
    complaints, loans = await store.read(mailboxes.health)
    assert complaints == Health("complaints", MONDAY + LONG, None, None)
    assert (loans.name, loans.last_success_at, loans.last_failure_at) == ("loans", None, MONDAY)
    assert loans.last_failure == ("login: NO" * 200)[:500]
