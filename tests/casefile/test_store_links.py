from datetime import timedelta

import pytest
import sqlalchemy as sa

from casefile.audit import Tag
from casefile.errors import LinkExpired, NotFound
from casefile.store import ledger, links
from casefile.store.engine import Store
from casefile.store.links import Link
from casefile.store.tables import link
from casefile.token import link_token
from tests.samples import CASE, MONDAY, complaint, open_case

DAY = timedelta(days=1)
DESK = Link(CASE, "desk", "nanhu", "n" * 32, MONDAY, MONDAY + DAY)


@pytest.fixture
async def token(store: Store) -> str:
    token = link_token()
    await store.write(open_case)
    await store.write(links.issue, {token: DESK})
    return token


async def test_a_link_is_found_by_its_token(store: Store, token: str) -> None:
    assert await store.read(links.find, token, "desk", MONDAY + DAY - timedelta(microseconds=1)) == DESK


async def test_the_token_itself_is_nowhere(store: Store, token: str) -> None:
    [row] = await store.read(lambda tx: tx.execute(sa.select(link)).all())
    assert not any(token in str(value) for value in row)


async def test_a_link_is_good_for_its_purpose_only(store: Store, token: str) -> None:
    with pytest.raises(NotFound) as caught:
        await store.read(links.find, token, "revisit", MONDAY)
    assert not isinstance(caught.value, LinkExpired)


@pytest.mark.parametrize("wrong", ["", "x", "\0", "e" * 10_000])
async def test_a_token_that_never_was(store: Store, token: str, wrong: str) -> None:
    with pytest.raises(NotFound, match="no such link"):
        await store.read(links.find, wrong, "desk", MONDAY)


async def test_a_link_ends(store: Store, token: str) -> None:
    with pytest.raises(LinkExpired, match="the link has expired"):
        await store.read(links.find, token, "desk", MONDAY + DAY)


async def test_revoking_ends_all_links_of_the_case_and_says_why_once(store: Store, token: str) -> None:
    other, later = complaint(id="e" * 32, number="HY-2"), link_token()
    await store.write(open_case, other)
    await store.write(
        links.issue, {later: DESK, "elsewhere": Link(other.id, "desk", "nanhu", "m" * 32, MONDAY, MONDAY + DAY)}
    )
    for _ in range(2):
        await store.write(links.revoke, CASE, "desk", MONDAY, "office:nanhu", "referred")
    for ended in (token, later):
        with pytest.raises(LinkExpired, match="referred"):
            await store.read(links.find, ended, "desk", MONDAY)
    assert (await store.read(links.find, "elsewhere", "desk", MONDAY)).complaint_id == other.id
    assert [event.tag for event in await store.read(ledger.events, CASE)] == [Tag.LINK_REVOKED]


async def test_revoking_one_purpose_leaves_the_other(store: Store, token: str) -> None:
    await store.write(links.revoke, CASE, "revisit", MONDAY, "office:nanhu", "referred")
    assert await store.read(links.find, token, "desk", MONDAY) == DESK
    assert await store.read(ledger.events, CASE) == []


async def test_nothing_to_issue(store: Store) -> None:
    await store.write(links.issue, {})
