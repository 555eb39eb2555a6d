"""Mail as it comes in, byte by byte."""

from datetime import datetime

from casefile.envelope import Channel
from casefile.inbound import Raw
from casefile.notice import Notice
from casefile.token import reply_token
from tests.gateway.world import START

LI, WANG = "li.wei@customer.example", "wang.fang@customer.example"


def mail(number: int = 1, text: str = "南湖支行三个窗口只开一个。", sender: str = LI, **headers: str) -> bytes:
    """Header names with `_` for `-`."""
    lines = [f"From: {sender}", f"Message-ID: <{number}@customer.example>", "Subject: loan"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    lines += ["Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: 8bit", "", text, ""]
    return "\r\n".join(lines).encode()


def raw(body: bytes, number: int = 1, mailbox: str = "complaints", at: datetime = START) -> Raw:
    return Raw(Channel.EMAIL, mailbox, f"<{number}@customer.example>", body, at)


def answer_address(key: bytes, notice: Notice) -> str:
    return f"complaints+{reply_token(key, notice.id)}@bank.example"


def bounce(notice: Notice, status: str = "5.1.1", action: str = "failed") -> bytes:
    """A delivery status notification (RFC 3464)."""
    return f"""\
From: MAILER-DAEMON@relay.bank.example
To: complaints@bank.example
Message-ID: <dsn.{notice.id}.{status}@relay.bank.example>
Subject: Undelivered Mail Returned to Sender
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary=b

--b
Content-Type: text/plain

The mail could not be delivered.

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; relay.bank.example

Final-Recipient: rfc822; {notice.to}
Action: {action}
Status: {status}
Diagnostic-Code: smtp; 550 {status} no such user

--b
Content-Type: text/rfc822-headers

Message-ID: {notice.message_id}
Subject: receipt

--b--
""".replace("\n", "\r\n").encode()
