"""The suite notices planted faults. `tests/mutants/run` does it, by hand as well."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers import needs

RUN = Path(__file__).with_name("run")


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_every_planted_fault_is_noticed() -> None:
    if missing := needs.missing():
        pytest.skip(f"missing: {', '.join(missing)}")
    ran = subprocess.run([sys.executable, str(RUN)], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_a_fault_that_nobody_notices_or_that_fits_nowhere_is_a_failure(tmp_path: Path) -> None:
    """The script itself can turn red."""
    faults = tmp_path / "run"
    faults.write_text(
        RUN.read_text("utf-8").replace("Path(__file__).resolve().parents[2]", f"Path({str(RUN.parents[2])!r})"), "utf-8"
    )
    (tmp_path / "faults.toml").write_text(TWO_FAULTS, "utf-8")
    ran = subprocess.run([sys.executable, str(faults)], capture_output=True, text=True, check=False)
    assert ran.returncode == 1
    assert "sound without a fault" in ran.stdout
    assert "FAILED to be caught: harmless" in ran.stdout
    assert "FAILED: misplaced: its place stands 0 times in notifier/backoff.py" in ran.stdout


TWO_FAULTS = """
[[fault]]
name = "harmless"
file = "notifier/backoff.py"
old = "import random"
new = "import random "
tests = ["tests/notifier/test_backoff.py"]

[[fault]]
name = "misplaced"
file = "notifier/backoff.py"
old = "no such line"
new = ""
tests = ["tests/notifier/test_backoff.py"]
"""
