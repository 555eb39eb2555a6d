"""Content-addressed files: raw messages and attachments, named by sha256, durable before anyone relies on them."""

import hashlib
import os
import secrets
from pathlib import Path

from casefile.errors import NotFound, StorageUnavailable


class Blobs:
    """A folder of immutable files: `root/ab/cd/abcd…`. `put` returns only after file and folder are fsynced."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def path(self, sha256: str) -> Path:
        return self._root / sha256[:2] / sha256[2:4] / sha256

    def put(self, content: bytes) -> str:
        """The sha256 under which `content` is now durable. Raises StorageUnavailable (disk full, read-only)."""
        name = hashlib.sha256(content).hexdigest()
        target = self.path(name)
        if target.exists():
            return name
        try:
            self._write(target, content)
        except OSError as error:
            raise StorageUnavailable(
                f"{self._root}: cannot store {len(content)} bytes ({error.strerror}). Free space or mend permissions"
            ) from error
        return name

    def get(self, sha256: str) -> bytes:
        """Raises NotFound when missing, StorageUnavailable when the content no longer matches its name."""
        try:
            content = self.path(sha256).read_bytes()
        except FileNotFoundError as error:
            raise NotFound(f"blob {sha256}: not in {self._root}. Restore it from a backup") from error
        if hashlib.sha256(content).hexdigest() != sha256:
            raise StorageUnavailable(f"blob {sha256}: content does not match its name. Restore it from a backup")
        return content

    def _write(self, target: Path, content: bytes) -> None:
        made = [p for p in (target.parent.parent, target.parent) if not p.exists()]
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = target.with_name(f".{secrets.token_hex(8)}")
        try:
            with temporary.open("xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(target)
        except OSError:
            temporary.unlink(missing_ok=True)
            raise
        for folder in {target.parent, *(p.parent for p in made)}:
            _fsync_folder(folder)


def _fsync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
