"""An institution with three offices, the default policy and ways out that keep what they are given."""

from collections.abc import Mapping
from zoneinfo import ZoneInfo

from casefile.envelope import Channel
from casefile.notice import Transport
from notifier.house import House
from notifier.render import Renderer
from policy.calendar import calendar_named
from policy.pack import builtin_packs
from tests.people import OFFICES

KEY = bytes(range(32))
PACK = builtin_packs()["default"]


def house(transports: Mapping[Channel, Transport]) -> House:
    return House(
        names={"zh": "示例银行", "en": "Example Bank"},
        public_url="https://complaints.bank.example/",
        domain="bank.example",
        key=KEY,
        offices={office.id: office for office in OFFICES},
        packs={PACK.ref: PACK},
        calendars={PACK.calendars.wd: calendar_named(PACK.calendars.wd)},
        transports=transports,
        renderer=Renderer(ZoneInfo("Asia/Shanghai")),
    )
