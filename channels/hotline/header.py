"""The lines above a plain dialogue: `主叫号码: …`, `Started at: …`."""

import re
from collections.abc import Iterable
from typing import NamedTuple

from casefile.text import clean_header

_NAMES = {
    "call_id": ("通话编号", "通话id", "录音编号", "流水号", "call id", "call number"),
    "caller": ("主叫号码", "主叫", "来电号码", "客户电话", "caller number", "caller id", "calling number"),
    "caller_name": ("客户姓名", "来电人姓名", "caller name", "customer name"),
    "called": ("被叫号码", "被叫", "called number"),
    "agent": ("坐席工号", "坐席编号", "工号", "agent id", "operator id"),
    "started_at": ("开始时间", "通话开始时间", "来电时间", "通话时间", "started at", "start time"),
    "ended_at": ("结束时间", "通话结束时间", "ended at", "end time"),
    "duration": ("通话时长", "时长", "duration"),
}
_MEANING = {written: meaning for meaning, names in _NAMES.items() for written in names}
_LINE = re.compile(r"([^:：]{1,40})[:：]\s*(\S.{0,199})$")
_OTHERS_LIMIT = 60


class Header(NamedTuple):
    """`known` by meaning, `others` by the name that was written."""

    known: dict[str, str]
    others: dict[str, str]


def read_header(lines: Iterable[str]) -> Header:
    """The first line of each name counts; lines of another shape are passed over."""
    header = Header({}, {})
    for line in lines:
        if written := _LINE.match(line):
            name, value = clean_header(written[1]), clean_header(written[2])
            if meaning := _meaning(name):
                header.known.setdefault(meaning, value)
            elif len(header.others) < _OTHERS_LIMIT:
                header.others.setdefault(name, value)
    return header


def is_known(line: str) -> bool:
    written = _LINE.match(line)
    return written is not None and _meaning(written[1]) is not None


def _meaning(name: str) -> str | None:
    return _MEANING.get(" ".join(name.casefold().replace("_", " ").split()))
