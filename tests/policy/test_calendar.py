from datetime import date
from pathlib import Path

import pytest

from casefile.errors import ConfigError
from policy.calendar import CalendarUnknown, Overrides, WorkCalendar, calendar_named, read_overrides


@pytest.fixture(scope="module")
def china() -> WorkCalendar:
    return calendar_named("cn_workdays", strict=True)


@pytest.mark.parametrize(
    ("day", "working", "why"),
    [
        ("2025-09-28", True, "调休上班 make-up working day"),
        ("2025-10-01", False, "国庆节 National Day"),
        ("2025-10-08", False, "休息日（由 2025-10-11 调休） Day off (substituted from 10/11/2025)"),
        ("2025-10-11", True, "调休上班 make-up working day"),
        ("2025-10-12", False, "周末 weekend"),
        ("2025-10-13", True, ""),
        ("2026-02-14", True, "调休上班 make-up working day"),
        ("2026-02-23", False, "休息日（由 2026-02-28 调休） Day off (substituted from 02/28/2026)"),
        ("2026-02-24", True, ""),
    ],
)
def test_china_with_its_make_up_days(china: WorkCalendar, day: str, working: bool, why: str) -> None:
    found = china.day(date.fromisoformat(day))
    assert (found.working, found.why, found.provisional) == (working, why, False)


def test_national_day_2025_takes_eight_days(china: WorkCalendar) -> None:
    assert not any(china.day(date(2025, 10, d)).working for d in range(1, 9))
    assert china.day(date(2025, 9, 30)).working
    assert china.day(date(2025, 10, 9)).working


def test_a_strict_calendar_refuses_a_year_that_is_not_published(china: WorkCalendar) -> None:
    unpublished = china.published_until + 1
    with pytest.raises(CalendarUnknown) as caught:
        china.day(date(unpublished, 1, 4))
    assert str(caught.value) == (
        f"calendar CN {unpublished}: days off and make-up working days are published only until {unpublished - 1}. "
        f"Update the 'holidays' package, or list the announced days in the overrides file "
        f"and {unpublished} under published_years"
    )


def test_the_other_calendar_answers_from_the_statutory_holidays_and_says_so(china: WorkCalendar) -> None:
    unpublished = china.published_until + 1
    new_year = calendar_named("cn_workdays").day(date(unpublished, 1, 1))
    assert not new_year.working
    assert new_year.provisional


def test_an_announced_year_can_be_entered_by_hand(tmp_path: Path, china: WorkCalendar) -> None:
    year = china.published_until + 1
    file = tmp_path / "calendar.yaml"
    file.write_text(
        f"huiyin_calendar: 1\npublished_years: [{year}]\n"
        f"days_off: [{{day: {year}-03-15, why: 临时放假}}]\n"
        f"working_days: [{{day: {year}-01-01, why: 调休}}]\n",
        encoding="utf-8",
    )
    calendar = calendar_named("cn_workdays", read_overrides(file), strict=True)
    assert calendar.published_until == year
    off, worked = calendar.day(date(year, 3, 15)), calendar.day(date(year, 1, 1))
    assert (off.working, off.why, off.provisional) == (False, "临时放假", False)
    assert (worked.working, worked.why) == (True, "调休")
    with pytest.raises(CalendarUnknown):
        calendar.day(date(year + 1, 1, 4))


def test_a_gap_in_the_published_years_stays_a_gap(china: WorkCalendar) -> None:
    later = Overrides(published_years=frozenset({china.published_until + 2}))
    assert calendar_named("cn_workdays", later).published_until == china.published_until


def test_a_day_cannot_be_both(tmp_path: Path) -> None:
    file = tmp_path / "calendar.yaml"
    file.write_text("days_off: [{day: 2027-03-15, why: a}]\nworking_days: [{day: 2027-03-15, why: b}]\n")
    with pytest.raises(ConfigError, match=r"2027-03-15 is listed as day off and as working day\. Remove one"):
        read_overrides(file)


def test_where_the_law_alone_fixes_the_calendar_every_year_is_known() -> None:
    england = calendar_named("gb_eng_workdays", strict=True)
    assert not england.day(date(2026, 8, 31)).working  # the summer bank holiday, which Scotland does not keep
    assert calendar_named("gb_sct_workdays").day(date(2026, 8, 31)).working
    assert england.day(date(2040, 1, 3)).working


@pytest.mark.parametrize("name", ["cn", "xx_workdays", "gb_xyz_workdays", "CN_workdays", ""])
def test_a_calendar_that_nobody_has(name: str) -> None:
    with pytest.raises(ConfigError, match="no such calendar"):
        calendar_named(name)
