"""Whatever offices and customers do, in whatever order: nothing owed is forgotten, nothing goes to the wrong one."""

from collections.abc import Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from casefile.errors import ForbiddenMove, LinkExpired
from casefile.notice import Notice
from casefile.status import CASE_MOVES, DutyState, NoticeState
from casefile.store import duties
from gateway.casework import Act, Action
from tests.gateway.letters import LI, answer_address, mail, raw
from tests.gateway.world import World

STEPS = ("accept", "progress", "resolve", "refer", "write", "satisfied", "unsatisfied", "deliver", "wait")
WAITING = (NoticeState.SCHEDULED, NoticeState.RETRY_WAIT)
BY_HAND = {"decision", "decision-again"}  # a person must write these


@pytest.mark.parametrize("engine", ["sqlite"])
@given(st.lists(st.sampled_from(STEPS), min_size=1, max_size=8))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_nothing_owed_is_forgotten(world: World, steps: Sequence[str]) -> None:
    number = abs(hash(tuple(steps)))
    opened = await world.site.intake.accept(
        raw(mail(number, text=f"南湖支行 {world.clock()}"), number, at=world.clock())
    )
    case_id = opened.complaint_id or ""
    for position, step in enumerate(steps):
        await take(world, case_id, step, number * 100 + position)
        await check(world, case_id)


async def take(world: World, case_id: str, step: str, number: int) -> None:
    world.clock.forward(minutes=1)
    if step == "deliver":
        await world.deliver()
    elif step == "wait":
        world.clock.forward(days=4)
    elif step == "write":
        to = answer_address(world.site.house.key, (await world.notices(case_id))[0])
        await world.site.intake.accept(raw(mail(number, text="再催一次。", sender=LI, To=to), number))
    elif step in ("satisfied", "unsatisfied"):
        await answer_revisit(world, case_id, step == "satisfied")
    else:
        await act(world, case_id, Action(step))


async def act(world: World, case_id: str, action: Action) -> None:
    other = "xicheng" if (await world.case(case_id)).office_id == "nanhu" else "nanhu"
    token = (await world.link("desk", case_id)).rsplit("/", 1)[-1]
    words = "" if action is Action.ACCEPT else "正在办理。"
    try:
        await world.site.casework.act(token, Act(action, words, other))
    except (ForbiddenMove, LinkExpired):
        return  # not in this state, or not this office any more: nothing must have changed, which `check` sees


async def answer_revisit(world: World, case_id: str, satisfied: bool) -> None:
    revisits = [n for n in await world.notices(case_id) if n.kind == "revisit"]
    if not revisits:
        return
    token = (await world.link("revisit", case_id)).rsplit("/", 1)[-1]
    try:
        await world.site.public.revisit_answer(token, satisfied, "")
    except (ForbiddenMove, LinkExpired):
        return


async def check(world: World, case_id: str) -> None:
    case, notices = await world.case(case_id), await world.notices(case_id)
    owed = await world.site.store.read(duties.of_case, case_id)
    for duty in owed:
        letters = [n for n in notices if n.duty_id == duty.id]
        if duty.state is DutyState.OPEN and duty.rule_id not in BY_HAND:
            assert waiting(letters), f"{duty.rule_id} is owed and nothing will meet it"
        if duty.state is DutyState.CANCELLED:
            assert not [n for n in waiting(letters) if not n.rule_id.startswith("said.")]
    assert {n.recipient_id for n in waiting(notices)} <= {"complainant", case.office_id}
    events = await world.events(case_id)
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert case.state in CASE_MOVES


def waiting(notices: Sequence[Notice]) -> list[Notice]:
    return [notice for notice in notices if notice.state in WAITING]
