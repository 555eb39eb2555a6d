import random
from datetime import timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from notifier.backoff import FIRST, LONGEST, MAX_ATTEMPTS, delay


@given(st.integers(1, 10**6), st.integers())
def test_a_delay_lies_between_half_a_step_and_a_step(attempt: int, seed: int) -> None:
    step = min(FIRST * 2 ** min(attempt - 1, 20), LONGEST)
    assert step / 2 <= delay(attempt, random.Random(seed)) <= step


def test_delays_double_up_to_the_longest() -> None:
    draw = random.Random(1)
    means = [sum((delay(attempt, draw) for _ in range(300)), timedelta()) / 300 for attempt in range(1, 12)]
    ratios = [later / earlier for earlier, later in pairwise(means)]
    assert all(1.9 < ratio < 2.1 for ratio in ratios[:6])
    assert all(0.95 < ratio < 1.05 for ratio in ratios[8:])


class Shortest(random.Random):
    def random(self) -> float:
        return 0.0


def test_a_relay_that_is_down_for_a_day_kills_no_notice() -> None:
    delays = [delay(attempt, Shortest()) for attempt in range(1, MAX_ATTEMPTS)]
    assert sum(delays, timedelta()) > timedelta(days=1)


def test_retries_of_many_do_not_march_in_step() -> None:
    draw = random.Random(1)
    assert len({delay(5, draw) for _ in range(100)}) == 100
