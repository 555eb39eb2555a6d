import unicodedata
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from casefile.notice import Draft, NoticeKind
from channels.sms.compose import compose
from channels.sms.segments import Encoding, segments

LINK = "https://huiyin.bank.example/track?n=HY-2026-000123&s=abcde-fghij"


def draft(text: str) -> Draft:
    return Draft(
        notice_id="0" * 32,
        kind=NoticeKind.RECEIPT,
        to="+8613800138000",
        language="zh",
        subject="已收到您的投诉",
        text=text,
        date=datetime(2026, 3, 2, 1, tzinfo=UTC),
        message_id="<1@bank.example>",
        reply_token="token",
    )


def composed(text: str) -> str:
    return compose(draft(text)).decode()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("  已收到您的投诉 \r\n\r\n\r\n 编号:\tHY-2026-000123  ", "已收到您的投诉\n编号: HY-2026-000123"),
        ("“Your” card – it’s found…", '"Your" card - it\'s found...'),
        ("您的“卡”已找到…", "您的“卡”已找到…"),
        ("a\u00a0b\u3000c", "a b c"),
        ("pay\u202egnp.exe\u200b now\x00\x1b", "paygnp.exe now"),
        ("👨\u200d👩\u200d👧 ok", "👨\u200d👩\u200d👧 ok"),
        ("plain\u200dtext", "plaintext"),
        (f"查询:{LINK}。谢谢", f"查询:{LINK} 。谢谢"),
        (f"{LINK}\n{LINK}", f"{LINK}\n{LINK}"),
        ("", ""),
    ],
)
def test_how_a_text_goes_out(text: str, expected: str) -> None:
    assert composed(text) == expected


def test_a_plain_english_notice_stays_in_the_cheap_alphabet() -> None:
    assert segments(composed("We’ve got your complaint – thank you…")).encoding is Encoding.GSM_7


@given(st.text())
def test_composing_twice_changes_nothing(text: str) -> None:
    once = composed(text)
    assert composed(once) == once


@given(st.text())
def test_nothing_invisible_goes_out(text: str) -> None:
    sent = composed(text).replace("\n", "").replace("\u200d", "")
    assert not [c for c in sent if unicodedata.category(c) in ("Cc", "Cf", "Cs")]


@given(st.text(), st.text())
def test_a_link_arrives_whole_and_stands_alone(before: str, after: str) -> None:
    assert LINK in composed(f"{before}\n{LINK}\u3002{after}").split()
