"""Named places where a test may kill, stop or break the process. Does nothing unless HUIYIN_FAILPOINTS is set.

HUIYIN_FAILPOINTS="send.250=kill:0.05,record.in_tx=raise:1" kills with probability 0.05 at one place and raises at
another. `huiyin doctor` and every start-up refuse the variable outside the test environment.
"""

import os
import random
import signal

VARIABLE = "HUIYIN_FAILPOINTS"


class PlannedFailure(Exception):
    """Raised by a failpoint whose action is `raise`."""


def failpoint(name: str) -> None:
    armed = os.environ.get(VARIABLE)
    if armed:
        _act(name, armed)


def _act(name: str, armed: str) -> None:
    for entry in armed.split(","):
        place, _, rest = entry.partition("=")
        action, _, chance = rest.partition(":")
        if place == name and random.random() < float(chance or 1):  # noqa: S311 - not a secret
            if action == "raise":
                raise PlannedFailure(name)
            os.kill(os.getpid(), signal.SIGKILL)
