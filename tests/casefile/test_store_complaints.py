import asyncio
from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from casefile.complaint import Complainant, Complaint
from casefile.envelope import Attachment, Channel
from casefile.errors import NotFound
from casefile.store import complaints
from casefile.store.complaints import Remark
from casefile.store.engine import Store
from tests.people import ANONYMOUS
from tests.samples import CASE, MONDAY, complaint, open_case

PATTERN = "HY-{year}-{seq:06d}"


async def number(store: Store, year: int = 2026) -> str:
    return await store.write(complaints.next_number, PATTERN, year)


async def test_numbers_count_from_one_in_each_year(store: Store) -> None:
    years = [2026, 2026, 2027, 2026]
    assert [await number(store, year) for year in years] == [
        "HY-2026-000001",
        "HY-2026-000002",
        "HY-2027-000001",
        "HY-2026-000003",
    ]


async def test_numbers_have_neither_gaps_nor_doubles_however_many_ask(store: Store) -> None:
    given = await asyncio.gather(*(number(store) for _ in range(30)))
    assert sorted(given) == [PATTERN.format(year=2026, seq=n) for n in range(1, 31)]


async def test_a_number_whose_case_failed_is_given_again(store: Store) -> None:
    def broken(tx: Connection) -> None:
        complaints.next_number(tx, PATTERN, 2026)
        raise RuntimeError("power cut")

    with pytest.raises(RuntimeError):
        await store.write(broken)
    assert await number(store) == "HY-2026-000001"


FULL = complaint(
    complainant=Complainant(name="李伟", email="li.wei@customer.example", phone="+8613800138000", language="en"),
    subject="排队 😀",
    product="信用卡",
    branch="南湖支行",
    region="南湖区",
    attachments=(Attachment(name="凭证.pdf", content_type="application/pdf", size=3, sha256="a" * 64),),
    thread_id="<1@customer.example>",
    satisfied=False,
)
EMPTY = complaint(channel=Channel.WEB, complainant=ANONYMOUS, text="", office_id=None)


@pytest.mark.parametrize("case", [FULL, EMPTY], ids=["full", "empty"])
async def test_a_case_comes_back_as_it_was_opened(store: Store, case: Complaint) -> None:
    await store.write(open_case, case)
    assert await store.read(complaints.get, case.id) == case
    assert await store.write(complaints.lock, case.id) == case
    assert await store.read(complaints.route_of, case.id) == {"reasons": ["branch-named"]}


async def test_two_cases_never_share_a_number(store: Store) -> None:
    await store.write(open_case)
    with pytest.raises(sa.exc.IntegrityError):
        await store.write(open_case, complaint(id="e" * 32))


async def test_number_and_secret_must_both_be_right(store: Store) -> None:
    await store.write(open_case)
    found = await store.read(complaints.by_secret, "HY-2026-000001", "HY-2026-000001 secret")
    assert found
    assert found.id == CASE
    assert await store.read(complaints.by_secret, "HY-2026-000001", "other") is None
    assert await store.read(complaints.by_secret, "HY-2026-000002", "HY-2026-000001 secret") is None


async def test_a_case_that_is_not_there(store: Store) -> None:
    for look in (complaints.get, complaints.lock):
        with pytest.raises(NotFound):
            await store.write(look, "f" * 32)


async def test_remarks_stay_in_their_order(store: Store) -> None:
    await store.write(open_case)
    said = [Remark("progress", "office:nanhu", f"第{n}次", MONDAY + timedelta(seconds=n)) for n in (2, 1)]
    for one in said:
        await store.write(complaints.add_remark, CASE, one)
    assert await store.read(complaints.remarks, CASE) == said[::-1]
