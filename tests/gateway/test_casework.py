"""What becomes of duties and notices when an office, or the customer, does something."""

from datetime import timedelta

from casefile.envelope import Channel, Sender
from casefile.notice import Notice, NoticeKind
from casefile.status import CaseState, DutyState, NoticeState
from casefile.store import duties
from gateway.casework import Act, Action
from tests.gateway.world import World

WORDS = "正在调取当日监控，周五前告知结果。"


async def opened(world: World) -> tuple[str, str]:
    """A new case, its first letters delivered; its id and the token of the desk link."""
    case = (await world.complain()).complaint_id or ""
    await world.deliver()
    world.clock.forward(minutes=1)
    return case, token(await world.link("desk", case))


def token(path: str) -> str:
    return path.rsplit("/", 1)[-1]


async def of_kind(world: World, case: str, kind: NoticeKind) -> list[Notice]:
    return [notice for notice in await world.notices(case) if notice.kind is kind]


async def duty_states(world: World, case: str) -> dict[str, DutyState]:
    return {duty.rule_id: duty.state for duty in await world.site.store.read(duties.of_case, case)}


async def test_what_the_office_tells_takes_the_place_of_the_automatic_progress(world: World) -> None:
    case, link = await opened(world)
    await world.site.casework.act(link, Act(Action.PROGRESS, WORDS))
    automatic, told = await of_kind(world, case, NoticeKind.PROGRESS)
    assert (automatic.state, told.state) == (NoticeState.CANCELLED, NoticeState.SCHEDULED)
    assert (await duty_states(world, case))["progress"] is DutyState.OPEN
    await world.deliver()
    assert (await duty_states(world, case))["progress"] is DutyState.MET


async def test_an_answer_does_not_stop_the_words_that_went_before_it(world: World) -> None:
    case, link = await opened(world)
    await world.site.casework.act(link, Act(Action.PROGRESS, WORDS))
    await world.site.casework.act(link, Act(Action.RESOLVE, "已退还费用。"))
    assert await world.deliver() == 2
    assert (await duty_states(world, case))["decision"] is DutyState.MET


async def test_a_referred_case_reminds_its_new_office_only(world: World) -> None:
    case, link = await opened(world)
    await world.site.casework.act(link, Act(Action.REFER, "属西城支行办理。", to_office="xicheng"))
    reminders = {n.recipient_id: n.state for n in await of_kind(world, case, NoticeKind.REMINDER)}
    assert reminders == {"nanhu": NoticeState.CANCELLED, "xicheng": NoticeState.SCHEDULED}
    orders = [n.recipient_id for n in await of_kind(world, case, NoticeKind.ORDER)]
    assert orders == ["nanhu", "xicheng"]


async def test_a_case_that_goes_to_and_fro_is_ordered_each_time(world: World) -> None:
    case, link = await opened(world)
    for office in ("xicheng", "nanhu", "xicheng"):
        await world.site.casework.act(link, Act(Action.REFER, "请办理。", to_office=office))
        world.clock.forward(minutes=1)
        await world.deliver()
        link = token(await world.link("desk", case))
    orders = [n.recipient_id for n in await of_kind(world, case, NoticeKind.ORDER)]
    assert orders == ["nanhu", "xicheng", "nanhu", "xicheng"]


async def test_who_is_not_satisfied_gets_another_answer(world: World) -> None:
    case, link = await opened(world)
    await world.site.casework.act(link, Act(Action.RESOLVE, "已道歉。"))
    world.clock.forward(days=7)
    await world.deliver()
    await world.site.public.revisit_answer(token(await world.link("revisit", case)), False, "没有退款")
    assert (await world.case(case)).state is CaseState.REOPENED
    states = await duty_states(world, case)
    assert states["decision-again"] is DutyState.OPEN
    await world.deliver()
    (addition,) = await of_kind(world, case, NoticeKind.ADDITION)
    assert (addition.recipient_id, addition.state) == ("nanhu", NoticeState.ACCEPTED)
    again = token(await world.link("desk", case))
    await world.site.casework.act(again, Act(Action.RESOLVE, "已退款。"))
    await world.deliver()
    assert (await duty_states(world, case))["decision-again"] is DutyState.MET


async def test_an_anonymous_complaint_owes_nobody_a_letter(world: World) -> None:
    case = (await world.complain(sender=Sender())).complaint_id or ""
    await world.deliver()
    assert (await of_kind(world, case, NoticeKind.RECEIPT))[0].state is NoticeState.WITHHELD
    states = await duty_states(world, case)
    assert (states["receipt"], states["progress"]) == (DutyState.CANCELLED, DutyState.CANCELLED)
    await world.site.casework.act(token(await world.link("desk", case)), Act(Action.RESOLVE, "已整改。"))
    assert (await duty_states(world, case))["decision"] is DutyState.CANCELLED


async def test_a_phone_alone_is_answered_by_text_message(world: World) -> None:
    case = (await world.complain(sender=Sender(phone="+8613800138000"))).complaint_id or ""
    (receipt,) = await of_kind(world, case, NoticeKind.RECEIPT)
    assert (receipt.channel, receipt.to, receipt.state) == (Channel.SMS, "+8613800138000", NoticeState.SCHEDULED)


async def test_an_address_that_no_mail_can_carry_is_withheld_with_its_reason(world: World) -> None:
    case = (await world.complain(sender=Sender(email="li wei@customer.example"))).complaint_id or ""
    (receipt,) = await of_kind(world, case, NoticeKind.RECEIPT)
    assert receipt.state is NoticeState.WITHHELD
    assert "not an e-mail address" in (receipt.reason or "")


async def test_silence_reminds_the_office_and_tells_the_customer(world: World) -> None:
    case, _ = await opened(world)
    world.clock.forward(days=9)
    await world.deliver()
    sent = {n.kind for n in await world.notices(case) if n.state is NoticeState.ACCEPTED}
    assert sent == {NoticeKind.RECEIPT, NoticeKind.ORDER, NoticeKind.PROGRESS, NoticeKind.REMINDER}
    late = [d for d in await world.site.store.read(duties.of_case, case) if d.due_at < world.clock()]
    assert [d.state for d in late if d.rule_id == "decision"] == []
    world.clock.forward(days=3)
    decision = next(d for d in await world.site.store.read(duties.of_case, case) if d.rule_id == "decision")
    assert decision.state is DutyState.OPEN
    assert decision.due_at < world.clock() - timedelta(hours=1)
