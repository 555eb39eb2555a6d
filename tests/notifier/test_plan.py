"""From events to what is owed: rows and letters in the transaction of the event, by the pack that binds the case."""

from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from casefile.audit import Tag
from casefile.complaint import Complaint
from casefile.duty import Duty
from casefile.envelope import Channel
from casefile.notice import Notice, NoticeKind
from casefile.status import DutyState, NoticeState
from casefile.store import complaints, duties, ledger, links, outbox
from casefile.store.engine import Store
from casefile.store.tables import link
from notifier.plan import Planner
from policy.vocabulary import CaseEvent
from tests.notifier.conftest import WayOut
from tests.notifier.houses import PACK, house
from tests.people import ANONYMOUS, LI_WEI
from tests.samples import CASE, MONDAY, complaint

LATER = MONDAY + timedelta(days=1)
OFFICE = "office:nanhu"


@pytest.fixture
def planner(way_out: WayOut) -> Planner:
    return Planner(house({Channel.EMAIL: way_out}))


async def opened(store: Store, planner: Planner, **special: object) -> Complaint:
    case = complaint(policy=PACK.ref, **special)

    def work(tx: Connection) -> None:
        complaints.insert(tx, case, {"reasons": ["branch-named"]}, "secret")
        planner.opened(tx, case, ["branch-named"], "intake")

    await store.write(work)
    return case


async def states(store: Store) -> dict[str, DutyState]:
    return {duty.rule_id: duty.state for duty in await store.read(duties.of_case, CASE)}


async def letters(store: Store, kind: NoticeKind) -> list[Notice]:
    return [notice for notice in await store.read(outbox.of_case, CASE) if notice.kind is kind]


async def tags(store: Store) -> list[Tag]:
    return [event.tag for event in await store.read(ledger.events, CASE)]


async def happened(store: Store, planner: Planner, case: Complaint, event: CaseEvent, at: datetime = LATER) -> None:
    await store.write(planner.happened, case, event, at, OFFICE)


async def say(
    store: Store, planner: Planner, case: Complaint, kind: NoticeKind, event: CaseEvent | None = None
) -> None:
    await store.write(planner.say, case, kind, "正在办理。", LATER, OFFICE, event)


async def test_a_new_case_owes_what_its_pack_says_from_its_receipt(store: Store, planner: Planner) -> None:
    await opened(store, planner)
    owed = {duty.rule_id: duty for duty in await store.read(duties.of_case, CASE)}
    assert set(owed) == {"receipt", "order", "progress", "reminder", "decision"}
    assert {duty.started_at for duty in owed.values()} == {MONDAY}
    assert owed["decision"].cite == "5"
    assert "7wd" in owed["decision"].explain
    by_kind = {notice.kind: notice for notice in await store.read(outbox.of_case, CASE)}
    assert set(by_kind) == {NoticeKind.RECEIPT, NoticeKind.ORDER, NoticeKind.PROGRESS, NoticeKind.REMINDER}
    assert by_kind[NoticeKind.RECEIPT].next_at == MONDAY
    for notice in by_kind.values():
        assert (notice.due_at, notice.duty_id) == (owed[notice.rule_id].due_at, owed[notice.rule_id].id)
        assert notice.next_at
        assert MONDAY <= notice.next_at <= notice.due_at
    assert await tags(store) == [Tag.DUTY_OWED] * 5 + [Tag.NOTICE_PLANNED] * 4


async def test_the_letter_tells_when_the_answer_comes(store: Store, planner: Planner) -> None:
    await opened(store, planner)
    decision = next(d for d in await store.read(duties.of_case, CASE) if d.rule_id == "decision")
    last_day = decision.due_at.astimezone(PACK.zone) - timedelta(days=1)
    [receipt] = await letters(store, NoticeKind.RECEIPT)
    assert f"{last_day.month}月{last_day.day}日" in receipt.payload.decode()


async def test_links_are_stored_with_the_letters_they_stand_in(store: Store, planner: Planner) -> None:
    await opened(store, planner)
    [order], [reminder] = await letters(store, NoticeKind.ORDER), await letters(store, NoticeKind.REMINDER)
    tokens = {notice.id: notice.payload.decode().split("/desk/")[1].split()[0] for notice in (order, reminder)}
    for notice_id, token in tokens.items():
        found = await store.read(links.find, token, "desk", MONDAY)
        assert (found.notice_id, found.office_id) == (notice_id, "nanhu")
    assert await store.read(lambda tx: tx.execute(sa.select(sa.func.count()).select_from(link)).scalar_one()) == 2


async def test_an_event_is_never_on_record_without_its_consequences(store: Store, planner: Planner) -> None:
    case = await opened(store, planner)
    before = await tags(store)

    def broken(tx: Connection) -> None:
        planner.happened(tx, case, CaseEvent.REPLIED, LATER, OFFICE)
        raise RuntimeError("power cut")

    with pytest.raises(RuntimeError):
        await store.write(broken)
    assert await tags(store) == before
    assert set((await states(store)).values()) == {DutyState.OPEN}


async def test_an_answer_meets_and_cancels_what_the_pack_says_and_owes_the_revisit(
    store: Store, planner: Planner
) -> None:
    case = await opened(store, planner)
    await happened(store, planner, case, CaseEvent.REPLIED)
    after = await states(store)
    assert (after["decision"], after["progress"], after["reminder"]) == (
        DutyState.MET,
        DutyState.CANCELLED,
        DutyState.CANCELLED,
    )
    assert (after["receipt"], after["order"], after["revisit"]) == (DutyState.OPEN, DutyState.OPEN, DutyState.OPEN)
    [progress], [reminder] = await letters(store, NoticeKind.PROGRESS), await letters(store, NoticeKind.REMINDER)
    assert (progress.state, reminder.state) == (NoticeState.CANCELLED, NoticeState.CANCELLED)
    [revisit] = await letters(store, NoticeKind.REVISIT)
    assert revisit.next_at
    assert revisit.next_at > LATER


async def test_a_persons_words_take_the_place_of_the_automatic_letter_and_meet_its_duty_once_sent(
    store: Store, planner: Planner
) -> None:
    case = await opened(store, planner)
    await say(store, planner, case, NoticeKind.PROGRESS, CaseEvent.PROGRESS)
    automatic, said = await letters(store, NoticeKind.PROGRESS)
    assert (automatic.state, said.state, said.next_at) == (NoticeState.CANCELLED, NoticeState.SCHEDULED, LATER)
    assert said.duty_id == automatic.duty_id
    assert (await states(store))["progress"] is DutyState.OPEN
    assert "正在办理" in said.payload.decode()


async def test_nothing_cancels_what_a_person_wrote(store: Store, planner: Planner) -> None:
    case = await opened(store, planner)
    await say(store, planner, case, NoticeKind.PROGRESS)
    await say(store, planner, case, NoticeKind.DECISION, CaseEvent.REPLIED)
    _, told = await letters(store, NoticeKind.PROGRESS)
    [decision] = await letters(store, NoticeKind.DECISION)
    assert (told.state, decision.state) == (NoticeState.SCHEDULED, NoticeState.SCHEDULED)
    assert (await states(store))["decision"] is DutyState.OPEN  # until the letter is out


async def test_words_can_be_said_more_than_once(store: Store, planner: Planner) -> None:
    case = await opened(store, planner)
    for _ in range(3):
        await say(store, planner, case, NoticeKind.PROGRESS)
    said = [n for n in await letters(store, NoticeKind.PROGRESS) if n.state is NoticeState.SCHEDULED]
    assert len({(n.rule_id, n.occurrence) for n in said}) == 3


async def test_another_office_gets_what_waited_for_the_old_one(store: Store, planner: Planner) -> None:
    case = await opened(store, planner)
    moved = case.model_copy(update={"office_id": "xicheng"})

    def refer(tx: Connection) -> None:
        planner.readdress(tx, moved, LATER, OFFICE)
        planner.happened(tx, moved, CaseEvent.TRANSFERRED, LATER, OFFICE, words="属西城支行。")

    await store.write(refer)
    old, new = await letters(store, NoticeKind.ORDER)
    assert (old.recipient_id, old.state, new.recipient_id, new.state) == (
        "nanhu",
        NoticeState.CANCELLED,
        "xicheng",
        NoticeState.SCHEDULED,
    )
    assert "属西城支行。" in new.payload.decode()
    cancelled, again = await letters(store, NoticeKind.REMINDER)
    assert (cancelled.state, again.recipient_id) == (NoticeState.CANCELLED, "xicheng")
    assert (again.next_at, again.duty_id) == (
        reminder_time(cancelled, await store.read(duties.of_case, CASE)),
        cancelled.duty_id,
    )
    orders = [d.state for d in await store.read(duties.of_case, CASE) if d.rule_id == "order"]
    assert sorted(orders) == [DutyState.CANCELLED, DutyState.OPEN]


def reminder_time(old: Notice, owed: list[Duty]) -> datetime:
    """When the pack has reminders go out: on the last day, when the office opens."""
    due = next(duty.due_at for duty in owed if duty.id == old.duty_id)
    last_day = (due.astimezone(PACK.zone) - timedelta(microseconds=1)).date()
    assert PACK.office_opens
    return datetime.combine(last_day, PACK.office_opens, PACK.zone)


async def test_the_same_rule_for_the_same_reason_is_planned_once(store: Store, planner: Planner) -> None:
    case = await opened(store, planner)
    with pytest.raises(sa.exc.IntegrityError):
        await store.write(planner.opened, case, ["branch-named"], "intake")
    assert len(await store.read(outbox.of_case, CASE)) == 4


async def test_who_left_an_address_that_fails_is_still_owed(store: Store, planner: Planner) -> None:
    """Without a sender for text messages the letter is withheld, and the duty stays for a person to see."""
    person = LI_WEI.model_copy(update={"email": None})
    await opened(store, planner, complainant=person, channel=Channel.HOTLINE)
    [receipt] = await letters(store, NoticeKind.RECEIPT)
    assert (receipt.state, receipt.reason) == (NoticeState.WITHHELD, "no sender for sms is configured")
    assert (await states(store))["receipt"] is DutyState.OPEN
    assert Tag.NOTICE_WITHHELD in await tags(store)


async def test_who_left_no_address_on_the_form_is_owed_no_letter(store: Store, planner: Planner) -> None:
    await opened(store, planner, complainant=ANONYMOUS, channel=Channel.WEB)
    assert (await states(store))["receipt"] is DutyState.CANCELLED
    assert (await states(store))["order"] is DutyState.OPEN
