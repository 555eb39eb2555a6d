"""What needs a person: duties owed and not proven, and messages that did not simply become a case."""

from starlette.requests import Request
from starlette.responses import Response

from casefile.store import owed
from casefile.store.log import PAGE
from gateway.console.console import Console
from gateway.console.filters import read_place, write_place
from gateway.console.session import Visitor


class Lists:
    def __init__(self, console: Console) -> None:
        self._console = console

    async def owed(self, request: Request, visitor: Visitor) -> Response:
        after = read_place(request.query_params.get("after", ""))
        found = await self._console.store.read(owed.owed, self._console.now(), after, PAGE + 1)
        last = found[PAGE - 1].duty if len(found) > PAGE else None
        more = write_place(last.due_at, last.id) if last else ""
        return self._console.page(request, visitor, "owed.html", owed=found[:PAGE], more=more, first=after is None)

    async def inbox(self, request: Request, visitor: Visitor) -> Response:
        after = read_place(request.query_params.get("after", ""))
        found = await self._console.store.read(owed.arrivals, after, PAGE + 1)
        last = found[PAGE - 1] if len(found) > PAGE else None
        more = write_place(last.received_at, last.id) if last else ""
        return self._console.page(request, visitor, "inbox.html", arrivals=found[:PAGE], more=more, first=after is None)
