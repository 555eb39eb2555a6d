"""What a customer may see and say without an account: status and dates, and the answer to the revisit."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy.engine import Connection

from casefile.audit import Event, Tag
from casefile.complaint import Complaint
from casefile.notice import NoticeKind
from casefile.status import CaseState, DutyState
from casefile.store import complaints, duties, inbound, ledger, links
from casefile.store.complaints import Remark
from casefile.store.engine import Store
from casefile.store.ledger import CASE, Move
from casefile.text import clean_text
from casefile.token import digest
from channels.web.desk import RevisitView, TrackView
from notifier.doorbell import Doorbell
from notifier.plan import Planner
from policy.vocabulary import CaseEvent

ACTOR = "complainant"
_STEPS = {
    CaseState.RECEIVED: (Tag.CASE_OPENED,),
    CaseState.ASSIGNED: (Tag.CASE_ROUTED, Tag.CASE_REFERRED),
    CaseState.ACCEPTED: (Tag.CASE_ACCEPTED, Tag.CASE_PROGRESS),
    CaseState.RESOLVED: (Tag.CASE_RESOLVED,),
    CaseState.REOPENED: (Tag.CASE_REOPENED,),
    CaseState.CLOSED: (Tag.CASE_CLOSED,),
}
_MAX_COMMENT = 2000


@dataclass(frozen=True)
class PublicDesk:
    """Implements `channels.web.desk.WebDesk`."""

    store: Store
    planner: Planner
    doorbell: Doorbell
    now: Callable[[], datetime] = field(repr=False)

    async def track(self, number: str, secret: str) -> TrackView | None:
        return await self.store.read(_track, number.strip().upper(), digest(secret.strip().lower()))

    async def revisit_view(self, token: str) -> RevisitView | None:
        return await self.store.read(self._revisit, token)

    async def revisit_answer(self, token: str, satisfied: bool, comment: str) -> RevisitView:
        view = await self.store.write(self._answer, token, satisfied, clean_text(comment)[:_MAX_COMMENT].strip())
        await self.doorbell.ring(digest(token)[:32])
        return view

    async def key_known(self, source: str, external_id: str, content_hash: str) -> bool:
        return await self.store.read(inbound.key_reused, source, external_id, content_hash)

    def _revisit(self, tx: Connection, token: str) -> RevisitView:
        found = links.find(tx, token, "revisit", self.now())
        return _revisit_view(tx, complaints.get(tx, found.complaint_id))

    def _answer(self, tx: Connection, token: str, satisfied: bool, comment: str) -> RevisitView:
        found = links.find(tx, token, "revisit", self.now())
        case = complaints.lock(tx, found.complaint_id)
        if case.satisfied is None or case.satisfied != satisfied:
            self._settle(tx, case, satisfied, comment)
        return _revisit_view(tx, complaints.get(tx, case.id))

    def _settle(self, tx: Connection, case: Complaint, satisfied: bool, comment: str) -> None:
        """Satisfied closes the case; not satisfied takes it up again and tells the office why."""
        at = self.now()
        remark = complaints.add_remark(tx, case.id, Remark("revisit", ACTOR, comment, at))
        to, tag = (CaseState.CLOSED, Tag.CASE_CLOSED) if satisfied else (CaseState.REOPENED, Tag.CASE_REOPENED)
        move = Move(CASE, case.id, to, tag, {"remark": remark}, {"satisfied": satisfied})
        ledger.transition(tx, at, ACTOR, move)
        if satisfied:
            self.planner.happened(tx, case, CaseEvent.CLOSED, at, ACTOR)
        else:
            words = comment or "客户对处理结果不满意。 The customer is not satisfied with the outcome."
            self.planner.say(tx, case, NoticeKind.ADDITION, words, at, ACTOR, CaseEvent.REOPENED)


def _track(tx: Connection, number: str, secret_hash: str) -> TrackView | None:
    case = complaints.by_secret(tx, number, secret_hash)
    if case is None:
        return None
    events = ledger.events(tx, case.id)
    steps = tuple((state, _last(events, tags)) for state, tags in _STEPS.items())
    reply = [d for d in duties.of_case(tx, case.id) if d.what == NoticeKind.DECISION and d.state is DutyState.OPEN]
    shown = tuple((state, at) for state, at in steps if at or state is not CaseState.REOPENED)
    return TrackView(case.number, case.state, case.received_at, shown, reply[0].due_at if reply else None)


def _revisit_view(tx: Connection, case: Complaint) -> RevisitView:
    events = ledger.events(tx, case.id)
    answered = _last(events, (Tag.CASE_CLOSED, Tag.CASE_REOPENED))
    resolved = _last(events, (Tag.CASE_RESOLVED,))
    return RevisitView(case.number, case.received_at, resolved, case.satisfied, answered)


def _last(events: Sequence[Event], tags: tuple[Tag, ...]) -> datetime | None:
    return max((event.at for event in events if event.tag in tags), default=None)
