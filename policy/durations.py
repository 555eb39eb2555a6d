"""Lengths of time as a policy pack writes them."""

import re
from enum import StrEnum
from typing import Annotated

from pydantic import BeforeValidator

from casefile.model import Record
from policy.yaml import Misfit


class Unit(StrEnum):
    MINUTE = "min"
    HOUR = "h"
    WORKING_DAY = "wd"
    CALENDAR_DAY = "cd"
    WEEK = "wk"
    MONTH = "mo"
    YEAR = "y"


INSTANT = frozenset({Unit.MINUTE, Unit.HOUR})  # these run at once; the others count whole days

_WORDS = {"same_day": (0, Unit.CALENDAR_DAY), "next_day": (1, Unit.CALENDAR_DAY)}
_FORM = re.compile(r"([1-9][0-9]{0,2})(min|h|wd|cd|wk|mo|y)")
_GRAMMAR = "Write one of 15min, 24h, 3wd, 15cd, 8wk, 3mo, 1y, same_day, next_day"
_WITH_TARGET = "{target: 15min, within: promptly}"


class Duration(Record):
    """`same_day` is zero calendar days, `next_day` one."""

    count: int
    unit: Unit

    def __str__(self) -> str:
        return f"{self.count}{self.unit}"


class Within(Record):
    """A limit. `house_target`: the text says only "promptly" and the length is the house's own."""

    length: Duration
    house_target: bool = False


def parse_duration(text: str) -> Duration:
    """Raises Misfit."""
    if text in _WORDS:
        count, unit = _WORDS[text]
        return Duration(count=count, unit=unit)
    match = _FORM.fullmatch(text)
    if not match:
        raise Misfit(f"{text!r} is not a length of time", _GRAMMAR)
    return Duration(count=int(match[1]), unit=Unit(match[2]))


def parse_within(value: object) -> Within:
    """`3wd`, or `{target: 15min, within: promptly}`. Raises Misfit."""
    match value:
        case Within():
            return value
        case "promptly":
            raise Misfit("'promptly' states no time", f"Add the house's own target: {_WITH_TARGET}")
        case str():
            return Within(length=parse_duration(value))
        case {"target": str(target), "within": "promptly", **rest} if not rest:
            return Within(length=parse_duration(target), house_target=True)
    raise Misfit(f"{value!r} is not a limit", f"{_GRAMMAR}, or {_WITH_TARGET}")


WithinField = Annotated[Within, BeforeValidator(parse_within)]
