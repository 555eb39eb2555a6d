"""Rows to begin with: a case, a duty of it, notices about it. Each may be told what is special about it."""

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy.engine import Connection

from casefile.complaint import Complaint
from casefile.duty import Duty
from casefile.envelope import Channel
from casefile.notice import Notice, NoticeKind, Urgency
from casefile.status import CaseState
from casefile.store import complaints, duties, outbox
from casefile.store.ledger import append
from tests.people import LI_WEI

MONDAY = datetime(2026, 3, 2, 1, 2, 3, 456789, tzinfo=UTC)
CASE = "c" * 32


def complaint(**special: object) -> Complaint:
    usual: dict[str, object] = {
        "id": CASE,
        "number": "HY-2026-000001",
        "channel": Channel.EMAIL,
        "state": CaseState.ASSIGNED,
        "received_at": MONDAY,
        "complainant": LI_WEI,
        "text": "南湖支行三个窗口只开一个。",
        "office_id": "nanhu",
        "policy": "default@1",
    }
    return Complaint.model_validate(usual | special)


def duty(**special: object) -> Duty:
    usual: dict[str, object] = {
        "id": "d" * 32,
        "complaint_id": CASE,
        "rule_id": "receipt",
        "does": "acknowledge",
        "what": "receipt",
        "by": "desk",
        "to": "complainant",
        "cite": "1",
        "started_at": MONDAY,
        "due_at": MONDAY + timedelta(minutes=15),
        "explain": "received + 15min",
    }
    return Duty.model_validate(usual | special)


def notice(number: int = 1, **special: object) -> Notice:
    payload = f"Message-ID: <n.{number}@bank.example>\r\n\r\n回执 {number}\r\n".encode()
    usual: dict[str, object] = {
        "id": f"{number:032x}",
        "complaint_id": CASE,
        "rule_id": "receipt",
        "recipient_id": "complainant",
        "occurrence": number,
        "kind": NoticeKind.RECEIPT,
        "urgency": Urgency.TASK,
        "channel": Channel.EMAIL,
        "to": "li.wei@customer.example",
        "message_id": f"<n.{number}@bank.example>",
        "subject": "回执",
        "payload": payload,
        "payload_sha256": hashlib.sha256(payload).hexdigest(),
        "due_at": MONDAY,
        "next_at": MONDAY,
        "created_at": MONDAY,
    }
    return Notice.model_validate(usual | special)


def open_case(
    tx: Connection, case: Complaint | None = None, owed: Sequence[Duty] = (), notices: Sequence[Notice] = ()
) -> None:
    case = case or complaint()
    complaints.insert(tx, case, {"reasons": ["branch-named"]}, f"{case.number} secret")
    append(tx, case.id, MONDAY, "test", [*duties.owe(tx, owed), *outbox.plan(tx, notices)])
