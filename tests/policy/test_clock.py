"""The golden vectors of the counting rule, then its properties."""

from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy.calendar import CalendarUnknown, calendar_named
from policy.clock import due
from policy.durations import Duration, Unit, parse_duration

SHANGHAI = ZoneInfo("Asia/Shanghai")
CHINA = calendar_named("cn_workdays", strict=True)


def last_day(start: str, within: str) -> str:
    begun = datetime.combine(date.fromisoformat(start), time(9, 30), SHANGHAI)
    limit = due(begun, parse_duration(within), SHANGHAI, CHINA)
    assert limit.last_day is not None
    assert limit.at == datetime.combine(limit.last_day + timedelta(days=1), time.min, SHANGHAI)
    assert limit.at.tzinfo is UTC
    return str(limit.last_day)


@pytest.mark.parametrize(
    ("start", "within", "result"),
    [
        ("2025-09-29", "same_day", "2025-09-29"),
        ("2025-09-29", "2wd", "2025-10-09"),
        ("2025-09-30", "7wd", "2025-10-16"),
        ("2025-09-29", "3mo", "2025-12-29"),
        ("2025-09-29", "1wd", "2025-09-30"),
        ("2025-09-29", "3wd", "2025-10-10"),
        ("2025-09-29", "5wd", "2025-10-13"),
        ("2025-09-29", "7wd", "2025-10-15"),
        ("2025-09-29", "10wd", "2025-10-20"),
        ("2025-09-20", "15cd", "2025-10-09"),
        ("2025-09-29", "30cd", "2025-10-29"),
        ("2025-11-30", "3mo", "2026-02-28"),
    ],
)
def test_golden_vectors(start: str, within: str, result: str) -> None:
    assert last_day(start, within) == result


@pytest.mark.parametrize(
    ("start", "within", "result"),
    [
        ("2024-02-29", "1y", "2025-02-28"),  # no 29 February
        ("2025-10-31", "1mo", "2025-12-01"),  # clamped to Sunday 30 November, which rolls
        ("2025-12-31", "2mo", "2026-02-28"),
        ("2025-08-06", "8wk", "2025-10-09"),  # 1 October
        ("2025-09-30", "next_day", "2025-10-09"),
        ("2025-10-11", "same_day", "2025-10-11"),  # a Saturday that is worked
        ("2025-10-12", "same_day", "2025-10-13"),
        ("2025-09-26", "1wd", "2025-09-28"),  # a Sunday that is worked
    ],
)
def test_edges(start: str, within: str, result: str) -> None:
    assert last_day(start, within) == result


def test_hours_and_minutes_run_at_once() -> None:
    start = datetime(2025, 10, 1, 15, 59, tzinfo=UTC)
    limit = due(start, parse_duration("24h"), SHANGHAI, CHINA)
    assert limit.at == datetime(2025, 10, 2, 15, 59, tzinfo=UTC)
    assert limit.last_day is None
    assert limit.explain[-1] == "截止 due: 2025-10-02 23:59 Asia/Shanghai (+24h)"
    assert due(start, parse_duration("5min"), SHANGHAI, CHINA).at == start + timedelta(minutes=5)


def test_the_day_of_the_event_is_the_local_one() -> None:
    """17:00 UTC is the next morning in Shanghai."""
    evening = datetime(2025, 10, 13, 17, 0, tzinfo=UTC)
    assert due(evening, parse_duration("1wd"), SHANGHAI, CHINA).last_day == date(2025, 10, 15)
    assert due(evening, parse_duration("1wd"), ZoneInfo("UTC"), CHINA).last_day == date(2025, 10, 14)


def test_a_day_of_23_hours_still_ends_at_its_midnight() -> None:
    berlin, germany = ZoneInfo("Europe/Berlin"), calendar_named("de_workdays")
    limit = due(datetime(2026, 3, 27, 12, tzinfo=UTC), parse_duration("1wd"), berlin, germany)
    assert limit.at == datetime(2026, 3, 30, 22, tzinfo=UTC)
    assert due(datetime(2026, 3, 26, 12, tzinfo=UTC), parse_duration("1wd"), berlin, germany).at == datetime(
        2026, 3, 27, 23, tzinfo=UTC
    )


def test_the_sum_is_shown_day_by_day() -> None:
    start = datetime(2025, 9, 30, 9, 0, tzinfo=SHANGHAI)
    assert due(start, parse_duration("2wd"), SHANGHAI, CHINA).explain == (
        "开始 start: 2025-09-30 09:00 Asia/Shanghai (周二 Tue), 当日不计 day not counted",
        "2025-10-01 周三 Wed · 国庆节 National Day: 不计 not counted",
        "2025-10-02 周四 Thu · 国庆节 National Day: 不计 not counted",
        "2025-10-03 周五 Fri · 国庆节 National Day: 不计 not counted",
        "2025-10-04 周六 Sat · 周末 weekend: 不计 not counted",
        "2025-10-05 周日 Sun · 周末 weekend: 不计 not counted",
        "2025-10-06 周一 Mon · 中秋节 Mid-Autumn Festival: 不计 not counted",
        "2025-10-07 周二 Tue · 休息日（由 2025-09-28 调休） Day off (substituted from 09/28/2025): 不计 not counted",
        "2025-10-08 周三 Wed · 休息日（由 2025-10-11 调休） Day off (substituted from 10/11/2025): 不计 not counted",
        "2025-10-09 周四 Thu: 第1个工作日 working day 1",
        "2025-10-10 周五 Fri: 第2个工作日 working day 2",
        "截止 due: 2025-10-10 24:00 Asia/Shanghai",
    )


def test_a_roll_is_shown() -> None:
    start = datetime(2025, 10, 3, 9, 0, tzinfo=SHANGHAI)
    assert due(start, parse_duration("8cd"), SHANGHAI, CHINA).explain[1] == (
        "2025-10-11 周六 Sat · 调休上班 make-up working day: 期满 end of 8cd"
    )
    assert due(start, parse_duration("9cd"), SHANGHAI, CHINA).explain[1:3] == (
        "2025-10-12 周日 Sun · 周末 weekend: 期满 end of 9cd, 顺延 moves on",
        "2025-10-13 周一 Mon: 顺延至此 moved here",
    )


def test_december_goes_on_before_next_year_is_published() -> None:
    year = CHINA.published_until
    start = datetime(year, 12, 28, 2, 0, tzinfo=UTC)
    with pytest.raises(CalendarUnknown):
        due(start, parse_duration("7wd"), SHANGHAI, CHINA)
    limit = due(start, parse_duration("7wd"), SHANGHAI, calendar_named("cn_workdays"))
    assert limit.last_day is not None
    assert limit.last_day.year == year + 1
    assert f"暂定 provisional: CN {year + 1} 年官方放假调休安排尚未公布" in limit.explain[-2]


def test_a_limit_needs_an_instant() -> None:
    with pytest.raises(ValueError, match="has no time zone"):
        due(datetime(2025, 9, 30), parse_duration("2wd"), SHANGHAI, CHINA)  # noqa: DTZ001 - the point of the test


instants = st.datetimes(datetime(2015, 1, 1), datetime(2025, 12, 1), timezones=st.just(UTC))  # noqa: DTZ001
zones = st.sampled_from(["Asia/Shanghai", "UTC", "Europe/London", "America/New_York", "Pacific/Apia"]).map(ZoneInfo)
lengths = st.builds(
    Duration, count=st.integers(1, 40), unit=st.sampled_from([u for u in Unit if u not in (Unit.YEAR, Unit.MONTH)])
) | st.builds(Duration, count=st.integers(1, 12), unit=st.just(Unit.MONTH))
EASY_CHINA = calendar_named("cn_workdays")


@given(instants, lengths, zones)
def test_due_comes_after_the_start(start: datetime, within: Duration, zone: ZoneInfo) -> None:
    assert due(start, within, zone, EASY_CHINA).at > start


@given(instants, st.integers(0, 10**7), lengths, zones)
def test_who_starts_later_is_never_due_earlier(start: datetime, wait: int, within: Duration, zone: ZoneInfo) -> None:
    later = start + timedelta(seconds=wait)
    assert due(start, within, zone, EASY_CHINA).at <= due(later, within, zone, EASY_CHINA).at


@given(instants, lengths, zones)
def test_a_longer_limit_never_ends_earlier(start: datetime, within: Duration, zone: ZoneInfo) -> None:
    longer = within.model_copy(update={"count": within.count + 1})
    assert due(start, within, zone, EASY_CHINA).at <= due(start, longer, zone, EASY_CHINA).at


@given(st.dates(date(2015, 1, 1), date(2025, 10, 1)), st.integers(1, 30))
def test_working_days_one_at_a_time_are_as_many_at_once(start: date, count: int) -> None:
    def add(on: date, days: int) -> date:
        limit = due(
            datetime.combine(on, time(12), SHANGHAI), Duration(count=days, unit=Unit.WORKING_DAY), SHANGHAI, CHINA
        )
        assert limit.last_day is not None
        return limit.last_day

    stepped = start
    for _ in range(count):
        stepped = add(stepped, 1)
    assert stepped == add(start, count)
    worked = (day.on for day in CHINA.days_after(start) if day.working)
    assert stepped == next(islice(worked, count - 1, None))


@given(st.dates(date(2015, 1, 1), date(2025, 6, 1)), st.integers(1, 6))
def test_months_keep_the_day_or_take_the_last_one(start: date, months: int) -> None:
    begun = datetime.combine(start, time(12), SHANGHAI)
    limit = due(begun, Duration(count=months, unit=Unit.MONTH), SHANGHAI, CHINA)
    ended = date.fromisoformat(limit.explain[1][:10])
    assert (ended.year * 12 + ended.month) - (start.year * 12 + start.month) == months
    assert ended.day == start.day or (ended.day < start.day and (ended + timedelta(days=1)).day == 1)


@given(st.dates(date(2015, 1, 1), date(2025, 6, 1)), lengths)
def test_limits_in_days_end_on_a_working_day(start: date, within: Duration) -> None:
    limit = due(datetime.combine(start, time(12), SHANGHAI), within, SHANGHAI, CHINA)
    assert limit.last_day is None or CHINA.day(limit.last_day).working
