"""The judge: compares what the relay wrote down with what the outbox claims. The relay's journal has the last word."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from casefile.audit import Tag
from casefile.notice import Attempt, Notice
from casefile.status import DutyState, NoticeState
from casefile.store import duties, ledger, outbox
from casefile.store.tables import notice
from tests.faults.load import AT_ONCE
from tests.servers.smtp import Received


@dataclass(frozen=True)
class Sent:
    """One notice with its whole record, and the copies of it that the relay took."""

    notice: Notice
    attempts: Sequence[Attempt]
    accepted_events: int
    duty_met: bool
    copies: Sequence[Received]

    @property
    def extra(self) -> int:
        return max(len(self.copies) - 1, 0)

    @property
    def unexplained(self) -> int:
        """Extra copies without an attempt that says that it was cut short."""
        cut_short = sum(a.finished_at is None or a.outcome in ("fenced", NoticeState.IN_DOUBT) for a in self.attempts)
        return self.extra - cut_short if self.notice.possible_duplicate else self.extra


@dataclass(frozen=True)
class Verdict:
    sent: Sequence[Sent]
    strangers: int  # messages of which the outbox knows nothing
    wrong: Mapping[str, Sequence[str]] = field(init=False)

    def __post_init__(self) -> None:
        found: dict[str, list[str]] = {}
        for one in self.sent:
            for fault in _faults(one):
                found.setdefault(fault, []).append(one.notice.id)
        object.__setattr__(self, "wrong", found)

    @property
    def extras(self) -> int:
        return sum(one.extra for one in self.sent)

    @property
    def fenced(self) -> int:
        return sum(attempt.outcome == "fenced" for one in self.sent for attempt in one.attempts)

    def __str__(self) -> str:
        faults = {name: len(ids) for name, ids in self.wrong.items()}
        return (
            f"{len(self.sent)} notices, {self.extras} extra copies, {self.fenced} fenced, wrong: {faults or 'nothing'}"
        )


def _faults(one: Sent) -> Iterator[str]:
    if not one.copies:
        yield "lost"
    if one.notice.state is not NoticeState.ACCEPTED:
        yield "not at its end"
    elif not one.copies:
        yield "claimed and not sent"
    if any(copy.raw != one.notice.payload or copy.recipients != [one.notice.to] for copy in one.copies):
        yield "altered"
    if one.unexplained > 0:
        yield "doubled and not listed"
    if one.accepted_events != 1:
        yield "acceptance not on record once"
    if not one.duty_met:
        yield "duty not met"
    if [attempt.no for attempt in one.attempts] != list(range(1, one.notice.attempts + 1)):
        yield "attempts do not add up"


def judge(tx: Connection, journal: Sequence[Received]) -> Verdict:
    """All notices that were due at once."""
    copies: dict[str, list[Received]] = {}
    for message in journal:
        copies.setdefault(message.message_id, []).append(message)
    ids = list(tx.execute(sa.select(notice.c.id).where(notice.c.kind.in_(AT_ONCE))).scalars())
    cases = list(tx.execute(sa.select(notice.c.complaint_id).distinct()).scalars())
    accepted = Counter(
        event.detail["notice"]
        for case in cases
        for event in ledger.events(tx, case)
        if event.tag is Tag.NOTICE_ACCEPTED
    )
    met = {duty.id for case in cases for duty in duties.of_case(tx, case) if duty.state is DutyState.MET}
    sent = [_sent(tx, outbox.get(tx, notice_id), accepted, met, copies) for notice_id in ids]
    return Verdict(sent, strangers=len(copies.keys() - {one.notice.message_id for one in sent}))


def _sent(
    tx: Connection,
    one: Notice,
    accepted: Mapping[str | int | bool | None, int],
    met: set[str],
    copies: Mapping[str, Sequence[Received]],
) -> Sent:
    attempts = outbox.attempts(tx, one.id)
    return Sent(one, attempts, accepted[one.id], one.duty_id in met, copies.get(one.message_id, ()))
