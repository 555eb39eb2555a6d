"""Templates into words: `templates/<kind>/<channel>.<language>.txt`, the first line is the subject."""

import calendar
from collections.abc import Mapping
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from jinja2 import Environment, PackageLoader, StrictUndefined

from casefile.envelope import Channel
from casefile.notice import NoticeKind
from casefile.text import clean_header, clean_text

LANGUAGES = ("zh", "en")
_MONTHS = calendar.month_name


class Renderer:
    """Times are shown in `zone`; a language without templates gets English."""

    def __init__(self, zone: ZoneInfo) -> None:
        self._zone = zone
        self._environments = {language: self._environment(language) for language in LANGUAGES}

    def render(
        self, kind: NoticeKind, channel: Channel, language: str, context: Mapping[str, object]
    ) -> tuple[str, str]:
        """Subject and text. A missing context value is an error, never an empty place in a letter."""
        language = language if language in LANGUAGES else "en"
        name = f"{kind}/{'sms' if channel is Channel.SMS else 'email'}.{language}.txt"
        subject, _, text = self._environments[language].get_template(name).render(context).partition("\n")
        return clean_header(subject), clean_text(text.strip()) + "\n"

    def _environment(self, language: str) -> Environment:
        # Plain text: the e-mail channel escapes what it turns into HTML.
        environment = Environment(loader=PackageLoader("notifier"), undefined=StrictUndefined, autoescape=False)  # noqa: S701
        environment.filters["day"] = lambda at: _day(at.astimezone(self._zone), language)
        environment.filters["moment"] = lambda at: _moment(at.astimezone(self._zone), language)
        return environment


def _day(at: datetime, language: str) -> str:
    """A limit that ends at 24:00 is told as that day, not as the first moment of the next."""
    day = (at - timedelta(days=1) if at.time() == time(0) else at).date()
    return f"{day.year}年{day.month}月{day.day}日" if language == "zh" else f"{day.day} {_MONTHS[day.month]} {day.year}"


def _moment(at: datetime, language: str) -> str:
    hour = "24:00" if at.time() == time(0) else f"{at:%H:%M}"
    return f"{_day(at, language)} {hour}"
