"""What an office does with a case, and what the customer may see and say: each act is one transaction."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from sqlalchemy.engine import Connection

from casefile.audit import Event, Tag
from casefile.complaint import Complaint
from casefile.duty import Duty
from casefile.envelope import Envelope
from casefile.errors import ForbiddenMove, InputError
from casefile.notice import NoticeKind
from casefile.office import Office
from casefile.status import CaseState
from casefile.store import complaints, duties, inbound, ledger, links
from casefile.store.complaints import Remark
from casefile.store.engine import Store
from casefile.store.ledger import CASE, Detail, Move
from casefile.text import clean_text
from notifier.doorbell import Doorbell
from notifier.plan import Planner
from policy.vocabulary import CaseEvent
from router.offices import Offices

MAX_WORDS = 10_000


class Action(StrEnum):
    ACCEPT = "accept"
    PROGRESS = "progress"
    RESOLVE = "resolve"
    REFER = "refer"


@dataclass(frozen=True)
class DeskView:
    """All that the accountable office needs on one page. `offices` are those it may refer to."""

    case: Complaint
    office: Office
    messages: tuple[Envelope, ...]
    remarks: tuple[Remark, ...]
    duties: tuple[Duty, ...]
    events: tuple[Event, ...]
    offices: tuple[Office, ...]

    @property
    def revision(self) -> int:
        return _revision(self.events)


@dataclass(frozen=True)
class Act:
    """What an office does: `words` reach the customer (progress, resolve) or the next office (refer).

    `seen` is the revision of the case that the office had before its eyes; at any other, nothing is done.
    """

    action: Action
    words: str = ""
    to_office: str = ""
    seen: int | None = None


@dataclass(frozen=True)
class Casework:
    store: Store
    offices: Offices
    planner: Planner
    doorbell: Doorbell
    now: Callable[[], datetime] = field(repr=False)

    async def desk(self, token: str) -> DeskView:
        """Raises NotFound, LinkExpired. Changes nothing."""
        return await self.store.read(self._view, token)

    async def act(self, token: str, act: Act) -> DeskView:
        """Raises NotFound, LinkExpired, InputError (what is missing), ForbiddenMove (the state, or what was seen)."""
        act = _checked(act)
        view = await self.store.write(self._act, token, act)
        await self.doorbell.ring(view.case.id, len(view.events))
        return view

    def _view(self, tx: Connection, token: str) -> DeskView:
        found = links.find(tx, token, "desk", self.now())
        return self._show(tx, complaints.get(tx, found.complaint_id), found.office_id or "")

    def _show(self, tx: Connection, case: Complaint, office_id: str) -> DeskView:
        office = self.offices.get(office_id) or self.offices.desk
        return DeskView(
            case=case,
            office=office,
            messages=tuple(inbound.of_case(tx, case.id)),
            remarks=tuple(complaints.remarks(tx, case.id)),
            duties=tuple(duties.of_case(tx, case.id)),
            events=tuple(ledger.events(tx, case.id)),
            offices=tuple(o for o in self.offices if o.email and o.id != office.id),
        )

    def _act(self, tx: Connection, token: str, act: Act) -> DeskView:
        found = links.find(tx, token, "desk", self.now())
        case = complaints.lock(tx, found.complaint_id)
        if act.seen not in (None, _revision(ledger.events(tx, case.id))):
            raise ForbiddenMove(f"case {case.number} has moved on since the office looked at it")
        actor = f"office:{found.office_id}"
        steps = {
            Action.ACCEPT: self._accept,
            Action.PROGRESS: self._progress,
            Action.RESOLVE: self._resolve,
            Action.REFER: self._refer,
        }
        steps[act.action](tx, case, act, actor)
        return self._show(tx, complaints.get(tx, case.id), found.office_id or "")

    def _accept(self, tx: Connection, case: Complaint, act: Act, actor: str) -> None:
        self._move(tx, case, CaseState.ACCEPTED, Tag.CASE_ACCEPTED, actor)
        self.planner.happened(tx, case, CaseEvent.ACCEPTED, self.now(), actor)

    def _progress(self, tx: Connection, case: Complaint, act: Act, actor: str) -> None:
        remark = self._remark(tx, case, "progress", act.words, actor)
        self._move(tx, case, CaseState.ACCEPTED, Tag.CASE_PROGRESS, actor, {"remark": remark})
        self.planner.say(tx, case, NoticeKind.PROGRESS, act.words, self.now(), actor, CaseEvent.PROGRESS)

    def _resolve(self, tx: Connection, case: Complaint, act: Act, actor: str) -> None:
        remark = self._remark(tx, case, "decision", act.words, actor)
        self._move(tx, case, CaseState.RESOLVED, Tag.CASE_RESOLVED, actor, {"remark": remark})
        self.planner.say(tx, case, NoticeKind.DECISION, act.words, self.now(), actor, CaseEvent.REPLIED)

    def _refer(self, tx: Connection, case: Complaint, act: Act, actor: str) -> None:
        office = self.offices.get(act.to_office)
        if office is None or not office.email or office.id == case.office_id:
            raise InputError("choose another office", {"to_office": "office.unknown"})
        remark = self._remark(tx, case, "referral", act.words, actor)
        detail: Detail = {"from": case.office_id, "to": office.id, "remark": remark}
        values: dict[str, object] = {"office_id": office.id}
        self._move(tx, case, CaseState.ASSIGNED, Tag.CASE_REFERRED, actor, detail, values)
        links.revoke(tx, case.id, "desk", self.now(), actor, "the case was referred to another office")
        case = case.model_copy(update={"office_id": office.id})
        self.planner.readdress(tx, case, self.now(), actor)
        self.planner.happened(tx, case, CaseEvent.TRANSFERRED, self.now(), actor, words=act.words)

    def _remark(self, tx: Connection, case: Complaint, kind: str, words: str, actor: str) -> str:
        return complaints.add_remark(tx, case.id, Remark(kind, actor, words, self.now()))

    def _move(
        self,
        tx: Connection,
        case: Complaint,
        to: CaseState,
        tag: Tag,
        actor: str,
        detail: Detail | None = None,
        values: dict[str, object] | None = None,
    ) -> None:
        ledger.transition(tx, self.now(), actor, Move(CASE, case.id, to, tag, detail or {}, values or {}))


def _checked(act: Act) -> Act:
    """Words are required for all but accepting, and have a limit."""
    words = clean_text(act.words).strip()
    if act.action is not Action.ACCEPT and not words:
        raise InputError("write what the customer or the next office is to read", {"words": "words.missing"})
    if len(words) > MAX_WORDS:
        raise InputError(f"at most {MAX_WORDS} characters", {"words": "words.too_long"})
    return replace(act, words=words)


def _revision(events: Sequence[Event]) -> int:
    """How often something was done in the case or written to it; notices going out do not count."""
    return sum(event.tag.startswith(("case:", "message:")) for event in events)
