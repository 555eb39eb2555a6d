"""Single points of reading mail: who writes, in which charset, and what is a quotation."""

import base64
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from casefile.envelope import Nature
from channels.email.parse import parse


def mail(body: str | bytes, kind: str = "text/plain; charset=utf-8", extra: str = "") -> bytes:
    content = base64.encodebytes(body.encode() if isinstance(body, str) else body)
    head = f"From: li.wei@customer.example\nTo: complaints@bank.example\n{extra}Content-Type: {kind}\n"
    return head.encode() + b"Content-Transfer-Encoding: base64\n\n" + content


@pytest.mark.parametrize(
    ("subject", "nature"),
    [
        ("自动回复: 休假", Nature.AUTO_REPLY),
        ("自動回覆：休假", Nature.AUTO_REPLY),
        ("Out of Office: complaint", Nature.AUTO_REPLY),
        ("Automatic reply", Nature.AUTO_REPLY),
        ("关于自动回复的投诉", Nature.MESSAGE),
        ("Re: Automatic reply: complaint", Nature.MESSAGE),
        ("Automatic payment failed", Nature.MESSAGE),
    ],
)
def test_nature_by_subject(subject: str, nature: Nature) -> None:
    encoded = base64.b64encode(subject.encode()).decode()
    assert parse(mail("x", extra=f"Subject: =?utf-8?b?{encoded}?=\n")).nature == nature


@pytest.mark.parametrize(
    ("header", "nature"),
    [
        ("Auto-Submitted: auto-replied (vacation)", Nature.AUTO_REPLY),
        ("Auto-Submitted: no", Nature.MESSAGE),
        ("Precedence: bulk", Nature.AUTO_REPLY),
        ("Precedence: list", Nature.MESSAGE),
        ("X-Autoreply: yes", Nature.AUTO_REPLY),
        ("X-Autoreply: no", Nature.MESSAGE),
        ("Return-Path: <>", Nature.AUTO_REPLY),
        ("Return-Path: <li.wei@customer.example>", Nature.MESSAGE),
        ("List-Id: <complaints.bank.example>", Nature.MESSAGE),
    ],
)
def test_nature_by_header(header: str, nature: Nature) -> None:
    assert parse(mail("x", extra=f"{header}\n")).nature == nature


@pytest.mark.parametrize(
    ("declared", "actual"),
    [
        ("gb2312", "gb18030"),
        ("gbk", "utf-8"),
        ("iso-8859-1", "utf-8"),
        ("us-ascii", "gb18030"),
        ("", "gb18030"),
        ("", "utf-8"),
        ("utf-8", "gb18030"),
        ("no-such-charset", "gb18030"),
        ("big5", "utf-8"),
        ("hz-gb-2312", "hz"),
        ("utf-16", "utf-16"),
    ],
)
def test_chinese_in_the_wrong_dress(declared: str, actual: str) -> None:
    text = "客户经理态度恶劣，要求书面答复并退还手续费。"
    envelope = parse(mail(text.encode(actual), f"text/plain; charset={declared}" if declared else "text/plain"))
    assert envelope.text == text
    assert bool(envelope.defects) == (declared not in ("hz-gb-2312", "utf-16", "gb2312"))


@given(st.text(st.characters(exclude_categories=["Cs", "Cc", "Cn", "Co"]), min_size=1, max_size=100))
def test_declared_utf8_arrives_unchanged(text: str) -> None:
    expected = unicodedata.normalize("NFC", text.replace("\u2028", "\n").replace("\u2029", "\n"))
    if ">" not in text and not expected.strip().startswith("--"):
        assert parse(mail(f"A {text} z")).full_text == f"A {expected} z"


@pytest.mark.parametrize(
    "line",
    [
        "On the other hand, my card was charged twice on 2 March 2026.",
        "From: the branch manager I heard nothing.",
        "在2026年3月2日，客户经理写道歉信给我，但是没有退款。",
        "发件人写错了。",
        "- 第一，退款；",
        "-- 第二，道歉。",
        "原始邮件见附件。",
    ],
)
def test_ordinary_lines_are_not_taken_for_quotations(line: str) -> None:
    assert parse(mail(f"您好：\n\n{line}\n\n此致敬礼\n")).text == f"您好：\n\n{line}\n\n此致敬礼"


def test_html_loads_and_runs_nothing() -> None:
    html = '<p onclick="x()">A<script>evil()</script><img src="http://t.example/x.gif" alt="B"><svg><a>C</a></svg></p>'
    assert parse(mail(html, "text/html; charset=utf-8")).text == "A"
