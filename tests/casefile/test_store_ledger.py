"""No state changes without its event, and the record only ever grows."""

import asyncio
from datetime import UTC, datetime, timedelta
from enum import StrEnum

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.engine import Connection

from casefile.audit import SITE, Tag
from casefile.errors import ForbiddenMove, StaleClaim
from casefile.status import CASE_MOVES, DUTY_MOVES, NOTICE_MOVES, CaseState, DutyState, NoticeState
from casefile.store import complaints, duties, ledger, outbox
from casefile.store.engine import Store
from casefile.store.ledger import CASE, DUTY, NOTICE, Entry, Machine, Move, append, transition
from casefile.store.tables import audit, canonical, chain
from tests.samples import CASE as CASE_ID
from tests.samples import MONDAY, complaint, duty, notice, open_case

SAMPLES: list[tuple[Machine, str, type[StrEnum]]] = [
    (CASE, CASE_ID, CaseState),
    (DUTY, duty().id, DutyState),
    (NOTICE, notice().id, NoticeState),
]
MOVES = {CASE: CASE_MOVES, DUTY: DUTY_MOVES, NOTICE: NOTICE_MOVES}


def opened(tx: Connection, machine: Machine, state: StrEnum) -> None:
    case = complaint(state=state) if machine is CASE else complaint()
    owed = duty(state=state) if machine is DUTY else duty()
    sent = notice(state=state) if machine is NOTICE else notice()
    open_case(tx, case, [owed], [sent])


def state_of(tx: Connection, machine: Machine, row_id: str) -> str:
    rows = machine.table.c
    return str(tx.execute(sa.select(rows.state).where(rows.id == row_id)).scalar_one())


def length(tx: Connection) -> int:
    return len(ledger.events(tx, CASE_ID))


async def move(store: Store, machine: Machine, row_id: str, to: StrEnum, **more: object) -> None:
    step = Move(machine, row_id, to, Tag.CASE_PROGRESS, **more)  # type: ignore[arg-type]
    await store.write(transition, MONDAY, "test", step)


@pytest.mark.parametrize(("machine", "row_id", "states"), SAMPLES, ids=["case", "duty", "notice"])
async def test_every_move_is_allowed_and_on_record_or_neither(
    store: Store, machine: Machine, row_id: str, states: type[StrEnum]
) -> None:
    await store.write(opened, machine, next(iter(states)))
    for before in states:
        for after in states:
            await store.write(force, machine, row_id, before)
            events = await store.read(length)
            if after in MOVES[machine][before]:
                await move(store, machine, row_id, after)
            else:
                with pytest.raises(ForbiddenMove, match=f"{before} may not become {after}"):
                    await move(store, machine, row_id, after)
            moved = after in MOVES[machine][before]
            assert await store.read(state_of, machine, row_id) == (after if moved else before)
            assert await store.read(length) == events + moved


def force(tx: Connection, machine: Machine, row_id: str, state: StrEnum) -> None:
    tx.execute(machine.table.update().where(machine.table.c.id == row_id).values(state=state))


async def test_an_event_says_what_moved_who_moved_it_and_when(store: Store) -> None:
    await store.write(open_case, notices=[notice()])
    step = Move(NOTICE, notice().id, NoticeState.SENDING, Tag.NOTICE_SENDING, {"attempt": 1})
    await store.write(transition, MONDAY, "w1", step)
    event = (await store.read(ledger.events, CASE_ID))[-1]
    assert (event.chain_id, event.seq, event.at, event.actor) == (CASE_ID, 2, MONDAY, "w1")
    assert (event.tag, event.detail) == (Tag.NOTICE_SENDING, {"notice": notice().id, "attempt": 1})


async def test_a_row_that_is_not_there(store: Store) -> None:
    with pytest.raises(ForbiddenMove, match="missing may not become sending"):
        await move(store, NOTICE, notice().id, NoticeState.SENDING)


async def test_a_lease_that_passed_on_moves_nothing(store: Store) -> None:
    await store.write(open_case, notices=[notice(state=NoticeState.SENDING, lease_token="ours")])
    with pytest.raises(StaleClaim, match="the lease has passed to another worker"):
        await move(store, NOTICE, notice().id, NoticeState.ACCEPTED, lease="theirs")
    assert await store.read(length) == 1
    await move(store, NOTICE, notice().id, NoticeState.ACCEPTED, lease="ours")
    assert await store.read(length) == 2


async def test_moves_together_are_one(store: Store) -> None:
    """The second is refused: the first has not happened either."""
    await store.write(open_case, owed=[duty(state=DutyState.CANCELLED)], notices=[notice(state=NoticeState.SENDING)])
    accepted = Move(NOTICE, notice().id, NoticeState.ACCEPTED, Tag.NOTICE_ACCEPTED)
    with pytest.raises(ForbiddenMove):
        await store.write(transition, MONDAY, "w1", accepted, duties.ended(duty().id, DutyState.MET, MONDAY, "sent"))
    assert (await store.read(outbox.get, notice().id)).state is NoticeState.SENDING
    assert await store.read(length) == 2


async def test_values_are_written_as_their_columns_store_them(store: Store) -> None:
    await store.write(open_case, notices=[notice()])
    until = datetime(2026, 3, 2, 9, 30, tzinfo=UTC) + timedelta(microseconds=1)
    await move(store, NOTICE, notice().id, NoticeState.SENDING, values={"lease_until": until})
    assert (await store.read(outbox.get, notice().id)).lease_until == until


async def test_a_chain_cannot_fork(store: Store) -> None:
    await store.write(complaints.insert, complaint(), {}, "secret")
    entries = [Entry(Tag.CASE_PROGRESS, {"remark": "r"}), Entry(Tag.CASE_PROGRESS, {})]
    await asyncio.gather(*(store.write(append, CASE_ID, MONDAY, f"w{n}", entries) for n in range(20)))
    events = await store.read(ledger.events, CASE_ID)
    assert [event.seq for event in events] == list(range(1, 41))
    assert all(one.actor == two.actor for one, two in zip(events[::2], events[1::2], strict=True))


async def test_what_is_rolled_back_leaves_no_gap(store: Store) -> None:
    await store.write(open_case)

    def broken(tx: Connection) -> None:
        append(tx, CASE_ID, MONDAY, "w", [Entry(Tag.CASE_PROGRESS, {})])
        raise RuntimeError("power cut")

    with pytest.raises(RuntimeError):
        await store.write(broken)
    await store.write(append, CASE_ID, MONDAY, "w", [Entry(Tag.CASE_CLOSED, {})])
    assert [(e.seq, e.tag) for e in await store.read(ledger.events, CASE_ID)] == [(1, Tag.CASE_CLOSED)]


async def test_nothing_to_append_touches_nothing(store: Store) -> None:
    await store.write(append, "no such chain", MONDAY, "w", [])
    with pytest.raises(sa.exc.NoResultFound):
        await store.write(append, "no such chain", MONDAY, "w", [Entry(Tag.CASE_CLOSED, {})])


async def test_the_chain_of_the_site_is_there_from_the_beginning(store: Store) -> None:
    await store.write(append, SITE, MONDAY, "console", [Entry(Tag.CONSOLE_LOGIN, {})])
    assert [event.tag for event in await store.read(ledger.events, SITE)] == [Tag.CONSOLE_LOGIN]


async def test_the_bytes_of_an_event_are_canonical(store: Store) -> None:
    await store.write(open_case)
    await store.write(
        append, CASE_ID, MONDAY, "office:南湖", [Entry(Tag.CASE_PROGRESS, {"b": True, "a": "é", "c": None})]
    )
    body, head = await store.read(lambda tx: tx.execute(sa.select(audit.c.body, chain.c.head_seq).join(chain)).one())
    assert head == 1
    assert body == (
        '{"actor":"office:南湖","at":"2026-03-02T01:02:03.456789Z","chain_id":"' + CASE_ID + '",'
        '"detail":{"a":"é","b":true,"c":null},"seq":1,"tag":"case:progress"}'
    )


@given(st.dictionaries(st.text(), st.none() | st.booleans() | st.integers() | st.text()))
def test_canonical_json_does_not_depend_on_the_order(detail: dict[str, object]) -> None:
    backwards = dict(reversed(detail.items()))
    assert canonical(detail) == canonical(backwards)
    assert "\n" not in canonical(detail)
