"""The notification log and what is owed and not proven: complete, in order, and no dearer as the record grows."""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from casefile.audit import SITE, Tag
from casefile.complaint import Complaint
from casefile.duty import Duty
from casefile.envelope import Channel, Envelope, RawRef
from casefile.errors import NotFound
from casefile.inbound import Outcome, Raw
from casefile.notice import NoticeKind
from casefile.status import DutyState, NoticeState
from casefile.store import complaints, inbound, ledger, links, log, owed
from casefile.store.engine import Store
from casefile.store.ledger import Entry
from casefile.store.log import Filter, Line, Place
from casefile.store.tables import attempt, duty, notice

START = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
IDS = count(1)


def new_id() -> str:
    """In no order, as the real ones."""
    return f"{(next(IDS) * 0x9E3779B97F4A7C15) % 2**128:032x}"


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[Store]:
    opened = Store(database_url)
    yield opened
    await opened.close()


def add_case(tx: Connection, number: str) -> str:
    case = Complaint(id=new_id(), number=number, channel=Channel.WEB, received_at=START, text="x", office_id="nanhu")
    complaints.insert(tx, case, {}, new_id())
    return case.id


def add_duty(tx: Connection, case_id: str, due_at: datetime, state: DutyState = DutyState.OPEN) -> str:
    owing = Duty(
        id=new_id(),
        complaint_id=case_id,
        rule_id=f"rule-{next(IDS)}",
        does="notify",
        what="receipt",
        by="desk",
        to="complainant",
        cite="3",
        started_at=START,
        due_at=due_at,
        explain="x",
        state=state,
    )
    tx.execute(duty.insert().values(**owing.model_dump()))
    return owing.id


def add_notice(tx: Connection, case_id: str, due_at: datetime, **values: object) -> str:
    row: dict[str, object] = {
        "id": new_id(),
        "complaint_id": case_id,
        "rule_id": f"rule-{next(IDS)}",
        "recipient_id": "complainant",
        "occurrence": 1,
        "kind": NoticeKind.RECEIPT,
        "urgency": 0,
        "channel": Channel.EMAIL,
        "to": "li.wei@customer.example",
        "message_id": f"<{next(IDS)}@bank.example>",
        "subject": "x",
        "payload": b"x",
        "payload_sha256": "x",
        "due_at": due_at,
        "state": NoticeState.ACCEPTED,
        "created_at": START,
    }
    tx.execute(notice.insert().values(**{**row, **values}))
    return str(values.get("id", row["id"]))


async def all_pages(read: Callable[[Place | None], object], place: Callable[[object], Place]) -> list[object]:
    """Turn pages until there is none left; more than a hundred is a circle."""
    found: list[object] = []
    after: Place | None = None
    for _ in range(100):
        page = await read(after)  # type: ignore[misc]
        if not page:
            return found
        found += page
        after = place(page[-1])
    raise AssertionError("the pages never end")


def by_due(line: Line) -> Place:
    return Place(line.due_at, line.id)


@pytest.mark.parametrize("chosen", [Filter(), Filter(problems_at=START + 9 * DAY), Filter(channel=Channel.EMAIL)])
async def test_pages_hold_every_line_once_in_order(store: Store, chosen: Filter) -> None:
    """Many lines are due at the same moment, and a page ends in the middle of them."""

    def seed(tx: Connection) -> None:
        case = add_case(tx, "HY-1")
        for number in range(57):
            state = (NoticeState.DEAD, NoticeState.SCHEDULED, NoticeState.WITHHELD)[number % 3]
            add_notice(tx, case, START + (number // 19) * HOUR, state=state)

    await store.write(seed)
    pages = await all_pages(lambda after: store.read(log.lines, chosen, after, 7), by_due)
    assert len(pages) == len({line.id for line in pages}) == 57
    keys = [(line.due_at, line.id) for line in pages]
    assert keys == sorted(keys, reverse=True)


async def test_each_filter(store: Store) -> None:
    def seed(tx: Connection) -> None:
        one, two = add_case(tx, "HY-1"), add_case(tx, "HY-2")
        add_notice(tx, one, START)
        add_notice(tx, one, START + DAY, kind=NoticeKind.ORDER, recipient_id="nanhu", state=NoticeState.DEAD)
        add_notice(tx, two, START + 2 * DAY, channel=Channel.SMS)

    await store.write(seed)
    expected = {
        Filter(number="HY-1"): 2,
        Filter(number="HY-3"): 0,
        Filter(state=NoticeState.DEAD): 1,
        Filter(kind=NoticeKind.ORDER): 1,
        Filter(recipient="nanhu"): 1,
        Filter(recipient="complainant"): 2,
        Filter(channel=Channel.SMS): 1,
        Filter(due_after=START): 2,
        Filter(due_until=START): 1,
        Filter(due_after=START, due_until=START + DAY): 1,
        Filter(number="HY-1", kind=NoticeKind.RECEIPT, channel=Channel.EMAIL): 1,
        Filter(problems_at=START): 1,
        Filter(problems_at=START, state=NoticeState.DEAD): 1,
        Filter(problems_at=START, state=NoticeState.ACCEPTED): 0,
    }
    found = {chosen: len(await store.read(log.lines, chosen)) for chosen in expected}
    assert found == expected


async def test_what_counts_as_a_problem(store: Store) -> None:
    now = START + DAY

    def seed(tx: Connection) -> None:
        case = add_case(tx, "HY-1")
        for state in NoticeState:
            add_notice(tx, case, now - HOUR, state=state)
            add_notice(tx, case, now + HOUR, state=state)

    await store.write(seed)
    found = {(line.state, line.due_at < now) for line in await store.read(log.lines, Filter(problems_at=now))}
    always = {"dead", "in_doubt", "undelivered", "withheld"}
    expected = {(state, over) for state in always for over in (True, False)}
    assert found == expected | {(state, True) for state in ("scheduled", "sending", "retry_wait")}


LINE = Line("n", "HY-1", "receipt", "nanhu", "", "email", "accepted", None, 1, False, "r", "3", START, START, None)


@pytest.mark.parametrize(
    ("changes", "late"),
    [
        ({"sent_at": START}, False),
        ({"sent_at": START + HOUR}, True),
        ({"sent_at": START, "state": "delivered"}, False),
        ({"sent_at": START, "state": "undelivered"}, True),
        ({"state": "scheduled"}, True),
        ({"state": "scheduled", "due_at": START + 3 * DAY}, None),
        ({"state": "withheld"}, True),
        ({"state": "cancelled"}, None),
        ({"sent_at": START + HOUR, "cite": None}, None),
    ],
)
def test_late_or_on_time(changes: dict[str, object], late: bool | None) -> None:
    assert replace(LINE, **changes).late(START + DAY) is late  # type: ignore[arg-type]


async def test_a_line_is_on_time_by_its_first_acceptance(store: Store) -> None:
    def seed(tx: Connection) -> None:
        case = add_case(tx, "HY-1")
        owing = add_duty(tx, case, START + DAY, DutyState.MET)
        sent = add_notice(tx, case, START + DAY, duty_id=owing, rule_id="said.receipt")
        for no, (outcome, hours) in enumerate([("retry_wait", 1), ("accepted", 2), (None, 3)], 1):
            finished = START + hours * HOUR if outcome else None
            row = {"notice_id": sent, "no": no, "worker": "w", "started_at": START, "stage": "reply"}
            tx.execute(attempt.insert().values(**row, outcome=outcome, finished_at=finished))

    await store.write(seed)
    (line,) = await store.read(log.lines, Filter())
    assert (line.sent_at, line.late(START + 9 * DAY), line.cite) == (START + 2 * HOUR, False, "3")
    assert line.rule_id.startswith("rule-"), "the rule that asked for it, not the words that met it"


async def test_the_dossier_counts_the_links_that_still_work(store: Store) -> None:
    def seed(tx: Connection) -> str:
        case = add_case(tx, "HY-1")
        sent, other = add_notice(tx, case, START), add_notice(tx, case, START)
        given = {"a": (sent, DAY), "b": (sent, -DAY), "c": (other, DAY)}
        granted = {
            token: links.Link(case, "desk", "nanhu", about, START, START + life)
            for token, (about, life) in given.items()
        }
        links.issue(tx, granted)
        return sent

    sent = await store.write(seed)
    assert (await store.read(log.dossier, sent, START)).live_links == 1
    case = (await store.read(log.dossier, sent, START)).notice.complaint_id
    await store.write(links.revoke, case, "desk", START, "office:nanhu", "over")
    assert (await store.read(log.dossier, sent, START)).live_links == 0
    with pytest.raises(NotFound):
        await store.read(log.dossier, "none", START)


async def test_owed_not_proven(store: Store) -> None:
    now = START + 5 * DAY

    def seed(tx: Connection) -> dict[str, str]:
        case = add_case(tx, "HY-1")
        found = {"later": add_duty(tx, case, now + DAY), "over": add_duty(tx, case, now - DAY)}
        for state in NoticeState:
            found[state] = add_duty(tx, case, now + 2 * DAY)
            add_notice(tx, case, now, duty_id=found[state], state=state)
        for ended in (DutyState.MET, DutyState.CANCELLED):
            found[ended] = add_duty(tx, case, now - DAY, ended)
            add_notice(tx, case, now, duty_id=found[ended], state=NoticeState.DEAD)
        return found

    names = {duty_id: name for name, duty_id in (await store.write(seed)).items()}
    found = await store.read(owed.owed, now)
    assert {names[item.duty.id] for item in found} == {"over", "dead", "in_doubt", "undelivered", "withheld"}
    assert names[found[0].duty.id] == "over"
    assert found[0].tried is None
    assert all(item.tried and item.tried.state == names[item.duty.id] for item in found[1:])


async def test_owed_shows_the_last_notice_that_was_not_called_off(store: Store) -> None:
    def seed(tx: Connection) -> None:
        case = add_case(tx, "HY-1")
        owing = add_duty(tx, case, START)
        for hours, state in enumerate([NoticeState.UNDELIVERED, NoticeState.DEAD, NoticeState.CANCELLED]):
            add_notice(tx, case, START, duty_id=owing, state=state, created_at=START + hours * HOUR)

    await store.write(seed)
    (item,) = await store.read(owed.owed, START + DAY)
    assert item.tried
    assert item.tried.state == "dead"


async def test_owed_pages_hold_every_duty_once_oldest_first(store: Store) -> None:
    def seed(tx: Connection) -> None:
        case = add_case(tx, "HY-1")
        for number in range(23):
            add_duty(tx, case, START + (number % 3) * HOUR)

    await store.write(seed)
    read = store.read
    pages = await all_pages(lambda a: read(owed.owed, START + DAY, a, 5), lambda o: Place(o.duty.due_at, o.duty.id))
    keys = [(item.duty.due_at, item.duty.id) for item in pages]
    assert keys == sorted(keys)
    assert len(set(keys)) == 23


async def test_arrivals_are_what_waits_what_was_shunted_and_what_is_automatic(store: Store) -> None:
    cases = [("waiting", None, False), ("shunted", Outcome.OPENED, True), ("automatic", Outcome.AUTOMATIC, False)]
    cases += [("opened", Outcome.OPENED, False), ("both", Outcome.AUTOMATIC, True)]

    def seed(tx: Connection) -> None:
        case = add_case(tx, "HY-1")
        for hours, (name, outcome, shunted) in enumerate(cases):
            raw = Raw(Channel.EMAIL, name, f"<{name}@customer.example>", name.encode(), START + hours * HOUR)
            kept = inbound.keep(tx, raw, "0" * 64)
            envelope = Envelope(channel=Channel.EMAIL, raw=RawRef(sha256="0" * 64, size=1))
            if outcome:
                inbound.finish(tx, kept.id, envelope, outcome, case, shunted=shunted)

    await store.write(seed)
    found = await store.read(owed.arrivals)
    assert [arrival.source for arrival in found] == ["both", "automatic", "shunted", "waiting"]
    pages = await all_pages(lambda a: store.read(owed.arrivals, a, 1), lambda x: Place(x.received_at, x.id))
    assert [arrival.source for arrival in pages] == ["both", "automatic", "shunted", "waiting"]


async def test_refusals_of_the_last_minutes(store: Store) -> None:
    for minutes in (0, 10, 20):
        entry = Entry(Tag.CONSOLE_REFUSED, {"name": str(minutes)})
        await store.write(ledger.append, SITE, START + timedelta(minutes=minutes), "console", [entry])
    await store.write(ledger.append, SITE, START + HOUR, "console", [Entry(Tag.CONSOLE_LOGIN, {})])
    found = await store.read(log.refusals, START + timedelta(minutes=5))
    assert [event.detail["name"] for event in found] == ["20", "10"]


def seed_many(tx: Connection, cases: int) -> None:
    """`cases` with a met duty and two notices each, all but three of them settled."""
    for number in range(cases):
        case = add_case(tx, f"HY-{next(IDS)}")
        due = START + number * HOUR
        add_notice(tx, case, due, duty_id=add_duty(tx, case, due, DutyState.MET))
        add_notice(tx, case, due, state=NoticeState.DEAD if number < 3 else NoticeState.CANCELLED)
        if number < 3:
            add_duty(tx, case, due)


LOOKS: Sequence[Callable[[Connection], object]] = (
    lambda tx: log.lines(tx, Filter()),
    lambda tx: log.lines(tx, Filter(), Place(START + 30 * HOUR, "f" * 32)),
    lambda tx: log.lines(tx, Filter(state=NoticeState.DEAD)),
    lambda tx: log.lines(tx, Filter(problems_at=START + 999 * DAY)),
    lambda tx: log.lines(tx, Filter(due_after=START, due_until=START + 30 * HOUR)),
    lambda tx: owed.owed(tx, START + 999 * DAY),
    lambda tx: owed.arrivals(tx),
    lambda tx: log.refusals(tx, START),
)


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("engine", ["sqlite"], indirect=False)
async def test_a_page_costs_the_same_however_much_is_stored(
    store: Store, engine: str, look: Callable[[Connection], object]
) -> None:
    """Counted in steps of SQLite's virtual machine, not in seconds."""
    await store.write(seed_many, 100)
    few = await store.read(steps, look)
    await store.write(seed_many, 1500)
    assert await store.read(steps, look) < few * 2 + 2_000


def steps(tx: Connection, look: Callable[[Connection], object]) -> int:
    taken = 0

    def tick() -> int:
        nonlocal taken
        taken += 10
        return 0

    connection = tx.connection.driver_connection
    assert connection
    connection.set_progress_handler(tick, 10)
    try:
        look(tx)
    finally:
        connection.set_progress_handler(None, 0)
    return taken


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
async def test_indexes_serve_the_log_on_postgresql_too(store: Store) -> None:
    def plan(tx: Connection) -> str:
        seed_many(tx, 800)
        tx.execute(sa.text("ANALYZE"))
        query = sa.select(notice.c.id).where(notice.c.state == NoticeState.DEAD).order_by(notice.c.due_at.desc())
        text = str(query.limit(50).compile(tx, compile_kwargs={"literal_binds": True}))
        return "\n".join(tx.execute(sa.text(f"EXPLAIN {text}")).scalars())

    assert "ix_notice_state" in await store.write(plan)
