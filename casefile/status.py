"""The states of cases, duties and notices, and the moves that are allowed between them."""

from collections.abc import Mapping
from enum import StrEnum


class CaseState(StrEnum):
    RECEIVED = "received"
    ASSIGNED = "assigned"  # an office has been told
    ACCEPTED = "accepted"  # the office has taken it
    RESOLVED = "resolved"  # the customer has been given a decision
    REOPENED = "reopened"  # the customer is not satisfied
    CLOSED = "closed"  # the customer is satisfied


class DutyState(StrEnum):
    OPEN = "open"
    MET = "met"
    CANCELLED = "cancelled"


class NoticeState(StrEnum):
    SCHEDULED = "scheduled"  # goes out once `next_at` has come
    SENDING = "sending"  # claimed by one worker, under a lease
    RETRY_WAIT = "retry_wait"  # the last attempt failed before anything was handed over
    IN_DOUBT = "in_doubt"  # the other side may have it
    ACCEPTED = "accepted"  # the relay or provider took it
    DELIVERED = "delivered"  # the recipient's side confirmed it
    UNDELIVERED = "undelivered"  # it came back
    WITHHELD = "withheld"  # not sent on purpose; the reason is on record
    CANCELLED = "cancelled"  # no longer owed
    DEAD = "dead"  # given up; a person must act


Moves = Mapping[StrEnum, frozenset[StrEnum]]

_C, _N = CaseState, NoticeState

CASE_MOVES: Moves = {
    _C.RECEIVED: frozenset({_C.ASSIGNED}),
    _C.ASSIGNED: frozenset({_C.ASSIGNED, _C.ACCEPTED, _C.RESOLVED}),
    _C.ACCEPTED: frozenset({_C.ASSIGNED, _C.ACCEPTED, _C.RESOLVED}),
    _C.RESOLVED: frozenset({_C.RESOLVED, _C.REOPENED, _C.CLOSED}),
    _C.REOPENED: frozenset({_C.ASSIGNED, _C.ACCEPTED, _C.RESOLVED}),
    _C.CLOSED: frozenset({_C.REOPENED}),
}

DUTY_MOVES: Moves = {
    DutyState.OPEN: frozenset({DutyState.MET, DutyState.CANCELLED}),
    DutyState.MET: frozenset({DutyState.OPEN}),  # the notice that met it came back
    DutyState.CANCELLED: frozenset(),
}

NOTICE_MOVES: Moves = {
    _N.SCHEDULED: frozenset({_N.SENDING, _N.WITHHELD, _N.CANCELLED}),
    _N.SENDING: frozenset({_N.ACCEPTED, _N.RETRY_WAIT, _N.IN_DOUBT, _N.DEAD, _N.DELIVERED, _N.UNDELIVERED}),
    _N.RETRY_WAIT: frozenset({_N.SENDING, _N.WITHHELD, _N.CANCELLED, _N.DEAD}),
    _N.IN_DOUBT: frozenset({_N.SENDING, _N.ACCEPTED, _N.DELIVERED, _N.UNDELIVERED, _N.DEAD}),
    _N.ACCEPTED: frozenset({_N.DELIVERED, _N.UNDELIVERED}),
    _N.DELIVERED: frozenset(),
    _N.UNDELIVERED: frozenset(),
    _N.WITHHELD: frozenset(),
    _N.CANCELLED: frozenset(),
    _N.DEAD: frozenset({_N.SCHEDULED, _N.DELIVERED, _N.UNDELIVERED}),  # a person may send it again
}
