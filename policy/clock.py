"""When something falls due, counted as the Chinese Civil Code counts (民法典 articles 200 to 204), and the sum shown.

Pure. The day of the event is not counted; hours and minutes run at once; a day ends at 24:00 local time; a period in
days, weeks, months or years whose last day is not a working day ends with the next working day (article 203, ordinary
weekends included); a month without the corresponding day ends on its last (article 202). `same_day` and `next_day`
are counted as periods of zero days and one day.
"""

from calendar import monthrange
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from policy.calendar import Day, WorkCalendar
from policy.durations import INSTANT, Duration, Unit

_WEEKDAYS = ("周一 Mon", "周二 Tue", "周三 Wed", "周四 Thu", "周五 Fri", "周六 Sat", "周日 Sun")


class Due(NamedTuple):
    """`at` is a UTC instant, the end of `last_day` unless hours or minutes were counted."""

    at: datetime
    explain: tuple[str, ...]
    last_day: date | None = None


def due(start: datetime, within: Duration, zone: ZoneInfo, calendar: WorkCalendar) -> Due:
    """Raises CalendarUnknown when a strict calendar does not know a year that the count needs."""
    if start.tzinfo is None:
        raise ValueError(f"{start} has no time zone; a limit starts at an instant")
    local = start.astimezone(zone)
    begun = f"开始 start: {local:%Y-%m-%d %H:%M} {zone.key}"
    if within.unit in INSTANT:
        at = start.astimezone(UTC) + _length(within)
        return Due(at, (begun, f"截止 due: {at.astimezone(zone):%Y-%m-%d %H:%M} {zone.key} (+{within})"))
    days, counted = _count(local.date(), within, calendar)
    last = days[-1].on
    begun += f" ({_WEEKDAYS[local.weekday()]}), 当日不计 day not counted" if within.count else ""
    ended = f"截止 due: {last} 24:00 {zone.key}"
    return Due(_end_of(last, zone), (begun, *counted, *_provisional(days, calendar), ended), last)


def _length(within: Duration) -> timedelta:
    return timedelta(minutes=within.count) if within.unit is Unit.MINUTE else timedelta(hours=within.count)


def _count(start: date, within: Duration, calendar: WorkCalendar) -> tuple[list[Day], list[str]]:
    """The days that decided the result, the last one being the answer, and a line about each."""
    if within.unit is Unit.WORKING_DAY:
        return _working_days(start, within.count, calendar)
    return _roll(_corresponding(start, within), within, calendar)


def _working_days(start: date, count: int, calendar: WorkCalendar) -> tuple[list[Day], list[str]]:
    days, lines, done = [], [], 0
    for day in calendar.days_after(start):
        done += day.working
        mark = f"第{done}个工作日 working day {done}" if day.working else "不计 not counted"
        days.append(day)
        lines.append(f"{_show(day)}: {mark}")
        if done == count:
            break
    return days, lines


def _roll(end: date, within: Duration, calendar: WorkCalendar) -> tuple[list[Day], list[str]]:
    days = [calendar.day(end)]
    lines = [f"{_show(days[0])}: 期满 end of {within}"]
    if not days[0].working:
        lines[0] += ", 顺延 moves on"
        for day in calendar.days_after(end):
            days.append(day)
            lines.append(f"{_show(day)}: {'顺延至此 moved here' if day.working else '顺延 moves on'}")
            if day.working:
                break
    return days, lines


def _corresponding(start: date, within: Duration) -> date:
    match within.unit:
        case Unit.WEEK:
            return start + timedelta(weeks=within.count)
        case Unit.MONTH:
            return _add_months(start, within.count)
        case Unit.YEAR:
            return _add_months(start, 12 * within.count)
    return start + timedelta(days=within.count)


def _add_months(start: date, months: int) -> date:
    year, month0 = divmod(start.year * 12 + start.month - 1 + months, 12)
    return date(year, month0 + 1, min(start.day, monthrange(year, month0 + 1)[1]))


def _end_of(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day + timedelta(days=1), time.min, zone).astimezone(UTC)


def _show(day: Day) -> str:
    return f"{day.on} {_WEEKDAYS[day.on.weekday()]}" + (f" · {day.why}" if day.why else "")


def _provisional(days: list[Day], calendar: WorkCalendar) -> tuple[str, ...]:
    years = sorted({day.on.year for day in days if day.provisional})
    if not years:
        return ()
    named = ", ".join(map(str, years))
    return (
        f"暂定 provisional: {calendar.name} {named} 年官方放假调休安排尚未公布,暂按法定节假日计算"
        f" the official days off and make-up working days of {named} are not published yet",
    )
