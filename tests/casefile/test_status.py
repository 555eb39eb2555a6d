from enum import StrEnum

import pytest

from casefile.status import CASE_MOVES, DUTY_MOVES, NOTICE_MOVES, CaseState, DutyState, Moves, NoticeState

TABLES = [(CaseState, CASE_MOVES), (DutyState, DUTY_MOVES), (NoticeState, NOTICE_MOVES)]


@pytest.mark.parametrize(("states", "moves"), TABLES)
def test_every_state_has_its_row(states: type[StrEnum], moves: Moves) -> None:
    assert set(moves) == set(states)
    assert all(isinstance(target, states) for targets in moves.values() for target in targets)


@pytest.mark.parametrize(("states", "moves"), TABLES)
def test_every_state_can_be_reached_from_the_first(states: type[StrEnum], moves: Moves) -> None:
    reached: set[StrEnum] = {next(iter(states))}
    while new := {target for state in reached for target in moves[state]} - reached:
        reached |= new
    assert reached == set(states)


def test_nothing_is_sent_twice_from_a_proven_state() -> None:
    """What the relay has taken never goes back to where a worker could claim it."""
    claimable = {NoticeState.SCHEDULED, NoticeState.SENDING, NoticeState.RETRY_WAIT}
    for taken in (NoticeState.ACCEPTED, NoticeState.DELIVERED, NoticeState.UNDELIVERED):
        assert not NOTICE_MOVES[taken] & claimable


def test_a_withheld_or_cancelled_notice_stays_so() -> None:
    assert not NOTICE_MOVES[NoticeState.WITHHELD]
    assert not NOTICE_MOVES[NoticeState.CANCELLED]


def test_a_closed_case_can_be_taken_up_again() -> None:
    assert CASE_MOVES[CaseState.CLOSED] == {CaseState.REOPENED}
    assert CaseState.CLOSED not in CASE_MOVES[CaseState.REOPENED]


def test_a_case_is_not_closed_before_the_customer_has_an_answer() -> None:
    assert [state for state, targets in CASE_MOVES.items() if CaseState.CLOSED in targets] == [CaseState.RESOLVED]
