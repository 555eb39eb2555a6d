import os
import signal
import subprocess
import sys

import pytest

from casefile.failpoint import VARIABLE, PlannedFailure, failpoint


def test_does_nothing_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    failpoint("send.250")


def test_breaks_only_the_named_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "other=raise,record.in_tx=raise:1")
    failpoint("record")
    with pytest.raises(PlannedFailure, match=r"record\.in_tx"):
        failpoint("record.in_tx")


def test_a_chance_of_zero_never_acts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "send.250=raise:0")
    for _ in range(100):
        failpoint("send.250")


def test_kill_leaves_no_time_to_tidy_up() -> None:
    program = "import atexit; from casefile.failpoint import failpoint; atexit.register(print, 'tidy'); failpoint('a')"
    ran = subprocess.run(
        [sys.executable, "-c", program], env={**os.environ, VARIABLE: "a=kill"}, capture_output=True, check=False
    )
    assert (ran.returncode, ran.stdout) == (-signal.SIGKILL, b"")
