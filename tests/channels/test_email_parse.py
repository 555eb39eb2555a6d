"""Mail as it really comes, read into envelopes. Expected results lie beside the raw mails in tests/golden/email."""

import json
import random
import time
import unicodedata
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from casefile.envelope import Envelope
from channels.email.parse import message_id, parse

GOLDEN = Path(__file__).parents[1] / "golden" / "email"
NAMES = sorted(file.stem for file in GOLDEN.glob("*.eml"))
WHEN = datetime(2026, 3, 2, 1, 2, 3, tzinfo=UTC)


def golden(name: str) -> bytes:
    return (GOLDEN / f"{name}.eml").read_bytes()


@pytest.mark.parametrize("name", NAMES)
def test_golden(name: str) -> None:
    expected = json.loads((GOLDEN / f"{name}.json").read_text("utf-8"))
    assert parse(golden(name)).model_dump(mode="json") == expected


def test_every_golden_mail_is_there() -> None:
    assert len(NAMES) >= 60
    assert {file.stem for file in GOLDEN.glob("*.json")} == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_line_ends_do_not_matter(name: str) -> None:
    raw = golden(name)
    unix = parse(raw.replace(b"\r\n", b"\n"))
    assert (unix.text, unix.subject, unix.thread, unix.nature) == (
        parse(raw).text,
        parse(raw).subject,
        parse(raw).thread,
        parse(raw).nature,
    )


def test_the_mailbox_knows_better_than_the_sender_when_it_came() -> None:
    assert parse(golden("plain-zh"), WHEN).received_at == WHEN
    assert parse(b"Date: nonsense\n\nx").received_at is None


def test_attachment_content_travels_but_is_never_printed() -> None:
    envelope = parse(golden("mixed-attachment"))
    assert envelope.attachments[0].content == b"%PDF-1.4 receipt"
    assert "content" not in envelope.model_dump()["attachments"][0]


@pytest.mark.parametrize("name", NAMES)
def test_message_id_alone_agrees_with_the_whole(name: str) -> None:
    assert message_id(golden(name)) == (parse(golden(name)).external_id or "")


# --- whatever comes --------------------------------------------------------------------------------------------------


def strings(envelope: Envelope) -> Iterator[str]:
    def walk(value: object) -> Iterator[str]:
        if isinstance(value, str):
            yield value
        elif isinstance(value, dict):
            for entry in value.values():
                yield from walk(entry)
        elif isinstance(value, list):
            for entry in value:
                yield from walk(entry)

    return walk(envelope.model_dump(mode="json"))


def assert_clean(envelope: Envelope) -> None:
    for text in strings(envelope):
        text.encode("utf-8")
        assert "\x00" not in text
        assert "\r" not in text
    for text in (envelope.text, envelope.full_text, envelope.quoted):
        assert unicodedata.is_normalized("NFC", text)
    one_line = [envelope.subject, envelope.sender.name, envelope.sender.email, envelope.external_id]
    one_line += [*envelope.recipients, *envelope.thread.references, envelope.thread.in_reply_to]
    assert not any("\n" in text or "\x1b" in text for text in one_line if text)
    for attachment in envelope.attachments:
        assert attachment.name
        assert not set(attachment.name) & set("/\\\x00\n")
        assert not attachment.name.startswith(".")
    assert Envelope.model_validate_json(envelope.model_dump_json()).text == envelope.text


@given(st.binary(max_size=3000))
def test_any_bytes(raw: bytes) -> None:
    assert_clean(parse(raw))


header_text = st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass")) | st.binary(max_size=200)
header_name = st.sampled_from(
    [
        *(b"From", b"To", b"Subject", b"Date", b"Received", b"Message-ID", b"References", b"In-Reply-To"),
        *(b"Content-Type", b"Content-Disposition", b"Content-Transfer-Encoding", b"Delivered-To", b"Auto-Submitted"),
    ]
)
header_value = header_text | st.sampled_from(
    [
        *(b"multipart/mixed; boundary=b", b"multipart/alternative; boundary=b", b"message/rfc822", b"text/html"),
        *(b"multipart/report; boundary=b", b"message/delivery-status", b"text/plain; charset=gb2312", b"base64"),
        *(b"quoted-printable", b"x-uuencode", b'attachment; filename="=?utf-8?b?4piD?="', b"=?gbk?q?=B0?= <a@[b"),
        *(b"attachment; filename*0*=utf-8''%e4; filename*1*=%bd%a0", b"text/plain; charset=utf-7"),
    ]
)


@given(st.lists(st.tuples(header_name, header_value), max_size=8), st.lists(st.binary(max_size=200), max_size=5))
def test_any_headers_and_parts(headers: list[tuple[bytes, bytes]], parts: list[bytes]) -> None:
    head = b"".join(name + b": " + value + b"\r\n" for name, value in headers)
    assert_clean(parse(head + b"\r\n" + b"\r\n--b\r\n".join([b"", *parts])))


@given(st.sampled_from(NAMES), st.integers(0, 2**32))
@settings(max_examples=300)
def test_damaged_mail(name: str, seed: int) -> None:
    """Bytes changed, cut out and doubled, as bad relays and worse people do."""
    chance = random.Random(seed)
    raw = bytearray(golden(name)[:20_000])
    for _ in range(chance.randint(1, 8)):
        at = chance.randrange(len(raw) + 1)
        raw[at : at + chance.randint(0, 40)] = chance.randbytes(chance.randint(0, 20))
    assert_clean(parse(bytes(raw)))


def headers(line: bytes, count: int) -> bytes:
    return b"From: a@b.example\r\n" + line * count + b"\r\nHelp."


KILLERS = {
    "deep-multipart": b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(3000)
    ),
    "deep-rfc822": b"Content-Type: message/rfc822\r\n\r\n" * 2000 + b"Help.",
    "many-parts": b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\nx\r\n" * 20_000,
    "many-recipients": b"To: " + b", ".join(b"a%d@b.example" % n for n in range(100_000)) + b"\r\n\r\nHelp.",
    "many-headers": headers(b"To: a@b.example\r\n", 50_000),
    "many-encoded-words": b"Subject: " + b"=?utf-8?q?a?= " * 20_000 + b"\r\n\r\nHelp.",
    "parentheses": b"From: " + b"(" * 100_000 + b"\r\n\r\nHelp.",
    "unclosed-quotes": b"From: " + b'"\\' * 32_000 + b"\r\n\r\nHelp.",
    "on-on-on": b"\r\n" + b"On " * 300_000,
    "on-lines": b"\r\n" + b"On x\r\n" * 50_000,
    "header-lines": b"\r\n" + b"From: x\r\nDate: y\r\n" * 30_000,
    "dashes": b"\r\n" + b"-----\r\n\r\n" * 30_000,
    "html-deep": b"Content-Type: text/html\r\n\r\n" + b"<div>" * 100_000 + b"Help.",
    "html-unclosed": b"Content-Type: text/html\r\n\r\n" + b"<!--" * 100_000,
    "html-entities": b"Content-Type: text/html\r\n\r\n" + b"&amp;lt;" * 60_000,
    "punycode": b"Content-Type: text/plain; charset=punycode\r\n\r\n" + b"a" * 100_000 + b"-" + b"z" * 100_000,
    "uuencode": b"\r\n" + b"begin 644 x\n" * 50_000,
    "bounce-prose": b"Return-Path: <>\r\nSubject: failure notice\r\n\r\n" + b"deliver a b c " * 50_000,
    "bounce-addresses": b"Return-Path: <>\r\nSubject: failure notice\r\n\r\n" + b"a.a.a@" * 100_000,
}


@pytest.mark.parametrize("name", KILLERS)
def test_no_mail_takes_the_mailbox_down(name: str) -> None:
    began = time.process_time()
    assert_clean(parse(KILLERS[name]))
    assert time.process_time() - began < 10


def test_what_the_parser_cannot_take_is_still_a_message_from_somebody() -> None:
    envelope = parse(b"From: li.wei@customer.example\r\nSubject: deep\r\n" + KILLERS["deep-rfc822"])
    assert envelope.sender.email == "li.wei@customer.example"
    assert envelope.subject == "deep"
    assert envelope.defects[0].startswith("parser: RecursionError")
    assert b"Help." in (envelope.attachments[0].content or b"")


def test_nothing_vanishes_behind_a_quotation() -> None:
    """What is not in `text` is in `quoted`; `full_text` has everything."""
    for name in NAMES:
        envelope = parse(golden(name))
        kept = f"{envelope.text}\n{envelope.quoted}"
        assert all(line.strip() in kept for line in envelope.full_text.split("\n")), name
