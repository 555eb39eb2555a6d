"""The notification log: a line per notice, and the same lines as a file."""

from collections.abc import AsyncIterator

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from casefile.audit import Tag
from casefile.envelope import Channel
from casefile.notice import NoticeKind
from casefile.status import NoticeState
from casefile.store import log
from casefile.store.log import PAGE, Filter, Line, Place
from channels.web.pages import SECURITY_HEADERS
from channels.web.words import pick_language
from gateway.console.console import Console
from gateway.console.csv_file import BOM, Sheet
from gateway.console.filters import read_filter, read_place, write_place
from gateway.console.session import Visitor
from gateway.download import disposition
from notifier.write import COMPLAINANT

_CHUNK = 500


class LogPage:
    def __init__(self, console: Console) -> None:
        self._console = console

    async def show(self, request: Request, visitor: Visitor) -> Response:
        console, query = self._console, request.query_params
        asked = read_filter(query, console.zone, console.now())
        after = read_place(query.get("after", ""))
        lines = await console.store.read(log.lines, asked.chosen, after, PAGE + 1)
        more = write_place(lines[PAGE - 1].due_at, lines[PAGE - 1].id) if len(lines) > PAGE else ""
        return console.page(
            request,
            visitor,
            "log.html",
            lines=lines[:PAGE],
            asked=asked,
            more=more,
            first=after is None,
            states=list(NoticeState),
            kinds=list(NoticeKind),
            channels=[Channel.EMAIL, Channel.SMS],
            recipients=[COMPLAINANT, *(office.id for office in console.offices if office.email)],
        )

    async def export(self, request: Request, visitor: Visitor) -> Response:
        """On record before its first byte goes out."""
        console, now = self._console, self._console.now()
        asked = read_filter(request.query_params, console.zone, now)
        await console.note(Tag.CONSOLE_EXPORT, visitor.actor, {"filter": asked.query})
        headers = {**SECURITY_HEADERS, "Content-Disposition": disposition(f"huiyin-notices-{now:%Y%m%dT%H%M}Z.csv")}
        rows = self._rows(asked.chosen, Sheet(console, pick_language(request), now))
        return StreamingResponse(rows, headers=headers, media_type="text/csv; charset=utf-8")

    async def _rows(self, chosen: Filter, sheet: Sheet) -> AsyncIterator[bytes]:
        yield BOM + sheet.head()
        after: Place | None = None
        while True:
            lines: list[Line] = await self._console.store.read(log.lines, chosen, after, _CHUNK)
            yield b"".join(sheet.row(line) for line in lines)
            if len(lines) < _CHUNK:
                return
            after = Place(lines[-1].due_at, lines[-1].id)
