"""Dates, times and lengths as call centres write them. Everything here gives None for what it cannot read."""

import re
from datetime import UTC, datetime, tzinfo

_CIVIL = re.compile(
    r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})[日T\s]\s*(\d{1,2})[:：时点](\d{1,2})(?:[:：分](\d{1,2}))?[分秒]?$"
)
_CLOCK = re.compile(r"(?:(\d{1,3})[:：])?(\d{1,3})[:：](\d{2}(?:[.,]\d{1,3})?)$")
_SPOKEN = re.compile(
    r"(?:(\d{1,3})\s*(?:小时|时|hours?|h))?\s*"
    r"(?:(\d{1,4})\s*(?:分钟|分|minutes?|min|m))?\s*"
    r"(?:(\d{1,6}(?:\.\d{1,3})?)\s*(?:秒钟|秒|seconds?|sec|s)?)?$",
    re.IGNORECASE,
)


def instant(written: str, zone: tzinfo) -> datetime | None:
    """In UTC. `zone` is that of a time which names none."""
    try:
        return _moment(written.strip(), zone).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _moment(written: str, zone: tzinfo) -> datetime:
    civil = _CIVIL.match(written)
    if civil is None:
        moment = datetime.fromisoformat(written)
        return moment if moment.tzinfo else moment.replace(tzinfo=zone)
    year, month, day, hour, minute, second = (int(part or 0) for part in civil.groups())
    return datetime(year, month, day, hour, minute, second, tzinfo=zone)


def seconds(written: str) -> float | None:
    """`02:05`, `00:02:05.5`, `125`, `2分5秒`, `2 min 5 s`."""
    read = _CLOCK.match(written.strip()) or _SPOKEN.match(written.strip())
    if read is None or not any(read.groups()):
        return None
    hours, minutes, rest = (float((part or "0").replace(",", ".")) for part in read.groups())
    return hours * 3600 + minutes * 60 + rest
