import json
import unicodedata
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from casefile.envelope import Nature
from channels.sms.parse import parse

GOLDEN = Path(__file__).parents[1] / "golden" / "sms"
SAMPLES = sorted(path for path in GOLDEN.iterdir() if not path.name.endswith(".expected.json"))
NOON = datetime(2026, 3, 2, 4, tzinfo=UTC)


def webhook(**values: str) -> bytes:
    usual = {"MessageSid": "SM1", "From": "+8613800138000", "To": "+861012345678", "Body": "卡被吞了"}
    return urlencode(usual | values).encode()


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.name)
def test_a_saved_webhook_gives_the_expected_envelope(sample: Path) -> None:
    expected = json.loads((GOLDEN / f"{sample.name}.expected.json").read_text("utf-8"))
    assert parse(sample.read_bytes()).model_dump(mode="json", exclude_defaults=True) == expected


def test_there_are_samples_in_both_languages() -> None:
    assert len([path for path in SAMPLES if path.name.startswith("zh-")]) >= 3
    assert len([path for path in SAMPLES if path.name.startswith("en-")]) >= 3


@pytest.mark.parametrize(
    "word",
    ["STOP", "stopall", "Unsubscribe", "CANCEL", "end", "QUIT", "revoke", "OptOut", "退订", "TD", "t", " ＴＤ\n"],
)
def test_the_bare_word_opts_out(word: str) -> None:
    assert parse(webhook(Body=word)).nature is Nature.OPT_OUT


@pytest.mark.parametrize("word", ["START", "unstop", "Start "])
def test_the_bare_word_opts_in(word: str) -> None:
    assert parse(webhook(Body=word)).nature is Nature.OPT_IN


@pytest.mark.parametrize("text", ["STOP please", "请帮我退订短信", "stop.", "T恤", "yes", "HELP", "", "不要cancel"])
def test_anything_more_than_the_word_is_a_message(text: str) -> None:
    assert parse(webhook(Body=text)).nature is Nature.MESSAGE


@pytest.mark.parametrize(
    ("judged", "nature"), [("STOP", Nature.OPT_OUT), ("START", Nature.OPT_IN), ("HELP", Nature.MESSAGE)]
)
def test_the_provider_s_own_judgement_wins_over_the_words(judged: str, nature: Nature) -> None:
    assert parse(webhook(Body="stop", OptOutType=judged)).nature is nature


def test_received_at_is_passed_through() -> None:
    assert parse(webhook(), NOON).received_at == NOON


def test_a_number_without_country_code_belongs_to_the_region() -> None:
    assert parse(webhook(From="2025550123"), region="US").sender.phone == "+12025550123"
    assert parse(webhook(From="13800138000"), region="US").sender.phone is None


def test_the_older_name_of_the_sid_is_understood() -> None:
    assert parse(b"SmsSid=SM7&Body=hi&From=%2B12025550123").external_id == "SM7"


def test_a_field_sent_twice_keeps_the_first_and_says_so() -> None:
    envelope = parse(webhook() + b"&Body=other")
    assert envelope.text == "卡被吞了"
    assert "Body: sent more than once, the first one used" in envelope.defects


def test_a_large_unknown_field_stays_in_the_raw_message_and_is_reported() -> None:
    envelope = parse(webhook(Small="kept", Large="x" * 501))
    assert envelope.fields == {"Small": "kept"}
    assert envelope.defects == ("fields: 1 too long or too many, kept in the raw message only",)


def test_broken_json_is_kept_whole() -> None:
    assert parse(b'{"Body": "half').text == '{"Body": "half'


@pytest.mark.parametrize("depth", [100, 900, 1_000, 100_000])
def test_deep_nesting_neither_raises_nor_loses_the_message(depth: int) -> None:
    body = b'{"Body":"hi","x":' + b"[" * depth + b"]" * depth + b"}"
    assert "hi" in parse(body).text


@given(st.binary())
def test_no_bytes_make_it_raise(raw: bytes) -> None:
    envelope = parse(raw, NOON)
    assert envelope.raw.size == len(raw)
    assert json.loads(envelope.model_dump_json())["channel"] == "sms"


@given(
    st.dictionaries(st.sampled_from(["MessageSid", "From", "To", "Body", "MediaUrl0", "OptOutType", "X"]), st.text())
)
def test_form_and_json_give_the_same_envelope(values: dict[str, str]) -> None:
    form, body = parse(urlencode(values, errors="replace").encode()), parse(json.dumps(values).encode())
    if values.keys() & {"MessageSid", "From", "Body"}:
        assert form.model_copy(update={"raw": body.raw}) == body


@given(st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1))
def test_the_words_of_the_customer_are_kept(text: str) -> None:
    assert parse(webhook(Body=text)).text == unicodedata.normalize("NFC", text)
