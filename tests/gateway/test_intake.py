"""What comes in is kept before anything else, becomes one case, and is never lost to what is odd about it."""

import asyncio
from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.engine import Connection

from casefile.audit import Tag
from casefile.blobs import Blobs
from casefile.envelope import Channel, Envelope
from casefile.errors import StorageUnavailable
from casefile.failpoint import VARIABLE, PlannedFailure
from casefile.inbound import Outcome, Raw
from casefile.store import complaints, duties, inbound
from casefile.store.tables import complaint
from casefile.store.tables import inbound as inbound_table
from gateway.intake import Intake
from tests.gateway.letters import LI, mail, raw
from tests.gateway.world import START, World

LATER = START + timedelta(minutes=5)


def numbers(tx: Connection) -> list[str]:
    return list(tx.execute(sa.select(complaint.c.number).order_by(complaint.c.number)).scalars())


def kept(tx: Connection) -> Counter[str]:
    return Counter(tx.execute(sa.select(inbound_table.c.state)).scalars())


async def test_a_mail_becomes_a_case_with_all_that_is_owed_for_it(world: World) -> None:
    body = mail()
    accepted = await world.site.intake.accept(raw(body))
    assert (accepted.outcome, accepted.number) == (Outcome.OPENED, "HY-2026-000001")
    assert accepted.secret
    assert accepted.complaint_id
    case = await world.case(accepted.complaint_id)
    assert (case.complainant.email, case.office_id, case.received_at) == (LI, "nanhu", START)
    assert case.text == "南湖支行三个窗口只开一个。"
    notices = await world.notices(case.id)
    assert {(n.kind, n.recipient_id) for n in notices} == {
        ("receipt", "complainant"),
        ("order", "nanhu"),
        ("progress", "complainant"),
        ("reminder", "nanhu"),
    }
    owed = await world.site.store.read(duties.of_case, case.id)
    assert {d.rule_id for d in owed} == {"receipt", "order", "progress", "reminder", "decision"}
    tags = [event.tag for event in await world.events(case.id)]
    assert tags[:2] == [Tag.CASE_OPENED, Tag.CASE_ROUTED]
    assert tags.count(Tag.DUTY_OWED) == 5
    assert tags.count(Tag.NOTICE_PLANNED) == 4
    assert (await world.site.store.read(complaints.route_of, case.id))["office"] == "nanhu"
    [envelope] = await world.site.store.read(inbound.of_case, case.id)
    assert world.site.blobs.get(envelope.raw.sha256) == body


async def test_attachments_are_kept_by_their_hash(world: World) -> None:
    text = (
        'x\r\n--b\r\nContent-Type: image/png\r\nContent-Disposition: attachment; filename="p.png"\r\n\r\nPNG\r\n--b--'
    )
    body = mail(text=f"--b\r\n\r\n{text}").replace(b"text/plain; charset=utf-8", b"multipart/mixed; boundary=b")
    accepted = await world.site.intake.accept(raw(body))
    [file] = (await world.case(accepted.complaint_id or "")).attachments
    assert (file.name, world.site.blobs.get(file.sha256)) == ("p.png", b"PNG")


async def test_twenty_copies_at_once_are_one_case(world: World) -> None:
    """A9: a provider that calls twice, or twenty times, gets twenty times the same answer."""
    answers = await asyncio.gather(*(world.site.intake.accept(raw(mail())) for _ in range(20)))
    assert {(a.number, a.secret, a.inbound_id) for a in answers} == {
        ("HY-2026-000001", answers[0].secret, answers[0].inbound_id)
    }
    assert await world.site.store.read(numbers) == ["HY-2026-000001"]


async def test_one_mail_to_many_mailboxes_is_one_case(world: World) -> None:
    """Each copy passed through servers of its own, and all are fetched at the same time."""
    copies = [raw(b"Received: from mx%d.bank.example\r\n" % n + mail(), mailbox=f"box{n}", at=START) for n in range(8)]
    answers = await asyncio.gather(*(world.site.intake.accept(copy) for copy in copies))
    assert Counter(answer.outcome for answer in answers) == {Outcome.OPENED: 1, Outcome.REPEATED: 7}
    assert {answer.number for answer in answers} == {"HY-2026-000001"}
    assert await world.site.store.read(numbers) == ["HY-2026-000001"]


async def test_a_form_that_is_sent_twice_shows_the_same_number(world: World) -> None:
    form = Raw(Channel.WEB, "form", "form-1", b"form_id=form-1&text=Help", START)
    first = await world.site.intake.accept(form)
    again = await world.site.intake.accept(replace(form, received_at=LATER))
    assert (again.number, again.secret) == (first.number, first.secret)
    assert await world.site.store.read(numbers) == [first.number]


async def test_many_different_mails_at_once_are_as_many_cases(world: World) -> None:
    mails = [raw(mail(n, text=f"第{n}封"), n) for n in range(15)]
    answers = await asyncio.gather(*(world.site.intake.accept(one) for one in mails))
    assert {answer.outcome for answer in answers} == {Outcome.OPENED}
    assert await world.site.store.read(numbers) == [f"HY-2026-{n:06d}" for n in range(1, 16)]


async def test_a_parser_that_breaks_still_gives_a_case(world: World) -> None:
    """A5: the message after it is not held up, and a person finds this one."""
    intake = with_parser(world, broken)
    accepted = await intake.accept(raw(mail()))
    assert (accepted.outcome, accepted.number) == (Outcome.OPENED, "HY-2026-000001")
    case = await world.case(accepted.complaint_id or "")
    assert (case.office_id, "original" in case.text) == ("desk", True)
    assert Tag.MESSAGE_SHUNTED in [event.tag for event in await world.events(case.id)]
    assert await world.site.store.read(kept) == {"shunted": 1}
    [envelope] = await world.site.store.read(inbound.of_case, case.id)
    assert envelope.defects == ("shunted: RecursionError",)
    assert await intake.accept(raw(mail())) == accepted


def broken(_body: bytes, _received_at: datetime | None) -> Envelope:
    raise RecursionError("too deep")


def with_parser(world: World, parse: object) -> Intake:
    return replace(world.site.intake, parsers={Channel.EMAIL: parse})


async def test_nothing_is_accepted_when_the_disk_takes_no_bytes(world: World, tmp_path: Path) -> None:
    full = tmp_path / "full"
    full.write_bytes(b"")
    with pytest.raises(StorageUnavailable, match="cannot store"):
        await replace(world.site.intake, blobs=Blobs(full)).accept(raw(mail()))
    assert await world.site.store.read(kept) == Counter()


@pytest.mark.parametrize("place", ["intake.raw_committed", "parse.done", "plan.before_commit", "plan.committed"])
async def test_wherever_it_broke_it_can_be_sent_again(
    world: World, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    """A10: no answer, so no number; whoever tries again gets the one number of the one case."""
    monkeypatch.setenv(VARIABLE, f"{place}=raise:1")
    shown = None
    if place == "parse.done":  # a fault of ours while reading it: shunted, which is an answer
        shown = (await world.site.intake.accept(raw(mail()))).number
    else:
        with pytest.raises(PlannedFailure):
            await world.site.intake.accept(raw(mail()))
    monkeypatch.delenv(VARIABLE)
    again = await world.site.intake.accept(raw(mail()))
    assert again.number == "HY-2026-000001"
    assert shown in (None, again.number)
    assert await world.site.store.read(numbers) == [again.number]


async def test_what_was_left_behind_is_taken_up_later(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "intake.raw_committed=raise:1")
    for number in range(3):
        with pytest.raises(PlannedFailure):
            await world.site.intake.accept(raw(mail(number), number))
    monkeypatch.delenv(VARIABLE)
    assert await world.site.intake.process_waiting(START) == 0
    assert await world.site.intake.process_waiting(LATER) == 3
    assert await world.site.store.read(kept) == {"processed": 3}
    assert len(await world.site.store.read(numbers)) == 3


async def test_one_that_cannot_be_taken_up_does_not_keep_the_others(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Its bytes were damaged on the disk; nobody but a person with a backup can help that one."""
    monkeypatch.setenv(VARIABLE, "intake.raw_committed=raise:1")
    for number in range(3):
        with pytest.raises(PlannedFailure):
            await world.site.intake.accept(raw(mail(number), number, at=START + timedelta(seconds=number)))
    monkeypatch.delenv(VARIABLE)
    world.site.blobs.path(raw(mail(0), 0).content_hash).write_bytes(b"damaged")
    await world.site.intake.process_waiting(LATER)
    assert await world.site.store.read(kept) == {"stored": 1, "processed": 2}
    assert "still waiting" in caplog.messages


@given(st.text(alphabet=st.characters(exclude_categories=()), max_size=200))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_whatever_is_written_is_stored(world: World, text: str) -> None:
    """A6: NUL and lone surrogates included, in every place that a sender can write to."""
    wild = text.encode("utf-8", "surrogatepass")
    body = mail().replace("南湖".encode(), wild).replace(b"loan", wild.replace(b"\n", b"").replace(b"\r", b""))
    accepted = await world.site.intake.accept(Raw(Channel.EMAIL, "complaints", text, body + wild, START))
    form = b"form_id=" + wild.hex().encode() + b"&text=x" + b"".join(b"%%%02x" % byte for byte in wild)
    posted = await world.site.intake.accept(Raw(Channel.WEB, "form", text, form, START))
    for answer in (accepted, posted):
        assert answer.complaint_id
        assert answer.outcome is not Outcome.AUTOMATIC
    assert "shunted" not in await world.site.store.read(kept)


EVERY = [chr(code) for code in range(0x110000)]


@pytest.mark.parametrize("start", range(0, 0x110000, 0x22000))
async def test_every_character_there_is_is_stored(world: World, start: int) -> None:
    text = "".join(EVERY[start : start + 0x22000])
    form = "&".join(["form_id=all", "text=x", f"name={start}"]).encode()
    envelope = world.site.intake.parsers[Channel.WEB](form + b"", START)
    wild = world.site.intake.parsers[Channel.EMAIL](mail(text="x") + text.encode("utf-8", "surrogatepass"), START)
    assert envelope.text == "x"
    accepted = await world.site.intake.accept(raw(mail(start), start), wild)
    assert (await world.case(accepted.complaint_id or "")).text == wild.text
    assert await world.site.store.read(kept) == {"processed": 1}
