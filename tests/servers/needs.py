"""What the tests need besides Python packages, where to find it, and how to get it.

Run as a module it installs what is missing where it may (root, apt-get), and says what is missing where it may not.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import playwright

PLACES = ("/usr/sbin", "/usr/local/sbin", "/opt/homebrew/bin", "/opt/homebrew/sbin", "/usr/local/bin")
POLICY = Path("/usr/sbin/policy-rc.d")


def strict() -> bool:
    """Whether something missing, or a skipped test, is a failure."""
    return os.environ.get("HUIYIN_TEST_STRICT", "") not in ("", "0")


def program(*names: str, places: tuple[str, ...] = PLACES) -> Path | None:
    path = os.pathsep.join([os.environ.get("PATH", ""), *places])
    found = next((found for name in names if (found := shutil.which(name, path=path))), None)
    return Path(found).resolve() if found else None


def find_postgres() -> Path | None:
    """`initdb`, beside the newest server."""
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: int(folder.parent.name), reverse=True)
    found = program("postgres", places=(*map(str, debian), *PLACES))
    return found if found and found.with_name("initdb").exists() else None


def find_dovecot() -> Path | None:
    found = program("dovecot")
    libexec = [
        Path(f"{base}/{place}/dovecot/lmtp") for base in ("/usr", "/opt/homebrew") for place in ("lib", "libexec")
    ]
    return found if any(lmtp.exists() for lmtp in libexec) else None


def find_chromium() -> Path | None:
    found = program("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    return found if found and playwright_runs() else None


def playwright_runs() -> bool:
    """Its own Node.js wants a library that small Debian systems lack."""
    node = Path(playwright.__file__).parent / "driver" / "node"
    return subprocess.run([node, "--version"], capture_output=True, check=False).returncode == 0


def find_chinese_font() -> Path | None:
    folders = ("/usr/share/fonts", "/System/Library/Fonts")
    faces = ("NotoSansCJK*", "NotoSerifCJK*", "wqy-*", "PingFang*")
    return next((file for folder in folders for face in faces for file in Path(folder).rglob(face)), None)


@dataclass(frozen=True)
class Need:
    find: Callable[[], Path | None]
    packages: str
    without: str


NEEDS = {
    "postgresql": Need(find_postgres, "postgresql", "tests on PostgreSQL are skipped"),
    "dovecot": Need(find_dovecot, "dovecot-imapd dovecot-lmtpd", "IMAP tests are skipped"),
    "chromium": Need(find_chromium, "chromium libatomic1", "browser tests are skipped"),
    "chinese font": Need(find_chinese_font, "fonts-noto-cjk", "Chinese text is empty boxes in screenshots"),
}


class Missing(Exception):
    """Something that the tests need is not on this machine."""


def require(name: str) -> Path:
    need = NEEDS[name]
    found = need.find()
    if found is None:
        raise Missing(f"missing: {name} ({need.without}). Install: apt-get install {need.packages}")
    return found


def missing() -> list[str]:
    return [name for name, need in NEEDS.items() if need.find() is None]


@contextmanager
def no_services() -> Iterator[None]:
    """Debian starts what it installs unless this file forbids it."""
    if POLICY.exists():
        yield
        return
    POLICY.write_text("#!/bin/sh\nexit 101\n", "ascii")
    POLICY.chmod(0o755)
    try:
        yield
    finally:
        POLICY.unlink()


def install(names: list[str]) -> None:
    packages = [package for name in names for package in NEEDS[name].packages.split()]
    sys.stderr.write(f"installing: {' '.join(packages)}\n")
    apt = ["apt-get", "-qq", "-o", "DPkg::Lock::Timeout=300", "-o", "Dpkg::Use-Pty=0"]
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    with no_services():
        for words in (["update"], ["install", "--yes", "--no-install-recommends", *packages]):
            done = subprocess.run(
                [*apt, *words], env=quiet, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
            )
            if done.returncode:
                sys.stderr.write(done.stdout + done.stderr)


def main() -> int:
    if (names := missing()) and os.geteuid() == 0 and shutil.which("apt-get"):
        install(names)
    still = missing()
    for name in still:
        try:
            require(name)
        except Missing as line:
            sys.stderr.write(f"{line}\n")
    return 1 if still and strict() else 0


if __name__ == "__main__":
    sys.exit(main())
