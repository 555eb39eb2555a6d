"""One letter: to whom, by which way, in which thread, with which links; frozen from then on."""

import hashlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from casefile.complaint import Complainant, Complaint
from casefile.envelope import Channel
from casefile.errors import InputError
from casefile.notice import Draft, NoticeKind, Urgency
from casefile.status import NoticeState
from casefile.token import digest, read_reply_token, tracking_secret
from notifier.write import COMPLAINANT, Known, Task, Writer, Written
from tests.notifier.conftest import WayOut
from tests.notifier.houses import KEY, PACK, house
from tests.people import ANONYMOUS, LI_WEI
from tests.samples import MONDAY, complaint, duty

TO_CUSTOMERS = (NoticeKind.RECEIPT, NoticeKind.PROGRESS, NoticeKind.DECISION, NoticeKind.REVISIT)
TO_OFFICES = (NoticeKind.ORDER, NoticeKind.REMINDER, NoticeKind.ADDITION)
BOTH = {Channel.EMAIL: WayOut(), Channel.SMS: WayOut()}
CASE = complaint(policy=PACK.ref)
NOTHING = Known()


def task(kind: NoticeKind = NoticeKind.RECEIPT, **special: object) -> Task:
    return replace(Task(kind, Urgency.TASK, due_at=MONDAY, send_at=MONDAY), **special)  # type: ignore[arg-type]


def write(
    case: Complaint = CASE, kind: NoticeKind = NoticeKind.RECEIPT, known: Known = NOTHING, **special: object
) -> Written:
    return Writer(house(BOTH)).write(case, task(kind, **special), known, MONDAY)


PHONE_ONLY = Complainant(phone="+8613800138000")
REACHED = [
    (Channel.EMAIL, LI_WEI, Channel.EMAIL),
    (Channel.WEB, LI_WEI, Channel.EMAIL),
    (Channel.SMS, LI_WEI, Channel.SMS),
    (Channel.HOTLINE, LI_WEI, Channel.SMS),
    (Channel.HOTLINE, Complainant(email="a@b.example"), Channel.EMAIL),
    (Channel.WEB, PHONE_ONLY, Channel.SMS),
]


@pytest.mark.parametrize(("came_by", "person", "goes_by"), REACHED)
def test_a_customer_is_answered_the_way_they_came(came_by: Channel, person: Complainant, goes_by: Channel) -> None:
    written = write(complaint(policy=PACK.ref, channel=came_by, complainant=person)).notice
    assert (written.recipient_id, written.channel, written.state) == (COMPLAINANT, goes_by, NoticeState.SCHEDULED)
    assert written.to == (person.phone if goes_by is Channel.SMS else person.email)
    assert written.next_at == MONDAY


@pytest.mark.parametrize("kind", TO_OFFICES)
def test_an_office_is_written_to_by_mail(kind: NoticeKind) -> None:
    written = write(complaint(policy=PACK.ref, channel=Channel.SMS), kind).notice
    assert (written.recipient_id, written.channel, written.to) == ("nanhu", Channel.EMAIL, "nanhu@bank.example")


@pytest.mark.parametrize("channel", list(Channel))
def test_whoever_cannot_be_reached_gets_a_letter_on_record(channel: Channel) -> None:
    written = write(complaint(policy=PACK.ref, channel=channel, complainant=ANONYMOUS)).notice
    assert (written.state, written.reason, written.next_at) == (NoticeState.WITHHELD, "no address is known", None)
    assert CASE.number.encode() in written.payload


def test_without_a_way_out_it_is_withheld_and_says_so() -> None:
    case = complaint(policy=PACK.ref, complainant=PHONE_ONLY)
    written = Writer(house({Channel.EMAIL: WayOut()})).write(case, task(), Known(), MONDAY).notice
    assert (written.state, written.reason) == (NoticeState.WITHHELD, "no sender for sms is configured")


class Refusing(WayOut):
    def compose(self, draft: Draft) -> bytes:
        raise InputError("a@b: not an e-mail address")


def test_an_address_that_no_mail_can_be_written_to_is_withheld_with_the_reason() -> None:
    written = Writer(house({Channel.EMAIL: Refusing()})).write(CASE, task(), Known(), MONDAY).notice
    assert (written.state, written.reason) == (NoticeState.WITHHELD, "a@b: not an e-mail address")
    assert CASE.number.encode() in written.payload


def test_a_letter_is_frozen_with_its_hash_and_an_id_of_its_own() -> None:
    first, second = write().notice, write().notice
    assert first.id != second.id
    assert first.message_id == f"<n.{first.id}@bank.example>"
    assert first.payload_sha256 == hashlib.sha256(first.payload).hexdigest()


class Keeping(WayOut):
    draft: Draft

    def compose(self, draft: Draft) -> bytes:
        self.draft = draft
        return b""


def drafted(case: Complaint, kind: NoticeKind, known: Known = NOTHING, words: str = "") -> Draft:
    way = Keeping()
    Writer(house({Channel.EMAIL: way})).write(case, task(kind, words=words), known, MONDAY)
    return way.draft


def test_a_customer_reads_one_thread_and_an_office_another() -> None:
    case = complaint(policy=PACK.ref, thread_id="<1@customer.example>")
    known = Known(threads={COMPLAINANT: ["<n.1@bank.example>"], "nanhu": ["<n.2@bank.example>"]})
    to_customer, to_office = drafted(case, NoticeKind.DECISION, known), drafted(case, NoticeKind.REMINDER, known)
    assert to_customer.references == ("<1@customer.example>", "<n.1@bank.example>")
    assert to_customer.in_reply_to == "<1@customer.example>"
    assert to_office.references == ("<n.2@bank.example>",)
    assert drafted(case, NoticeKind.ORDER).in_reply_to is None


def test_the_reply_address_leads_back_to_the_notice() -> None:
    draft = drafted(CASE, NoticeKind.RECEIPT)
    assert read_reply_token(KEY, draft.reply_token) == draft.notice_id


def test_only_what_a_person_wrote_is_not_automatic() -> None:
    assert drafted(CASE, NoticeKind.PROGRESS).automatic
    assert not drafted(CASE, NoticeKind.PROGRESS, words="正在办理。").automatic


@pytest.mark.parametrize(
    ("kind", "purposes"), [(k, ["desk"]) for k in TO_OFFICES] + [(NoticeKind.REVISIT, ["revisit"])]
)
def test_a_link_is_for_one_case_one_purpose_and_one_office(kind: NoticeKind, purposes: list[str]) -> None:
    letter = write(kind=kind)
    assert [link.purpose for link in letter.links.values()] == purposes
    for token, link in letter.links.items():
        assert f"https://complaints.bank.example/{link.purpose}/{token}".encode() in letter.notice.payload
        assert (link.complaint_id, link.notice_id) == (CASE.id, letter.notice.id)
        assert link.office_id == ("nanhu" if link.purpose == "desk" else None)
        assert link.issued_at == MONDAY < link.expires_at
        assert len(digest(token)) == 64
    assert write(kind=kind).links.keys() != letter.links.keys()


@pytest.mark.parametrize("kind", [NoticeKind.RECEIPT, NoticeKind.PROGRESS, NoticeKind.DECISION])
def test_no_link_where_none_is_needed(kind: NoticeKind) -> None:
    assert write(kind=kind).links == {}


@pytest.mark.parametrize(("channel", "shown"), [(Channel.EMAIL, True), (Channel.SMS, True), (Channel.WEB, False)])
def test_the_secret_goes_only_to_an_address_that_is_proven(channel: Channel, shown: bool) -> None:
    """Anybody can type somebody else's address into a form."""
    written = write(complaint(policy=PACK.ref, channel=channel)).notice
    assert (tracking_secret(KEY, CASE.id).encode() in written.payload) is shown


WILD = st.text(st.characters(categories=("L",)), min_size=8, max_size=30).filter(lambda text: not text.isascii())


@given(WILD, WILD, WILD)
def test_a_receipt_repeats_nothing_that_the_sender_wrote(name: str, subject: str, text: str) -> None:
    """F2: or it would carry a spammer's words to whoever's address was typed into the form."""
    case = complaint(policy=PACK.ref, complainant=LI_WEI.model_copy(update={"name": name}), subject=subject, text=text)
    written = write(case, known=Known(duties=[duty(what="decision", rule_id="decision")]))
    letter = written.notice.payload.decode() + written.notice.subject
    assert not [word for word in (name, subject, text) if word in letter]


def test_a_letter_tells_what_is_due_and_why() -> None:
    decision = duty(what="decision", rule_id="decision", cite="5")
    letter = write(kind=NoticeKind.ORDER, known=Known(duties=[decision], reasons=["branch-named"])).notice
    text = letter.payload.decode()
    assert "2026年3月2日" in letter.subject
    assert "《默认投诉处理办法》第5条" in text
    assert "branch-named" in text
    assert CASE.text in text


def test_occurrences_count_what_the_recipient_got() -> None:
    known = Known(threads={COMPLAINANT: ["<n.1@x>", "<n.2@x>"]})
    assert write(known=known).notice.occurrence == 3
    assert write(known=known, occurrence=7).notice.occurrence == 7
    assert write(duty=duty(rule_id="progress")).notice.rule_id == "progress"
    assert write(rule="said.progress", duty=duty()).notice.rule_id == "said.progress"
    assert write(duty=duty()).notice.duty_id == duty().id
