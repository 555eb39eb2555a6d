"""When to try again."""

import random
from datetime import timedelta

FIRST = timedelta(seconds=30)
LONGEST = timedelta(hours=1)
MAX_ATTEMPTS = 60  # more than a day even with the shortest draws: a relay that is down overnight kills no notice


def delay(attempt: int, draw: random.Random) -> timedelta:
    """Exponential with jitter: half of the step is fixed, half is drawn, so that retries do not march in step."""
    doublings = min(attempt - 1, 20)
    step = min(FIRST * (1 << doublings), LONGEST)
    return step / 2 + step / 2 * draw.random()
