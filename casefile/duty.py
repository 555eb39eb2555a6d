"""Duty: what is owed, to whom, by when, under which article. Written when it arises."""

from datetime import datetime

from casefile.model import Record
from casefile.status import DutyState


class Duty(Record):
    id: str
    complaint_id: str
    rule_id: str  # the duty's id in its policy pack
    occurrence: int = 1
    does: str
    what: str
    by: str
    to: str
    cite: str
    started_at: datetime
    due_at: datetime
    explain: str
    state: DutyState = DutyState.OPEN
    ended_at: datetime | None = None
