import json
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from casefile.envelope import Channel
from channels.web.multipart import content_hash
from channels.web.parse import parse
from tests.channels.web_stage import NOON, form_body

GOLDEN = Path(__file__).parents[1] / "golden" / "web"
SAMPLES = sorted(path for path in GOLDEN.iterdir() if not path.name.endswith(".expected.json"))
MEGABYTE = 2**20


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.name)
def test_a_saved_body_gives_the_expected_envelope(sample: Path) -> None:
    expected = json.loads((GOLDEN / f"{sample.name}.expected.json").read_text("utf-8"))
    assert parse(sample.read_bytes()).model_dump(mode="json", exclude_defaults=True) == expected


def test_there_are_samples_of_every_form() -> None:
    assert {path.suffix for path in SAMPLES} == {".multipart", ".urlencoded", ".json"}


@given(st.binary() | st.binary().map(lambda noise: b'{"text":' + noise) | st.binary().map(lambda n: b"--x\r\n" + n))
def test_no_bytes_make_it_raise(raw: bytes) -> None:
    envelope = parse(raw)
    assert envelope.channel is Channel.WEB
    assert envelope.model_dump_json()


@given(st.text(max_size=200), st.text(max_size=200))
def test_every_text_comes_out_fit_for_storing(text: str, name: str) -> None:
    envelope = parse(form_body({"text": text.encode("utf-8", "replace").decode(), "name": "x"}, files={"a": b"1"}))
    stored = envelope.model_dump_json() + parse(json.dumps({"text": text, "name": name}).encode()).model_dump_json()
    assert "\x00" not in stored
    stored.encode()


def test_received_at_is_passed_through() -> None:
    assert parse(b"text=hi", NOON).received_at == NOON


@pytest.mark.parametrize("raw", [b"", b"hello world", b"{", b'{"a":' * 5000, b"[1]", b"--x\r\n", b"--x\r\nrubbish"])
def test_what_cannot_be_read_is_an_empty_envelope_with_a_defect(raw: bytes) -> None:
    envelope = parse(raw)
    assert envelope.text == ""
    assert envelope.defects


def test_a_cut_off_form_keeps_what_had_come() -> None:
    whole = form_body({"text": "卡被吞了"}, files={"slip.txt": b"0123456789"})
    envelope = parse(whole[: whole.index(b"56789")])
    assert envelope.text == "卡被吞了"
    assert [file.content for file in envelope.attachments] == [b"01234"]
    assert "multipart: ends before its last boundary" in envelope.defects


def test_two_addresses_in_one_field_are_not_an_address() -> None:
    twice = parse(b"text=hi&email=li.wei@customer.example&email=mallory@attacker.example")
    listed = parse(b'{"text": "hi", "email": ["li.wei@customer.example", "mallory@attacker.example"]}')
    assert twice.sender.email is listed.sender.email is None
    assert "email" in twice.fields
    assert "email" in listed.fields


def test_an_idempotency_key_in_the_body_is_the_external_id() -> None:
    assert parse(b'{"text": "hi", "idempotency_key": "k-1"}').external_id == "k-1"
    assert parse(b"text=hi&form_id=f-1").external_id == "f-1"


def test_a_filled_honeypot_is_flagged_and_kept() -> None:
    envelope = parse(b"text=hi&website=http://spam.example")
    assert envelope.text == "hi"
    assert "honeypot: filled" in envelope.defects


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\fakepath\\回单.pdf", "回单.pdf"),
        ("\u200b.htaccess", "htaccess"),
        ("abc\u202efdp.exe", "abc fdp.exe"),
        ("a\x00b.txt", "a b.txt"),
    ],
)
def test_attachment_names_are_only_names(given: str, kept: str) -> None:
    body = {"text": "hi", "attachments": [{"name": given, "content_base64": "aGk="}]}
    assert [file.name for file in parse(json.dumps(body).encode()).attachments] == [kept]


@pytest.mark.parametrize(
    "raw",
    [
        form_body({f"f{n}": "x" for n in range(100_000)}),
        form_body(dict.fromkeys(("text", "name", "email", "phone", "contact", "branch", "form_id"), "字" * MEGABYTE)),
        form_body(dict.fromkeys(("text", "name", "email", "product"), "a" + "\u0301\u0316" * MEGABYTE)),
        form_body({"text": "hi"}, files={"a" + "\u0301\u0316" * 3_000: b"1"}),
        b"text=" + b"%41" * 8 * MEGABYTE,
        b"&".join(b"a=b" for _ in range(MEGABYTE)),
        json.dumps({"text": "x" * MEGABYTE, "attachments": [{"name": "e\u0301\u0316" * MEGABYTE}]}).encode(),
        b'{"a": [' + b"[]," * 4 * MEGABYTE,
        b'{"a": ' + b"[" * MEGABYTE,
        b"--x\r\n" * MEGABYTE,
        b"--" + b"x" * MEGABYTE,
    ],
    ids=[
        "100k parts",
        "1 MB fields",
        "marks",
        "marks in name",
        "url",
        "pairs",
        "names",
        "wide",
        "deep",
        "lines",
        "line",
    ],
)
def test_hostile_bodies_take_no_more_than_two_seconds(raw: bytes) -> None:
    started = time.process_time()
    parse(raw)
    assert time.process_time() - started < 2


def test_only_so_many_parts_and_pairs_are_read() -> None:
    assert len(parse(form_body({f"f{n}": "x" for n in range(300)})).fields) == 200
    assert len(parse(b"&".join(b"f%d=x" % n for n in range(300))).fields) == 200


def test_a_double_click_has_one_content_hash() -> None:
    fields, files = {"text": "卡被吞了", "form_id": "f-1"}, {"slip.txt": b"\r\n--not a boundary\r\n"}
    first = form_body(fields, "----browser1", files)
    assert content_hash(first) == content_hash(form_body(fields, "----browser2longer", files))
    assert content_hash(first) != content_hash(form_body(fields | {"text": "卡被吞了！"}, "----browser1", files))
    assert content_hash(b"text=a") != content_hash(b"text=b")
