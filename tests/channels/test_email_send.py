"""Sending to a real SMTP server that follows a script: what it answers, and when, decides what we may claim."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from casefile.envelope import Channel
from casefile.errors import ConfigError, TransportError
from casefile.failpoint import VARIABLE, PlannedFailure
from casefile.notice import Notice, NoticeKind, Urgency
from channels.email.send import EmailTransport, SmtpSettings
from tests.servers.smtp import Rule, SmtpSink

PAYLOAD = b"From: complaints@bank.example\r\nMessage-ID: <%d@bank.example>\r\nSubject: order\r\n\r\nHello.\r\n"
WHEN = datetime(2026, 3, 2, tzinfo=UTC)


def notice(number: int = 1, to: str = "nanhu@bank.example", payload: bytes = b"") -> Notice:
    payload = payload or PAYLOAD % number
    return Notice(
        id=f"{number:032x}",
        complaint_id="c",
        rule_id="order",
        recipient_id="nanhu",
        kind=NoticeKind.ORDER,
        urgency=Urgency.TASK,
        channel=Channel.EMAIL,
        to=to,
        message_id=f"<{number}@bank.example>",
        subject="order",
        payload=payload,
        payload_sha256=hashlib.sha256(payload).hexdigest(),
        due_at=WHEN,
        next_at=WHEN,
        created_at=WHEN,
    )


@pytest.fixture
def settings(smtp_sink: SmtpSink) -> SmtpSettings:
    return SmtpSettings(
        host=smtp_sink.host,
        port=smtp_sink.port,
        tls="none",
        sender_name="投诉处理中心",
        sender_address="complaints@bank.example",
        reply_pattern="complaints+{token}@bank.example",
        connect_timeout=0.5,
        command_timeout=0.5,
        data_timeout=1,
    )


@pytest.fixture
async def transport(settings: SmtpSettings) -> AsyncIterator[EmailTransport]:
    transport = EmailTransport(settings)
    yield transport
    await transport.close()


async def test_accepted(smtp_sink: SmtpSink, transport: EmailTransport) -> None:
    receipt = await transport.send(notice())
    assert receipt.reply == "250 2.0.0 OK"
    [message] = smtp_sink.messages()
    assert message.raw == PAYLOAD % 1
    assert (message.sender, message.recipients) == ("complaints@bank.example", ["nanhu@bank.example"])


async def test_one_connection_serves_many_and_never_two_at_once(smtp_sink: SmtpSink, transport: EmailTransport) -> None:
    smtp_sink.script(Rule("connect", reply="421 4.3.2 one is enough", every=2))
    await asyncio.gather(*(transport.send(notice(number)) for number in range(20)))
    assert {message.message_id for message in smtp_sink.messages()} == {f"<{n}@bank.example>" for n in range(20)}


REFUSALS = ["421 4.3.2 closing", "450 4.2.1 busy", "451 4.3.0 later", "452 4.2.2 full"]
REFUSALS += ["550 5.1.1 unknown", "551 5.1.6 moved", "552 5.2.2 too large", "553 5.1.3 bad", "554 5.7.1 policy"]


@pytest.mark.parametrize("reply", REFUSALS)
@pytest.mark.parametrize("stage", ["connect", "ehlo", "mail", "rcpt", "data", "dot"])
async def test_a_refusal_is_definite(smtp_sink: SmtpSink, transport: EmailTransport, stage: str, reply: str) -> None:
    smtp_sink.script(Rule(stage, reply=reply, times=1))
    with pytest.raises(TransportError, match=reply[:3]) as caught:
        await transport.send(notice())
    error = caught.value
    assert error.in_doubt is False
    assert error.permanent is (reply.startswith("5") and stage not in ("connect", "ehlo"))
    assert error.stage == {"ehlo": "connect"}.get(stage, stage)
    assert smtp_sink.messages() == []
    await transport.send(notice())
    assert len(smtp_sink.messages()) == 1


@pytest.mark.parametrize("fault", [Rule("", drop=True, times=1), Rule("", delay_s=3, times=1)], ids=["drop", "timeout"])
@pytest.mark.parametrize("stage", ["connect", "ehlo", "mail", "rcpt", "data", "dot", "reply"])
async def test_silence_is_in_doubt_only_after_the_final_dot(
    smtp_sink: SmtpSink, transport: EmailTransport, stage: str, fault: Rule
) -> None:
    smtp_sink.script(replace(fault, stage=stage))
    with pytest.raises(TransportError) as caught:
        await transport.send(notice())
    error = caught.value
    assert error.in_doubt is (stage in ("dot", "reply"))
    assert error.permanent is False
    assert error.stage == {"ehlo": "connect", "reply": "dot"}.get(stage, stage)
    assert len(smtp_sink.messages()) == (stage == "reply")
    await transport.send(notice(2))
    assert smtp_sink.messages()[-1].message_id == "<2@bank.example>"


async def test_nothing_listens(smtp_sink: SmtpSink, transport: EmailTransport) -> None:
    smtp_sink.stop()
    with pytest.raises(TransportError) as caught:
        await transport.send(notice())
    assert (caught.value.permanent, caught.value.in_doubt, caught.value.stage) == (False, False, "connect")


async def test_a_relay_that_restarts_between_two_messages_is_met_anew(
    smtp_sink: SmtpSink, transport: EmailTransport
) -> None:
    await transport.send(notice(1))
    smtp_sink.stop()
    smtp_sink.start()
    await asyncio.sleep(0.1)
    await transport.send(notice(2))
    assert len(smtp_sink.messages()) == 2


@pytest.mark.parametrize("place", ["send.connected", "send.dot", "send.250"])
async def test_failpoints_stand_where_they_should(
    smtp_sink: SmtpSink, transport: EmailTransport, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    monkeypatch.setenv(VARIABLE, f"{place}=raise:1")
    with pytest.raises(PlannedFailure):
        await transport.send(notice())
    assert len(smtp_sink.messages()) == (place == "send.250")
    monkeypatch.delenv(VARIABLE)
    await transport.send(notice(2))
    assert smtp_sink.messages()[-1].message_id == "<2@bank.example>"


async def test_cancelled_in_the_middle_the_next_one_gets_a_clean_connection(
    smtp_sink: SmtpSink, transport: EmailTransport
) -> None:
    smtp_sink.script(Rule("rcpt", delay_s=0.4, times=1))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await transport.send(notice(1))
    await transport.send(notice(2))
    assert [message.message_id for message in smtp_sink.messages()] == ["<2@bank.example>"]


END = b"From: complaints@bank.example\r\nMessage-ID: <1@bank.example>\r\n\r\nHi"
SMUGGLED = b"MAIL FROM:<evil@x.example>%bRCPT TO:<victim@x.example>%bDATA%bevil%b.%b"


@pytest.mark.parametrize("end", [b"\n.\n", b"\r\n.\r\n", b"\n.\r\n", b"\r.\r", b"\r\n.\n", b"\r.\r\n"])
async def test_no_second_message_can_be_smuggled(smtp_sink: SmtpSink, transport: EmailTransport, end: bytes) -> None:
    await transport.send(notice(payload=END + end + SMUGGLED.replace(b"%b", end)))
    [message] = smtp_sink.messages()
    assert message.recipients == ["nanhu@bank.example"]
    assert b"MAIL FROM:<evil@x.example>" in message.raw


async def test_address_outside_ascii(smtp_sink: SmtpSink, transport: EmailTransport) -> None:
    await transport.send(notice(to="王芳@客户.example"))
    [message] = smtp_sink.messages()
    assert message.recipients == [f"王芳@{'客户'.encode('idna').decode()}.example"]


async def test_an_address_that_the_protocol_forbids_is_a_dead_end(
    smtp_sink: SmtpSink, transport: EmailTransport
) -> None:
    with pytest.raises(TransportError) as caught:
        await transport.send(notice(to="a@b.example>\r\nDATA"))
    assert (caught.value.permanent, caught.value.in_doubt) == (True, False)
    assert smtp_sink.messages() == []


async def test_check(smtp_sink: SmtpSink, settings: SmtpSettings, transport: EmailTransport) -> None:
    await transport.check()
    with pytest.raises(ConfigError, match="Check host"):
        await EmailTransport(replace(settings, port=1)).check()
    with pytest.raises(ConfigError, match="smtp: "):
        await EmailTransport(replace(settings, user="u", password="p")).check()
    with pytest.raises(ConfigError, match="smtp: "):
        await EmailTransport(replace(settings, tls="starttls")).check()


def test_settings_do_not_show_the_password(settings: SmtpSettings) -> None:
    assert "secret" not in repr(replace(settings, password="secret"))
