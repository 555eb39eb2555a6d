"""The page kit: templates, texts and headers of every page that a person sees, here and in the gateway."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

import jinja2
from jinja2.runtime import Context
from starlette.requests import Request
from starlette.responses import HTMLResponse

from channels.web.words import COOKIE, LANGUAGES, Words, pick_language

SECURITY_HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self' data:; "
        "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}

_HERE = Path(__file__).parent
_YEAR = 365 * 86_400
_DATE_FORMATS = {"zh": "{0.year}年{0.month}月{0.day}日", "en": "{0.day} {0:%B %Y}"}


class Pages:
    """`rooms` are folders with `templates/` and `texts.yaml`; this room's own base layout always comes first."""

    def __init__(self, institution: Mapping[str, str], rooms: Sequence[Path] = (), zone: str = "Asia/Shanghai") -> None:
        folders = [_HERE, *rooms]
        self.words = Words(folder / "texts.yaml" for folder in folders)
        self.css = (_HERE / "huiyin.css").read_bytes()
        self._institution = institution
        self._zone = ZoneInfo(zone)
        self._templates = jinja2.Environment(
            loader=jinja2.FileSystemLoader([folder / "templates" for folder in folders]),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.filters |= {"day": self._day, "last_day": self._last_day, "moment": self._moment}
        self._templates.globals["css_version"] = hashlib.sha256(self.css).hexdigest()[:12]

    def render(
        self, template: str, language: str, *, status_code: int = 200, switch: str | None = None, **context: object
    ) -> HTMLResponse:
        """`switch` is the address of this page in the other language; None where going there would lose something."""
        page = self._templates.get_template(template).render(
            language=language,
            t=partial(self.words, language),
            institution=self._institution.get(language) or next(iter(self._institution.values())),
            switch=switch,
            **context,
        )
        return HTMLResponse(page, status_code, headers={**SECURITY_HEADERS, "Content-Language": language})

    def show(self, request: Request, template: str, *, status_code: int = 200, **context: object) -> HTMLResponse:
        """`render` in the reader's language, with a way to the other one."""
        language = pick_language(request)
        switch = _other_language(request, language) if request.method == "GET" else None
        response = self.render(template, language, status_code=status_code, switch=switch, **context)
        if request.query_params.get("lang") in LANGUAGES:
            response.set_cookie(COOKIE, language, max_age=_YEAR, httponly=True, samesite="lax")
        return response

    @jinja2.pass_context
    def _day(self, context: Context, instant: datetime) -> str:
        return _DATE_FORMATS[context["language"]].format(instant.astimezone(self._zone))

    @jinja2.pass_context
    def _last_day(self, context: Context, limit: datetime) -> str:
        """A limit that ends at 24:00 is told as that day, not as the first moment of the next."""
        return self._day(context, limit - timedelta(microseconds=1))

    @jinja2.pass_context
    def _moment(self, context: Context, instant: datetime) -> str:
        return f"{self._day(context, instant)} {instant.astimezone(self._zone):%H:%M}"


def _other_language(request: Request, language: str) -> str:
    other = next(choice for choice in LANGUAGES if choice != language)
    address = request.url.include_query_params(lang=other)
    return f"/{address.path.lstrip('/')}?{address.query}"  # two slashes would lead to another host
