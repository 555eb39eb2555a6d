import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.hotline.parse import parse

GOLDEN = Path(__file__).parents[1] / "golden" / "hotline"
SAMPLES = sorted(path for path in GOLDEN.iterdir() if not path.name.endswith(".expected.json"))
NINE = datetime(2026, 3, 2, 1, tzinfo=UTC)  # 09:00 in China
DIALOGUE = "坐席: 您好\n客户: 我要投诉西城支行"


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.name)
def test_a_transcript_gives_the_expected_envelope(sample: Path) -> None:
    expected = json.loads((GOLDEN / f"{sample.name}.expected.json").read_text("utf-8"))
    assert parse(sample.read_bytes()).model_dump(mode="json", exclude_defaults=True) == expected


def test_there_are_samples_in_both_languages() -> None:
    assert len([path for path in SAMPLES if path.name.startswith("zh-")]) >= 3
    assert len([path for path in SAMPLES if path.name.startswith("en-")]) >= 3


@pytest.mark.parametrize("charset", ["utf-8", "utf-8-sig", "gb18030", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("text", [DIALOGUE, "Agent: Hello\nCaller: The branch was closed.", "客户: 卡被吞了"])
def test_every_charset_gives_the_same_words(text: str, charset: str) -> None:
    envelope = parse(text.encode(charset))
    assert envelope.full_text == text
    assert envelope.defects == ()


def test_a_stray_nul_does_not_make_it_utf16() -> None:
    assert parse(b"Agent: Hello\x00\nCustomer: My card was swallowed.").text == "My card was swallowed."


def test_unreadable_bytes_are_replaced_and_reported() -> None:
    envelope = parse(b"Customer: my card \xff\xff\xff")
    assert envelope.text.startswith("my card \ufffd")
    assert envelope.defects == ("charset: not UTF-8, GB18030 or UTF-16; unreadable bytes replaced",)


def test_the_complaint_was_received_when_the_call_began() -> None:
    raw = f"开始时间: 2026-03-02 09:00:00\n{DIALOGUE}".encode()
    assert parse(raw, NINE + timedelta(days=1)).received_at == NINE


def test_a_call_from_the_future_was_received_when_it_was_handed_over() -> None:
    raw = f"开始时间: 2036-03-02 09:00:00\n{DIALOGUE}".encode()
    assert parse(raw, NINE).received_at == NINE


def test_a_call_without_customer_label_is_told_whole() -> None:
    envelope = parse("坐席: 您好\n坐席: 客户要求回电".encode())
    assert envelope.text == "您好\n客户要求回电"
    assert envelope.defects == ("speakers: nobody is marked as the customer, the text is everybody's",)


@pytest.mark.parametrize("raw", [b"", b" \n\n", "通话编号: C-1\n".encode()])
def test_an_empty_call_is_reported(raw: bytes) -> None:
    envelope = parse(raw)
    assert envelope.text == ""
    assert envelope.call is not None
    assert envelope.call.turns == ()
    assert envelope.defects == ("transcript: no words",)


def test_the_zone_and_region_of_the_site_are_used() -> None:
    raw = b"Caller number: 2025550123\nStarted at: 2026-03-02 01:00\nCustomer: hello"
    envelope = parse(raw, region="US", zone=UTC)
    assert envelope.sender.phone == "+12025550123"
    assert envelope.received_at == NINE


@given(st.binary())
def test_no_bytes_make_it_raise(raw: bytes) -> None:
    envelope = parse(raw, NINE)
    assert envelope.raw.size == len(raw)
    assert json.loads(envelope.model_dump_json())["channel"] == "hotline"


LINES = st.sampled_from(
    [
        "坐席: 您好",
        "[00:12] 客户：卡被吞了",
        "Agent 7: ok",
        "Speaker 1 [1:02:03.5]:",
        "开始时间: 9999-12-31 23:59",
        "Started at: 0001-01-01T00:00",
        "Duration: 99:99:99",
        "主叫号码: 隐藏",
        "网点: 南湖支行",
        "went on",
        "",
        "：",
        "[00:",
    ]
)


@given(st.lists(LINES | st.text(), max_size=12))
def test_no_lines_make_it_raise_or_lose_a_word(lines: list[str]) -> None:
    envelope = parse("\n".join(lines).encode("utf-8", "replace"), NINE)
    assert envelope.call is not None
    said = [line for turn in envelope.call.turns for line in turn.text.split("\n")]
    assert all(line in envelope.full_text for line in said)
    assert envelope.text or not any(turn.text for turn in envelope.call.turns)
