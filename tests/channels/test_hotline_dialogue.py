from datetime import UTC, datetime

import pytest

from channels.hotline.clock import instant, seconds
from channels.hotline.dialogue import read_dialogue
from channels.hotline.parse import CHINA_TIME


@pytest.mark.parametrize(
    ("line", "speaker", "start_s", "text"),
    [
        ("坐席: 您好", "agent", None, "您好"),
        ("客服代表：您好", "agent", None, "您好"),
        ("话务员(工号2002): 您好", "agent", None, "您好"),
        ("坐席1001 [00:08]: 好的", "agent", 8, "好的"),
        ("[00:12] 客户: 卡被吞了", "customer", 12, "卡被吞了"),
        ("00:01:12 来电人：卡被吞了", "customer", 72, "卡被吞了"),
        ("（00：12）市民：卡被吞了", "customer", 12, "卡被吞了"),
        ("客户(00:25):是的", "customer", 25, "是的"),
        ("[00:12.5] CALLER: it is 9:30 now", "customer", 12.5, "it is 9:30 now"),
        ("Customer (Li Wei): hello", "customer", None, "hello"),
        ("Operator 12: hello", "agent", None, "hello"),
        ("说话人1: 喂", "unknown", None, "喂"),
        ("[0:03] Speaker 2: hi", "unknown", 3, "hi"),
    ],
)
def test_a_label_opens_a_turn(line: str, speaker: str, start_s: float | None, text: str) -> None:
    (turn,) = read_dialogue(line, CHINA_TIME).turns
    assert (turn.speaker, turn.start_s, turn.text) == (speaker, start_s, text)


@pytest.mark.parametrize(
    "line",
    ["客户反映的问题是: 排队", "坐席工号: 1001", "12:30 回电", "Agents: none", "the agent: said", "http://a.example"],
)
def test_what_only_looks_like_a_label_opens_none(line: str) -> None:
    turns = read_dialogue(f"客户: 我说\n{line}", CHINA_TIME).turns
    assert [turn.text for turn in turns] == [f"我说\n{line}"]


def test_a_label_alone_takes_the_lines_below_it() -> None:
    (turn,) = read_dialogue("客户:\n\n我要投诉\n西城支行", CHINA_TIME).turns
    assert turn.text == "我要投诉\n西城支行"


@pytest.mark.parametrize(
    ("text", "agent"),
    [
        ("坐席工号: 1001\n坐席2002: 您好", "1001"),
        ("坐席: 您好\n坐席2002: 请讲", "2002"),
        ("话务员(工号 2002): 您好", "2002"),
        ("Agent (Wang Fang): hello", "Wang Fang"),
        ("客户1: 您好", None),
    ],
)
def test_who_took_the_call_is_in_the_header_or_else_in_a_label(text: str, agent: str | None) -> None:
    assert read_dialogue(text, CHINA_TIME).agent == agent


def test_a_header_line_counts_only_above_the_first_turn() -> None:
    transcript = read_dialogue("通话编号: C-1\n客户: 喂\n通话编号: C-2", CHINA_TIME)
    assert transcript.call_id == "C-1"
    assert transcript.turns[0].text == "喂\n通话编号: C-2"


def test_the_first_header_line_of_a_name_counts() -> None:
    transcript = read_dialogue("通话编号: C-1\nCall ID: C-2\n网点: 南湖支行\n网点: 西城支行\n客户: 喂", CHINA_TIME)
    assert transcript.call_id == "C-1"
    assert transcript.fields == {"网点": "南湖支行"}


def test_times_that_cannot_be_read_are_kept_and_reported() -> None:
    transcript = read_dialogue("开始时间: 昨天\n通话时长: 很久\n客户: 喂", CHINA_TIME)
    assert transcript.fields == {"started_at": "昨天", "duration": "很久"}
    assert transcript.defects == ("started_at: '昨天' cannot be read", "duration: '很久' cannot be read")


def test_the_length_follows_from_beginning_and_end() -> None:
    header = "开始时间: 2026-03-02 09:00:00\n结束时间: 2026-03-02 {}\n客户: 喂"
    assert read_dialogue(header.format("09:02:05"), CHINA_TIME).duration_s == 125
    assert read_dialogue(header.format("08:00:00"), CHINA_TIME).duration_s is None


@pytest.mark.parametrize(
    "written",
    ["2026-03-02 09:05", "2026/3/2 9:05:00", "2026年3月2日9时5分", "2026年03月02日 09时05分00秒",
     "2026-03-02T01:05:00Z", "2026-03-02T09:05:00+08:00", "2026-03-02T01:05:00.000+00:00"],
)  # fmt: skip
def test_dates_as_call_centres_write_them(written: str) -> None:
    assert instant(written, CHINA_TIME) == datetime(2026, 3, 2, 1, 5, tzinfo=UTC)


@pytest.mark.parametrize("written", ["", "昨天", "2026-02-30 09:00", "0001-01-01T00:00", "2026-03-02 25:00"])
def test_what_is_no_date_is_none(written: str) -> None:
    assert instant(written, CHINA_TIME) is None


@pytest.mark.parametrize(
    ("written", "expected"),
    [("125", 125), ("125秒", 125), ("2分5秒", 125), ("2分钟", 120), ("1小时2分5秒", 3725), ("02:05", 125),
     ("01:02:05", 3725), ("2 min 5 s", 125), ("90 seconds", 90), ("00:00:12,5", 12.5), ("0", 0),
     ("", None), ("很久", None), ("5 apples", None)],
)  # fmt: skip
def test_lengths_as_call_centres_write_them(written: str, expected: float | None) -> None:
    assert seconds(written) == expected
