"""Imports go down only: gateway > channels, router, notifier (never each other) > policy > casefile."""

import ast
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = ("casefile", "policy", "router", "notifier", "channels", "gateway")
BELOW = {
    "casefile": set(),
    "policy": {"casefile"},
    "router": {"casefile", "policy"},
    "notifier": {"casefile", "policy"},
    "channels": {"casefile", "policy"},
    "gateway": set(ROOMS),
}


def imports(file: Path, package: str) -> Iterator[str]:
    """Every module that the file names in an import, wherever it stands in the file."""
    for node in ast.walk(ast.parse(file.read_bytes())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parents = package.split(".")[: len(package.split(".")) + 1 - node.level] if node.level else []
            base = ".".join([*parents, *([node.module] if node.module else [])])
            yield from (f"{base}.{alias.name}" for alias in node.names)


def allowed(package: str, target: str) -> bool:
    room, wanted = package.split(".")[0], target.split(".")[0]
    if wanted not in ROOMS:
        return True
    if wanted != room:
        return wanted in BELOW[room]
    return room != "channels" or target.split(".")[:2] == package.split(".")[:2]


def violations(root: Path) -> list[str]:
    """`file imports module` for each import that goes up or sideways."""
    found = []
    for file in sorted(file for room in ROOMS for file in (root / room).rglob("*.py")):
        package = ".".join(file.parent.relative_to(root).parts)
        wrong = sorted({target for target in imports(file, package) if not allowed(package, target)})
        found += [f"{file.relative_to(root)} imports {target}" for target in wrong]
    return found


def test_imports_go_down_only() -> None:
    assert violations(ROOT) == []


@pytest.mark.parametrize(
    ("file", "line", "named"),
    [
        ("policy/bad.py", "from router import table", "policy/bad.py imports router.table"),
        ("casefile/bad.py", "def f():\n    import gateway.cli", "casefile/bad.py imports gateway.cli"),
        ("router/bad.py", "import notifier", "router/bad.py imports notifier"),
        ("notifier/bad.py", "from channels.email import send", "notifier/bad.py imports channels.email.send"),
        ("channels/sms/bad.py", "from channels.email import send", "channels/sms/bad.py imports channels.email.send"),
        ("channels/sms/bad.py", "from ..web import form", "channels/sms/bad.py imports channels.web.form"),
        ("channels/sms/bad.py", "from channels import web", "channels/sms/bad.py imports channels.web"),
    ],
)
def test_a_bad_import_is_named(tmp_path: Path, file: str, line: str, named: str) -> None:
    for room in ROOMS:
        shutil.copytree(ROOT / room, tmp_path / room)
    (tmp_path / file).write_text(f"{line}\n", "utf-8")
    assert violations(tmp_path) == [named]


def test_channels_email_does_not_shadow_the_standard_library() -> None:
    """Not even for someone who runs Python inside channels/ as we run it (-P)."""
    show = "import email.parser, channels.email; print(email.__file__, channels.email.__file__, sep='\\n')"
    command = [sys.executable, "-P", "-c", f"import sys; sys.path.append({str(ROOT)!r}); {show}"]
    ran = subprocess.run(command, cwd=ROOT / "channels", capture_output=True, text=True, check=True)
    standard, ours = map(Path, ran.stdout.split("\n")[:2])
    assert standard.parent.parent == Path(ast.__file__).parent
    assert ours.parent == ROOT / "channels" / "email"
