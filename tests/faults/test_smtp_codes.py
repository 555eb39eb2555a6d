"""B4: what the outbox makes of every answer of a relay at every stage, as this table says."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest

from casefile.envelope import Channel
from casefile.status import NoticeState
from casefile.store import outbox
from casefile.store.engine import Store
from channels.email.send import EmailTransport, SmtpSettings
from notifier.courier import Courier
from tests.samples import MONDAY, notice, open_case
from tests.servers.smtp import Rule, SmtpSink

RETRY, DOUBT, DEAD = NoticeState.RETRY_WAIT, NoticeState.IN_DOUBT, NoticeState.DEAD

FAULTS = {
    "421": Rule("", reply="421 4.3.2 closing"),
    "450": Rule("", reply="450 4.2.1 busy"),
    "451": Rule("", reply="451 4.3.0 later"),
    "452": Rule("", reply="452 4.2.2 full"),
    "530": Rule("", reply="530 5.7.0 log in first"),
    "535": Rule("", reply="535 5.7.8 wrong password"),
    "550": Rule("", reply="550 5.1.1 unknown"),
    "552": Rule("", reply="552 5.2.2 too large"),
    "554": Rule("", reply="554 5.7.1 policy"),
    "drop": Rule("", drop=True),
    "silence": Rule("", delay_s=1.5),
}
LATER = dict.fromkeys(FAULTS, RETRY)
REFUSED = LATER | {"550": DEAD, "552": DEAD, "554": DEAD}
UNHEARD = REFUSED | {"drop": DOUBT, "silence": DOUBT}
TABLE: Mapping[str, Mapping[str, NoticeState]] = {
    "connect": LATER,
    "ehlo": LATER,
    "mail": REFUSED,
    "rcpt": REFUSED,
    "data": REFUSED,
    "dot": UNHEARD,
    "reply": UNHEARD,  # the relay has taken the message and answers otherwise
}
CELLS = [(stage, fault) for stage in TABLE for fault in FAULTS]


@dataclass
class Clock:
    at: datetime = MONDAY

    def __call__(self) -> datetime:
        return self.at


async def test_each_code_at_each_stage_ends_as_the_table_says(store: Store, smtp_sink: SmtpSink) -> None:
    clock = Clock(datetime.now(UTC))
    relay = EmailTransport(quick(smtp_sink))
    courier = Courier(store, {Channel.EMAIL: relay}, now=clock, name="w1")
    await store.write(open_case)
    found: dict[str, dict[str, NoticeState]] = {stage: {} for stage in TABLE}
    for number, (stage, fault) in enumerate(CELLS, 1):
        await store.write(outbox.plan, [notice(number, next_at=clock())])
        smtp_sink.script(replace(FAULTS[fault], stage=stage, times=1))
        assert await courier.drain() == 1
        found[stage][fault] = (await store.read(outbox.get, notice(number).id)).state
    smtp_sink.script()
    clock.at += timedelta(hours=1)
    await courier.drain()
    await relay.close()
    assert found == TABLE
    await check_the_end(store, smtp_sink)


async def check_the_end(store: Store, sink: SmtpSink) -> None:
    """Sooner or later all are out but the refused; twice only those that the relay had taken and disowned."""
    copies = [message.message_id for message in sink.messages()]
    for number, (stage, fault) in enumerate(CELLS, 1):
        one = await store.read(outbox.get, notice(number).id)
        dead = TABLE[stage][fault] is DEAD
        assert one.state is (DEAD if dead else NoticeState.ACCEPTED)
        assert one.possible_duplicate is (TABLE[stage][fault] is DOUBT)
        assert copies.count(one.message_id) == (stage == "reply") + (not dead)


def quick(sink: SmtpSink) -> SmtpSettings:
    return SmtpSettings(
        host=sink.host,
        port=sink.port,
        tls="none",
        sender_name="投诉处理中心",
        sender_address="complaints@bank.example",
        reply_pattern="complaints+{token}@bank.example",
        connect_timeout=0.6,
        command_timeout=0.6,
        data_timeout=0.6,
    )


@pytest.mark.parametrize("engine", ["sqlite"])
async def test_a_relay_that_is_not_there_is_tried_again(store: Store, smtp_sink: SmtpSink) -> None:
    relay = EmailTransport(quick(smtp_sink))
    smtp_sink.stop()
    await store.write(open_case, notices=[notice()])
    await Courier(store, {Channel.EMAIL: relay}, now=lambda: MONDAY, name="w1").drain()
    assert (await store.read(outbox.get, notice().id)).state is RETRY
