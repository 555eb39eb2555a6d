"""What came in is kept once, whatever it is called and however often it comes."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from casefile.envelope import Channel, Envelope, RawRef
from casefile.inbound import Outcome, Raw
from casefile.store import inbound
from casefile.store.engine import Store
from casefile.store.inbound import Kept
from tests.samples import CASE, MONDAY, open_case

MAIL = Raw(Channel.EMAIL, "complaints", "<1@customer.example>", b"Help.", MONDAY)


async def keep(store: Store, raw: Raw = MAIL) -> Kept:
    return await store.write(inbound.keep, raw, raw.content_hash)


def envelope(text: str = "Help.") -> Envelope:
    return Envelope(channel=Channel.EMAIL, text=text, raw=RawRef(sha256="0" * 64, size=5))


async def finish(store: Store, kept: Kept, text: str = "Help.", case: str | None = CASE) -> None:
    await store.write(inbound.finish, kept.id, envelope(text), Outcome.OPENED, case, shunted=False)


async def test_kept_once(store: Store) -> None:
    first = await keep(store)
    assert (first.state, first.raw_size, first.received_at) == ("stored", 5, MONDAY)
    assert await keep(store, replace(MAIL, received_at=MONDAY + timedelta(days=1))) == first


async def test_kept_once_by_twenty_at_once(store: Store) -> None:
    assert len({kept.id for kept in await asyncio.gather(*(keep(store) for _ in range(20)))}) == 1


@pytest.mark.parametrize(
    "other",
    [
        replace(MAIL, content_hash="f" * 64),
        replace(MAIL, external_id="<2@customer.example>"),
        replace(MAIL, external_id=""),
        replace(MAIL, source="loans"),
        replace(MAIL, channel=Channel.WEB),
    ],
    ids=["content", "id", "no id", "source", "channel"],
)
async def test_anything_else_is_another_message(store: Store, other: Raw) -> None:
    assert (await keep(store)).id != (await keep(store, other)).id


@given(st.text(alphabet=st.characters(exclude_categories=()), max_size=400))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_any_id_that_a_sender_makes_up_is_kept(store: Store, text: str) -> None:
    raw = Raw(Channel.EMAIL, "complaints", text, b"Help.", MONDAY)
    first = await keep(store, raw)
    assert await keep(store, Raw(Channel.EMAIL, "complaints", text, b"Help.", MONDAY)) == first


async def test_an_endless_id_fits(store: Store) -> None:
    first = await keep(store, replace(MAIL, external_id="x" * 5_000))
    assert first.id != (await keep(store, replace(MAIL, external_id="x" * 5_001))).id


async def test_what_is_processed_is_so_for_whoever_keeps_it_again(store: Store) -> None:
    await store.write(open_case)
    kept = await keep(store)
    await finish(store, kept)
    again = await keep(store)
    assert (again.state, again.outcome, again.complaint_id) == ("processed", Outcome.OPENED, CASE)
    assert await store.write(inbound.lock, kept) == again
    assert await store.read(inbound.of_case, CASE) == [envelope()]


async def test_waiting_are_those_that_were_left_oldest_first(store: Store) -> None:
    await store.write(open_case)
    later = await keep(store, replace(MAIL, external_id="b", received_at=MONDAY + timedelta(minutes=1)))
    early = await keep(store)
    await finish(store, await keep(store, replace(MAIL, external_id="c")))
    await keep(store, replace(MAIL, external_id="d", received_at=MONDAY + timedelta(minutes=2)))
    assert await store.read(inbound.waiting, MONDAY + timedelta(minutes=2)) == [early, later]
    await store.write(inbound.stumbled, early.id, "ValueError: " + "x" * 5000)
    assert [kept.tries for kept in await store.read(inbound.waiting, MONDAY + timedelta(minutes=2))] == [1, 0]


async def test_siblings_share_channel_and_id(store: Store) -> None:
    await store.write(open_case)
    for raw, text in ((MAIL, "one"), (replace(MAIL, source="loans"), "two"), (replace(MAIL, external_id="x"), "three")):
        await finish(store, await keep(store, raw), text)
    fresh = await keep(store, replace(MAIL, content_hash="f" * 64))
    assert sorted(e.text for _, e in await store.read(inbound.siblings, fresh)) == ["one", "two"]


async def test_cases_of_messages(store: Store) -> None:
    await store.write(open_case)
    await finish(store, await keep(store))
    await keep(store, replace(MAIL, external_id="<lost@customer.example>"))
    ids = ["<lost@customer.example>", MAIL.external_id, "<never@customer.example>"]
    assert await store.read(inbound.case_of_message, ids) == [CASE]
    assert await store.read(inbound.case_of_message, []) == []


async def test_a_key_is_reused_only_with_other_content(store: Store) -> None:
    await keep(store)
    assert await store.read(inbound.key_reused, "complaints", MAIL.external_id, "f" * 64)
    assert not await store.read(inbound.key_reused, "complaints", MAIL.external_id, MAIL.content_hash)
    assert not await store.read(inbound.key_reused, "loans", MAIL.external_id, "f" * 64)
