import hashlib
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from casefile.blobs import Blobs
from casefile.errors import NotFound, StorageUnavailable

MAIL = "Subject: 投诉\r\n\r\n".encode() + bytes(range(256))


@pytest.fixture
def blobs(tmp_path: Path) -> Blobs:
    return Blobs(tmp_path / "blobs")


def files(blobs: Blobs) -> list[Path]:
    return [file for file in blobs.path("0" * 64).parents[2].rglob("*") if file.is_file()]


def test_what_was_put_is_got(blobs: Blobs) -> None:
    name = blobs.put(MAIL)
    assert name == hashlib.sha256(MAIL).hexdigest()
    assert blobs.get(name) == MAIL


def test_the_same_content_is_kept_once(blobs: Blobs) -> None:
    assert blobs.put(MAIL) == blobs.put(MAIL)
    assert len(files(blobs)) == 1


def test_empty_content_is_content(blobs: Blobs) -> None:
    assert blobs.get(blobs.put(b"")) == b""


def test_missing_blob(blobs: Blobs) -> None:
    with pytest.raises(NotFound, match="backup"):
        blobs.get("0" * 64)


def test_damage_is_noticed(blobs: Blobs) -> None:
    name = blobs.put(MAIL)
    blobs.path(name).write_bytes(MAIL + b"!")
    with pytest.raises(StorageUnavailable, match="does not match"):
        blobs.get(name)


def test_file_and_new_folders_are_synced_before_put_returns(blobs: Blobs, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[Path] = []
    real = os.fsync

    def recording(handle: int) -> None:
        synced.append(Path(f"/proc/self/fd/{handle}").readlink())
        real(handle)

    monkeypatch.setattr(os, "fsync", recording)
    target = blobs.path(blobs.put(MAIL))
    assert synced[0].parent == target.parent  # the content first, under its temporary name
    assert {target.parent, target.parent.parent, target.parent.parent.parent} <= set(synced[1:])


def test_a_full_disk_is_reported_and_leaves_no_part(blobs: Blobs) -> None:
    blobs.put(b"before")
    with files_may_have(1024), pytest.raises(StorageUnavailable, match="cannot store 4096 bytes"):
        blobs.put(b"x" * 4096)
    assert len(files(blobs)) == 1


def test_a_folder_in_the_way_is_reported(tmp_path: Path) -> None:
    (tmp_path / "blobs").write_text("not a folder", "ascii")
    with pytest.raises(StorageUnavailable, match="mend permissions"):
        Blobs(tmp_path / "blobs").put(MAIL)


@contextmanager
def files_may_have(size: int) -> Iterator[None]:
    """A write past `size` bytes fails as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
