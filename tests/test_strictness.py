"""What is missing is said in one clear line; where nothing may be missing, a skip is a failure."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers import needs

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("name", needs.NEEDS)
def test_what_is_missing_is_said_in_one_line(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    need = needs.NEEDS[name]
    monkeypatch.setitem(needs.NEEDS, name, needs.Need(lambda: None, need.packages, need.without))
    with pytest.raises(needs.Missing) as missing:
        needs.require(name)
    assert str(missing.value) == f"missing: {name} ({need.without}). Install: apt-get install {need.packages}"
    assert name in needs.missing()


def test_programs_are_found_outside_the_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """/usr/sbin is not on an ordinary user's path."""
    tool = tmp_path / "dovecot"
    tool.write_text("#!/bin/sh\n", "ascii")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", "")
    assert needs.program("dovecot", places=()) is None
    assert needs.program("other", "dovecot", places=(str(tmp_path),)) == tool


@pytest.mark.parametrize(("strict", "code"), [("0", 0), ("1", 1)])
def test_a_skip_is_a_failure_only_where_nothing_may_be_missing(tmp_path: Path, strict: str, code: int) -> None:
    file = tmp_path / "test_skip.py"
    file.write_text("import pytest\ndef test_good(): pass\ndef test_skip(): pytest.skip('missing: x')\n", "ascii")
    options = ["-p", "tests.conftest", "-c", str(ROOT / "pyproject.toml"), "--rootdir", str(tmp_path)]
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *options, str(file)],
        cwd=ROOT,
        env={**os.environ, "HUIYIN_TEST_STRICT": strict},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == code, ran.stdout + ran.stderr
    assert "1 passed, 1 skipped" in ran.stdout
    assert ("1 skipped, which counts as failed" in ran.stdout) == (code == 1)
