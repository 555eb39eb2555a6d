"""House rules that a machine can check."""

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = ("casefile", "policy", "router", "notifier", "channels", "gateway")
MAX_FILE, MAX_FUNCTION = 300, 40
APART = {"__pycache__", "migrations"}
MACHINE_PATHS = re.compile(r"(?<![\w.-])/(?:work|tmp|root|home)/")


def product_files(*suffixes: str) -> list[Path]:
    files = (file for room in ROOMS for file in (ROOT / room).rglob("*") if file.is_file())
    return sorted(f for f in files if not APART & set(f.parts) and (not suffixes or f.suffix in suffixes))


def functions(file: Path) -> Iterator[tuple[str, int]]:
    for node in ast.walk(ast.parse(file.read_bytes())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            yield node.name, (node.end_lineno or first) - first + 1


@pytest.mark.parametrize(
    "package", [str(f.parent.relative_to(ROOT)) for f in product_files(".py") if f.stem == "__init__"]
)
def test_package_says_its_purpose_in_one_line(package: str) -> None:
    purpose = ast.get_docstring(ast.parse((ROOT / package / "__init__.py").read_bytes()))
    assert purpose
    sentence, _, rest = purpose.partition("\n")
    assert sentence.endswith(".")
    assert not rest or rest.startswith("\n"), "after the sentence comes an empty line, then what stands where"


def test_every_folder_of_code_is_a_package() -> None:
    folders = {file.parent for file in product_files(".py")}
    assert [folder for folder in folders if not (folder / "__init__.py").exists()] == []


def test_files_and_functions_are_small() -> None:
    long = [f"{f.relative_to(ROOT)}: {n} lines" for f in product_files(".py") if (n := _lines(f)) > MAX_FILE]
    for file in product_files(".py"):
        long += [f"{file.relative_to(ROOT)}: {name} {n} lines" for name, n in functions(file) if n > MAX_FUNCTION]
    assert long == []


def test_no_path_of_one_machine() -> None:
    files = product_files(".py", ".html", ".txt", ".yaml", ".toml", ".sql", ".mako")
    assert [str(f.relative_to(ROOT)) for f in files if MACHINE_PATHS.search(f.read_text("utf-8"))] == []


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock", "requirements-setup.lock"])
def test_lock_is_hashed_and_names_no_index(name: str) -> None:
    text = (ROOT / name).read_text("ascii")
    assert not re.search(r"://|--(?:extra-)?index|--find-links", text)
    assert all("--hash=sha256:" in pin for pin in _pins(text).values())


def test_dev_lock_contains_the_lock() -> None:
    """setup.sh counts on it: what was set up for the tests also runs Huiyin as users get it."""
    lock, dev = (_pins((ROOT / name).read_text("ascii")) for name in ("requirements.lock", "requirements-dev.lock"))
    assert {name: _version(pin) for name, pin in lock.items()}.items() <= {
        name: _version(pin) for name, pin in dev.items()
    }.items()


def test_uv_lock_is_ignored() -> None:
    if not (ROOT / ".git").exists():
        pytest.fail("not a git clone: run the tests from a clone")
    tracked = subprocess.run(
        ["git", "ls-files", "uv.lock", ".venv"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    ignored = subprocess.run(["git", "check-ignore", "-q", "uv.lock"], cwd=ROOT, check=False)
    assert (tracked.stdout, ignored.returncode) == ("", 0)


def _lines(file: Path) -> int:
    return len(file.read_bytes().splitlines())


def _pins(lock: str) -> dict[str, str]:
    """Package name -> its whole entry."""
    return {entry.split("==")[0]: entry for entry in re.split(r"\n(?=[a-z0-9])", lock) if "==" in entry}


def _version(pin: str) -> str:
    return pin.split("\n")[0]
