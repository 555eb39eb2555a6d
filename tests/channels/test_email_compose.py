"""From draft to mail: always the same bytes, and never a header that nobody meant."""

import email
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP

import pytest
from hypothesis import given
from hypothesis import strategies as st

from casefile.errors import InputError
from casefile.notice import Draft, NoticeKind
from casefile.token import reply_token
from channels.email.parse import parse
from channels.email.send import EmailTransport, SmtpSettings

NOTICE = "0f8fad5bd9cb469fa16570867728950e"
TOKEN = reply_token(b"k" * 32, NOTICE)
TRANSPORT = EmailTransport(
    SmtpSettings(
        host="127.0.0.1",
        sender_name="投诉处理中心",
        sender_address="complaints@bank.example",
        reply_pattern="complaints+{token}@bank.example",
    )
)
HEADERS = {
    *("From", "To", "Reply-To", "Subject", "Date", "Message-ID", "In-Reply-To", "References", "X-Huiyin-Notice"),
    *("Content-Language", "Auto-Submitted", "X-Auto-Response-Suppress", "Content-Type", "MIME-Version"),
}


def draft(**changes: object) -> Draft:
    values: dict[str, object] = {
        "notice_id": NOTICE,
        "kind": NoticeKind.RECEIPT,
        "to": "li.wei@customer.example",
        "language": "zh",
        "subject": "我们已收到您的投诉 HY-2026-000123",
        "text": "李伟，您好：\n\n我们已收到您的投诉。\n进度：https://bank.example/track?n=1&s=2。\n",
        "date": datetime(2026, 3, 2, 1, 2, 3, tzinfo=UTC),
        "message_id": f"<n.{NOTICE}@bank.example>",
        "reply_token": TOKEN,
        "in_reply_to": "<a@customer.example>",
        "references": ("<0@customer.example>", "<a@customer.example>"),
    }
    return Draft.model_validate({**values, **changes})


def read(raw: bytes) -> EmailMessage:
    message = email.message_from_bytes(raw, policy=SMTP)
    assert isinstance(message, EmailMessage)
    return message


def part(raw: bytes, kind: str) -> str:
    body = read(raw).get_body((kind,))
    assert body is not None
    content = body.get_content()
    assert isinstance(content, str)
    return content


def test_headers() -> None:
    message = read(TRANSPORT.compose(draft()))
    assert message["From"] == "投诉处理中心 <complaints@bank.example>"
    assert message["To"] == "li.wei@customer.example"
    assert message["Reply-To"] == f"complaints+{TOKEN}@bank.example"
    assert message["Subject"] == "我们已收到您的投诉 HY-2026-000123"
    assert message["Date"] == "Mon, 02 Mar 2026 01:02:03 +0000"
    assert message["Message-ID"] == f"<n.{NOTICE}@bank.example>"
    assert message["In-Reply-To"] == "<a@customer.example>"
    assert message["References"] == "<0@customer.example> <a@customer.example>"
    assert message["X-Huiyin-Notice"] == NOTICE


@pytest.mark.parametrize(
    ("kind", "automatic", "expected"),
    [
        (NoticeKind.RECEIPT, True, "auto-replied"),
        (NoticeKind.ORDER, True, "auto-generated"),
        (NoticeKind.REMINDER, True, "auto-generated"),
        (NoticeKind.DECISION, False, None),
    ],
)
def test_automatic_mail_says_so(kind: NoticeKind, automatic: bool, expected: str | None) -> None:
    assert read(TRANSPORT.compose(draft(kind=kind, automatic=automatic)))["Auto-Submitted"] == expected


def test_our_own_automatic_mail_is_never_answered() -> None:
    assert parse(TRANSPORT.compose(draft())).nature == "auto_reply"


def test_text_and_html_say_the_same() -> None:
    raw = TRANSPORT.compose(draft())
    assert part(raw, "plain").splitlines() == [
        "李伟，您好：",
        "",
        "我们已收到您的投诉。",
        "进度：https://bank.example/track?n=1&s=2。",
    ]
    html = part(raw, "html")
    assert "<p>李伟，您好：</p>" in html
    assert '<a href="https://bank.example/track?n=1&amp;s=2">https://bank.example/track?n=1&amp;s=2</a>。' in html


def test_html_cannot_be_written_by_a_customer() -> None:
    html = part(TRANSPORT.compose(draft(text='<script>alert(1)</script> https://x.example/"onclick="y')), "html")
    assert "<script" not in html
    assert '"onclick' not in html


def test_same_draft_same_bytes() -> None:
    assert TRANSPORT.compose(draft()) == TRANSPORT.compose(draft())
    assert TRANSPORT.compose(draft()) != TRANSPORT.compose(draft(text="other"))


def test_long_message_ids_stay_whole() -> None:
    long = f"<{'A' * 120}@prod.customer.example>"
    raw = TRANSPORT.compose(draft(in_reply_to=long, references=("<0@customer.example>", long)))
    assert f"In-Reply-To: {long}\r\n".encode() in raw
    assert parse(raw).thread.references == ("<0@customer.example>", long)


def test_an_address_outside_ascii_is_kept() -> None:
    raw = TRANSPORT.compose(draft(to="李伟@客户.example"))
    assert f"To: 李伟@{'客户'.encode('idna').decode()}.example\r\n".encode() in raw


@pytest.mark.parametrize(
    "to",
    [
        "",
        "li.wei",
        "li wei@customer.example",
        "a@b@c.example",
        "a@b.example\r\nBcc: x@y.example",
        "<a@b.example>",
        "a@",
    ],
)
def test_what_is_no_address_is_refused(to: str) -> None:
    with pytest.raises(InputError, match=r"not an? (e-mail address|domain name)"):
        TRANSPORT.compose(draft(to=to))


foreign = st.text(st.characters(codec=None), max_size=200) | st.sampled_from(
    [
        "hi\r\nBcc: x@evil.example",
        "=?utf-8?q?hi=0D=0ABcc:_x=40evil.example?=",
        "=??Q?=0D=0ABcc:",
        "<=??Q?=0D=0ABcc:?=@x>",
        "a\nb\rc\x85d\u2028e\u2029f",
        "x" * 3000,
        "\x00\ud800\u202e",
        "长" * 500,
    ]
)


@given(subject=foreign, text=foreign, reference=foreign, name=foreign, language=foreign)
def test_no_text_becomes_a_header(subject: str, text: str, reference: str, name: str, language: str) -> None:
    transport = EmailTransport(
        SmtpSettings(
            host="h", sender_name=name, sender_address="c@bank.example", reply_pattern="c+{token}@bank.example"
        )
    )
    one = draft(subject=subject, text=text, in_reply_to=reference, references=(reference,), language=language)
    raw = transport.compose(one)
    assert raw == transport.compose(one)
    assert raw.replace(b"\r\n", b"").count(b"\n") == raw.replace(b"\r\n", b"").count(b"\r") == 0
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    message = email.message_from_bytes(raw)
    assert not message.defects
    assert set(message.keys()) <= HEADERS
    assert len(message.keys()) == len(set(message.keys()))
    envelope = parse(raw)
    assert envelope.sender.email == "c@bank.example"
    assert envelope.recipients == ("li.wei@customer.example",)
    assert envelope.external_id == f"<n.{NOTICE}@bank.example>"
