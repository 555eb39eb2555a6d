"""One case: all that was owed, sent and done in it, in the order of time."""

from dataclasses import dataclass

from sqlalchemy.engine import Connection
from starlette.requests import Request
from starlette.responses import Response

from casefile.audit import Event
from casefile.complaint import Complaint
from casefile.duty import Duty
from casefile.store import complaints, duties, ledger, log
from casefile.store.log import Line
from gateway.console.console import Console
from gateway.console.session import Visitor
from gateway.console.timeline import chart


@dataclass(frozen=True)
class CaseRecord:
    case: Complaint
    route: dict[str, object]
    duties: tuple[Duty, ...]
    lines: tuple[Line, ...]
    events: tuple[Event, ...]


class CasePage:
    def __init__(self, console: Console) -> None:
        self._console = console

    async def show(self, request: Request, visitor: Visitor) -> Response:
        record = await self._console.store.read(_record, request.path_params["number"])
        picture = chart(record.duties, self._console.now())
        return self._console.page(request, visitor, "case.html", record=record, chart=picture)


def _record(tx: Connection, number: str) -> CaseRecord:
    """Raises NotFound."""
    case = complaints.get(tx, log.case_id(tx, number))
    return CaseRecord(
        case=case,
        route=complaints.route_of(tx, case.id),
        duties=tuple(duties.of_case(tx, case.id)),
        lines=tuple(log.of_case(tx, case.id)),
        events=tuple(ledger.events(tx, case.id)),
    )
