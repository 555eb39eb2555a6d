import json
from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from casefile.envelope import (
    Attachment,
    Bounce,
    BouncedRecipient,
    Call,
    Channel,
    Envelope,
    Nature,
    RawRef,
    Sender,
    Turn,
)
from casefile.inbound import Raw

RAW = RawRef(sha256="0" * 64, size=3)
FULL = Envelope(
    channel=Channel.EMAIL,
    external_id="<1@customer.example>",
    received_at=datetime(2026, 3, 2, 1, 2, 3, tzinfo=UTC),
    nature=Nature.BOUNCE,
    sender=Sender(name="李伟", email="li.wei@customer.example", phone="+8613800138000"),
    recipients=("complaints@bank.example",),
    attachments=(Attachment(name="a.pdf", size=3, sha256="0" * 64, content=b"pdf"),),
    bounce=Bounce(recipients=(BouncedRecipient(address="nanhu@bank.example", status="5.1.1"),)),
    call=Call(id="c1", turns=(Turn(speaker="customer", start_s=0.5, text="利率不对"),)),
    raw=RAW,
)
TOP = (
    "channel external_id received_at nature sender recipients subject text quoted full_text language attachments thread"
)


def test_the_printed_form_is_the_public_contract() -> None:
    printed = json.loads(Envelope(channel=Channel.WEB, raw=RAW).model_dump_json())
    assert set(printed) >= {*TOP.split(), "bounce", "call", "fields", "defects", "raw"}
    assert printed["sender"] == {"name": None, "email": None, "phone": None}
    assert printed["thread"] == {"in_reply_to": None, "references": [], "token": None}
    assert (printed["bounce"], printed["call"], printed["received_at"]) == (None, None, None)


def test_the_time_is_printed_in_utc_with_z() -> None:
    assert json.loads(FULL.model_dump_json())["received_at"] == "2026-03-02T01:02:03Z"


def test_the_content_of_an_attachment_is_never_printed() -> None:
    printed = json.loads(FULL.model_dump_json())["attachments"][0]
    assert set(printed) >= {"name", "content_type", "size", "sha256", "inline"}
    assert "content" not in printed
    assert "content=" not in repr(FULL.attachments[0])


def test_what_was_printed_can_be_read_again() -> None:
    again = Envelope.model_validate_json(FULL.model_dump_json())
    assert again.model_dump() == FULL.model_dump()


def test_an_unknown_field_is_refused() -> None:
    with pytest.raises(ValidationError, match="colour"):
        Envelope.model_validate({"channel": "web", "raw": {"sha256": "", "size": 0}, "colour": "red"})


def test_an_envelope_does_not_change() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        FULL.subject = "other"  # type: ignore[misc]


def test_raw_tells_two_messages_with_one_id_apart() -> None:
    one, two = (Raw(Channel.EMAIL, "inbox", "<1@customer.example>", body, datetime.now(UTC)) for body in (b"a", b"b"))
    assert one.content_hash != two.content_hash
    assert len(one.content_hash) == 64


def test_a_channel_may_say_what_makes_its_messages_equal() -> None:
    raw = Raw(Channel.WEB, "form", "key", b"--boundary--", datetime.now(UTC), content_hash="same")
    assert raw.content_hash == "same"
    assert "boundary" not in repr(raw)
