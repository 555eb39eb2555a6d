"""Which messages belong together: by what only we gave out, or by what the sender alone could know."""

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from casefile.audit import SITE, Event, Tag
from casefile.duty import Duty
from casefile.envelope import Channel
from casefile.inbound import Accepted, Outcome, Raw
from casefile.notice import Notice, NoticeKind
from casefile.status import DutyState, NoticeState
from casefile.store import duties, inbound, outbox
from casefile.store.tables import complaint
from tests.gateway.letters import LI, WANG, answer_address, bounce, mail, raw
from tests.gateway.world import START, World


async def send(world: World, number: int = 1, mailbox: str = "complaints", **mailed: str) -> Accepted:
    return await world.site.intake.accept(raw(mail(number, **mailed), number, mailbox))


async def opened(world: World, number: int = 1, **mailed: str) -> tuple[Accepted, Notice]:
    """A case, and the receipt that its writer got."""
    case = await send(world, number, **mailed)
    assert case.outcome is Outcome.OPENED
    await world.deliver()
    return case, await notice_of(world, case, NoticeKind.RECEIPT)


async def notice_of(world: World, case: Accepted, kind: NoticeKind) -> Notice:
    return [n for n in await world.notices(case.complaint_id or "") if n.kind is kind][-1]


async def last_event(world: World, case: Accepted, tag: Tag) -> Event:
    return [e for e in await world.events(case.complaint_id or "") if e.tag is tag][-1]


def cases(tx: Connection) -> int:
    return tx.execute(sa.select(sa.func.count()).select_from(complaint)).scalar_one()


async def test_the_same_message_id_with_other_content_is_another_case(world: World) -> None:
    """A7: who sends a victim's Message-ID first must not make the complaint a duplicate."""
    squatter = await send(world, sender=WANG, text="x")
    victim = await send(world, sender=LI, text="My real complaint.")
    assert (squatter.outcome, victim.outcome) == (Outcome.OPENED, Outcome.OPENED)
    assert victim.number != squatter.number
    again = await send(world, mailbox="loans", sender=LI, text="My real complaint.")
    assert (again.outcome, again.number) == (Outcome.REPEATED, victim.number)


async def test_a_copy_by_another_way_is_a_repetition_and_keeps_its_secret_to_itself(world: World) -> None:
    first = await send(world)
    copy = await world.site.intake.accept(raw(b"X-Spam: no\r\n" + mail(), mailbox="loans"))
    assert (copy.outcome, copy.number, copy.secret) == (Outcome.REPEATED, first.number, None)
    assert await world.site.store.read(cases) == 1
    assert len(await world.site.store.read(inbound.of_case, first.complaint_id or "")) == 2


@pytest.mark.parametrize("sender", [LI, "other.address@customer.example"])
async def test_an_answer_with_our_token_joins_its_case_from_any_address(world: World, sender: str) -> None:
    case, receipt = await opened(world)
    to = answer_address(world.site.house.key, receipt)
    answer = await send(world, 2, sender=sender, To=to, text="I have more to say.")
    assert (answer.outcome, answer.complaint_id, answer.secret) == (Outcome.ADDED, case.complaint_id, None)
    said = await last_event(world, case, Tag.MESSAGE_ADDED)
    assert (said.detail["by"], said.detail["known_sender"]) == ("an answer to our notice", sender == LI)
    addition = await notice_of(world, case, NoticeKind.ADDITION)
    assert addition.recipient_id == "nanhu"


async def test_a_forged_token_opens_a_case_of_its_own(world: World) -> None:
    case, receipt = await opened(world)
    to = answer_address(b"another key, another key, another", receipt)
    forged = await send(world, 2, sender=WANG, To=to, text="Tell me all.")
    assert forged.outcome is Outcome.OPENED
    assert forged.number != case.number


@pytest.mark.parametrize("header", ["In_Reply_To", "References"])
async def test_an_answer_to_our_message_id_joins_its_case(world: World, header: str) -> None:
    case, receipt = await opened(world)
    answer = await send(world, 2, text="More.", **{header: receipt.message_id})
    assert (answer.outcome, answer.complaint_id) == (Outcome.ADDED, case.complaint_id)


async def test_what_is_answered_counts_more_than_what_is_also_referred_to(world: World) -> None:
    _, older = await opened(world, 1)
    case, newer = await opened(world, 2, text="Another matter.")
    for number, (answered, referred) in enumerate([(newer, older), (newer, newer)], 3):
        thread = {"In_Reply_To": answered.message_id, "References": f"{older.message_id} {referred.message_id}"}
        answer = await send(world, number, text=f"More {number}.", **thread)
        assert answer.complaint_id == case.complaint_id


async def test_an_answer_to_their_own_first_mail_joins_it(world: World) -> None:
    case, _ = await opened(world)
    answer = await send(world, 2, text="And another thing.", In_Reply_To="<1@customer.example>")
    assert (answer.outcome, answer.complaint_id) == (Outcome.ADDED, case.complaint_id)
    assert (await last_event(world, case, Tag.MESSAGE_ADDED)).detail["by"] == "an answer to an earlier message"


async def test_a_stranger_who_refers_to_it_opens_a_case(world: World) -> None:
    """A Message-ID of somebody's mail is no secret."""
    await opened(world)
    stranger = await send(world, 2, sender=WANG, text="Me too.", References="<1@customer.example>")
    assert stranger.outcome is Outcome.OPENED


async def test_somebody_who_writes_from_the_same_address_in_capitals_is_the_same(world: World) -> None:
    case, _ = await opened(world)
    answer = await send(world, 2, sender=LI.upper(), text="More.", In_Reply_To="<1@customer.example>")
    assert (answer.outcome, answer.complaint_id) == (Outcome.ADDED, case.complaint_id)


async def test_what_the_office_itself_writes_is_not_sent_to_it(world: World) -> None:
    case, _ = await opened(world)
    order = await notice_of(world, case, NoticeKind.ORDER)
    answer = await send(world, 2, sender=order.to, text="We look into it.", In_Reply_To=order.message_id)
    assert answer.outcome is Outcome.ADDED
    assert NoticeKind.ADDITION not in {n.kind for n in await world.notices(case.complaint_id or "")}


async def test_an_automatic_answer_is_kept_and_not_answered(world: World) -> None:
    case, receipt = await opened(world)
    before = await world.notices(case.complaint_id or "")
    to = answer_address(world.site.house.key, receipt)
    absent = await send(world, 2, To=to, Auto_Submitted="auto-replied", text="I am on leave.")
    assert (absent.outcome, absent.complaint_id) == (Outcome.AUTOMATIC, case.complaint_id)
    assert await world.notices(case.complaint_id or "") == before
    assert (await last_event(world, case, Tag.MESSAGE_AUTOMATIC)).detail["inbound"] == absent.inbound_id
    assert await world.deliver() == 0


async def test_an_automatic_mail_out_of_nowhere_is_kept_without_a_case(world: World) -> None:
    stray = await send(world, Auto_Submitted="auto-generated", text="Newsletter.")
    assert (stray.outcome, stray.complaint_id, stray.number) == (Outcome.AUTOMATIC, None, None)
    assert await world.site.store.read(cases) == 0
    assert [event.tag for event in await world.events(SITE)] == [Tag.MESSAGE_AUTOMATIC]
    assert await send(world, Auto_Submitted="auto-generated", text="Newsletter.") == stray


async def returned(world: World, notice: Notice, **how: str) -> Accepted:
    body = bounce(notice, **how)
    return await world.site.intake.accept(Raw(Channel.EMAIL, "complaints", f"dsn {how}", body, START))


async def receipt_duty(world: World, case: Accepted) -> Duty:
    owed = await world.site.store.read(duties.of_case, case.complaint_id or "")
    return next(duty for duty in owed if duty.rule_id == "receipt")


async def test_a_notice_that_came_back_is_undelivered_and_owed_again(world: World) -> None:
    case, receipt = await opened(world)
    assert (await receipt_duty(world, case)).state is DutyState.MET
    back = await returned(world, receipt)
    assert (back.outcome, back.complaint_id) == (Outcome.RETURNED, case.complaint_id)
    sent = await world.site.store.read(outbox.get, receipt.id)
    assert sent.state is NoticeState.UNDELIVERED
    assert "5.1.1" in (sent.reason or "")
    assert (await receipt_duty(world, case)).state is DutyState.OPEN
    tags = [event.tag for event in await world.events(case.complaint_id or "")]
    assert tags[-3:] == [Tag.MESSAGE_RETURNED, Tag.NOTICE_UNDELIVERED, Tag.DUTY_REOPENED]


async def test_a_second_bounce_changes_nothing_more(world: World) -> None:
    _, receipt = await opened(world)
    await returned(world, receipt)
    assert (await returned(world, receipt, status="5.2.2")).outcome is Outcome.RETURNED
    assert "5.1.1" in ((await world.site.store.read(outbox.get, receipt.id)).reason or "")
    assert await world.site.store.read(cases) == 1


async def test_a_warning_that_it_is_still_being_tried_is_no_return(world: World) -> None:
    case, receipt = await opened(world)
    warned = await returned(world, receipt, status="4.4.1", action="delayed")
    assert warned.outcome is Outcome.RETURNED
    assert (await world.site.store.read(outbox.get, receipt.id)).state is NoticeState.ACCEPTED
    assert (await receipt_duty(world, case)).state is DutyState.MET


async def test_a_bounce_of_what_we_never_sent_is_kept_without_a_case(world: World) -> None:
    _, receipt = await opened(world)
    foreign = receipt.model_copy(update={"message_id": "<spam@elsewhere.example>"})
    stray = await returned(world, foreign)
    assert (stray.outcome, stray.complaint_id) == (Outcome.RETURNED, None)
    assert [event.tag for event in await world.events(SITE)] == [Tag.MESSAGE_RETURNED]


async def test_the_same_form_with_more_in_it_is_added(world: World) -> None:
    """Back, corrected, sent again: one case."""
    first = Raw(Channel.WEB, "form", "f" * 22, b"form_id=" + b"f" * 22 + b"&text=Help", START)
    case = await world.site.intake.accept(first)
    more = Raw(Channel.WEB, "form", "f" * 22, b"form_id=" + b"f" * 22 + b"&text=Help+me+now", START)
    added = await world.site.intake.accept(more)
    assert (case.outcome, added.outcome) == (Outcome.OPENED, Outcome.ADDED)
    assert (added.number, added.secret) == (case.number, None)
