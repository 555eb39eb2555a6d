"""Working days: a country's official calendar with its make-up working days, and what a site knows beyond it."""

import re
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Literal, Self

import holidays
from pydantic import model_validator

from casefile.errors import ConfigError
from casefile.model import Record
from policy.yaml import Misfit, load

_NAME = re.compile(r"([a-z]{2})(?:_([a-z0-9]+))?_workdays")
_LANGUAGES = ("zh_CN", "en_US")
_SCANNED = range(2010, 2041)  # years looked through for make-up working days


class CalendarUnknown(ConfigError):
    """A strict count needs a year whose days off and make-up working days are not published."""


class Exceptional(Record):
    """One day that differs from the built-in calendar, and who says so."""

    day: date
    why: str


class Overrides(Record):
    """The overrides file. `published_years` are those for which it holds the whole official arrangement."""

    huiyin_calendar: Literal[1] = 1
    published_years: frozenset[int] = frozenset()
    days_off: tuple[Exceptional, ...] = ()
    working_days: tuple[Exceptional, ...] = ()

    @model_validator(mode="after")
    def _no_contradiction(self) -> Self:
        both = {e.day for e in self.days_off} & {e.day for e in self.working_days}
        if both:
            raise Misfit(f"{min(both)} is listed as day off and as working day", "Remove one of the two")
        return self

    def known(self) -> dict[date, tuple[bool, str]]:
        """Day -> is it a working day, and why."""
        off = {e.day: (False, e.why) for e in self.days_off}
        return off | {e.day: (True, e.why) for e in self.working_days}


class Day(Record):
    """`why` is empty for an ordinary working day.

    `provisional`: its year is not published yet; statutory holidays are known, moved days are not.
    """

    on: date
    working: bool
    why: str
    provisional: bool


def read_overrides(path: Path) -> Overrides:
    """Raises ConfigError."""
    return load(path, Overrides)


def calendar_named(name: str, overrides: Overrides | None = None, *, strict: bool = False) -> "WorkCalendar":
    """`cn_workdays`, or with a subdivision `gb_eng_workdays`. Raises ConfigError for one that nobody has."""
    match = _NAME.fullmatch(name)
    country, subdivision = (match[1].upper(), (match[2] or "").upper()) if match else ("", "")
    try:
        return WorkCalendar(country, subdivision or None, overrides, strict=strict)
    except NotImplementedError as error:  # the library's word for a country that it does not have
        mend = "Write cn_workdays, or another ISO 3166 code such as gb_workdays or gb_eng_workdays"
        raise ConfigError(f"calendar {name!r}", "no such calendar", mend) from error


class WorkCalendar:
    """Which days are worked in a country.

    Some countries, China first, move working days to weekends by a notice published late in the year before. Until
    that notice is known, a strict calendar raises CalendarUnknown for the year; the other kind answers from the
    statutory holidays and marks the day provisional, so that intake does not stop each December.
    """

    def __init__(
        self, country: str, subdivision: str | None = None, overrides: Overrides | None = None, *, strict: bool = False
    ) -> None:
        overrides = overrides or Overrides()
        self.name = f"{country}-{subdivision}" if subdivision else country
        self.strict = strict
        self._languages = _in_each_language(country, subdivision)
        self._official = self._languages[0]
        self._known = overrides.known()
        self.published_until = _published_until(self._official, overrides)

    def day(self, on: date) -> Day:
        """Raises CalendarUnknown when strict and the year is not published."""
        provisional = on.year > self.published_until
        if provisional and self.strict:
            raise self._unknown(on.year)
        working, why = self._known.get(on) or self._look_up(on)
        return Day(on=on, working=working, why=why, provisional=provisional)

    def days_after(self, on: date) -> Iterator[Day]:
        while True:
            on += timedelta(days=1)
            yield self.day(on)

    def _look_up(self, on: date) -> tuple[bool, str]:
        if on in self._official:
            names = dict.fromkeys(calendar[on] for calendar in self._languages)
            return False, " ".join(names)
        if on in self._official.weekend_workdays:
            return True, "调休上班 make-up working day"
        if on.weekday() in self._official.weekend:
            return False, "周末 weekend"
        return True, ""

    def _unknown(self, year: int) -> CalendarUnknown:
        return CalendarUnknown(
            f"calendar {self.name} {year}",
            f"days off and make-up working days are published only until {self.published_until}",
            f"Update the 'holidays' package, or list the announced days in the overrides file"
            f" and {year} under published_years",
        )


def _in_each_language(country: str, subdivision: str | None) -> list[holidays.HolidayBase]:
    plain = holidays.country_holidays(country, subdiv=subdivision)
    years = [year for year in _SCANNED if plain.start_year <= year <= plain.end_year]
    spoken: list[str | None] = [language for language in _LANGUAGES if language in plain.supported_languages]
    languages = spoken or [plain.default_language]
    return [holidays.country_holidays(country, subdiv=subdivision, years=years, language=name) for name in languages]


def _published_until(official: holidays.HolidayBase, overrides: Overrides) -> int:
    """Where make-up days are the custom, the last year that has any; elsewhere the law alone fixes the calendar."""
    until = max((day.year for day in official.weekend_workdays), default=official.end_year)
    while until + 1 in overrides.published_years:
        until += 1
    return until
