"""What is read for a proof comes from the disk, and not from the page cache."""

import mmap
import os
from pathlib import Path

import pytest

from tests.support.tools.page_cache import cached_bytes
from vampd.disk.machine import drop_behind, drop_from_cache
from vampd.disk.pace import SteadyPace
from vampd.disk.reading import can_read_whole, hash_file

PAGE = mmap.PAGESIZE


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The calls that matter, in order: fsync, drop (all of a file), read."""
    seen: list[str] = []
    really_sync, really_advise, really_read = os.fsync, os.posix_fadvise, os.preadv

    def sync(file_fd: int) -> None:
        seen.append("fsync")
        really_sync(file_fd)

    def advise(file_fd: int, offset: int, length: int, advice: int) -> None:
        if (offset, length, advice) == (0, 0, os.POSIX_FADV_DONTNEED):
            seen.append("drop")
        really_advise(file_fd, offset, length, advice)

    def read(file_fd: int, buffers: list[memoryview], offset: int) -> int:
        seen.append("read")
        return really_read(file_fd, buffers, offset)

    monkeypatch.setattr(os, "fsync", sync)
    monkeypatch.setattr(os, "posix_fadvise", advise)
    monkeypatch.setattr(os, "preadv", read)
    return seen


def test_pages_are_written_before_they_are_dropped(tmp_path: Path, calls: list[str]) -> None:
    # Those that are still to be written would stay.
    path = tmp_path / "x"
    path.write_bytes(b"x")
    with path.open("rb") as file:
        drop_from_cache(file.fileno())
    assert calls == ["fsync", "drop"]


def test_a_digest_is_of_what_the_disk_holds(tmp_path: Path, calls: list[str]) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"x")
    hash_file(path, SteadyPace())
    assert calls == ["fsync", "drop", "read", "read"]


def test_whether_a_file_can_be_read_is_asked_of_the_disk_part_by_part(
    tmp_path: Path, calls: list[str]
) -> None:
    path = tmp_path / "x"
    path.write_bytes(bytes((2 << 20) + 1))
    parts: list[None] = []
    assert can_read_whole(path, lambda: parts.append(None))
    assert calls == ["fsync", "drop", *["read"] * 4]
    assert len(parts) == 3
    assert cached_bytes(path) == 0


def test_a_digest_leaves_nothing_in_memory(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(bytes(3 << 20))
    hash_file(path, SteadyPace())
    assert cached_bytes(path) == 0


@pytest.mark.parametrize("offset", [0, 1, PAGE - 1, PAGE, 3 * PAGE + 100])
def test_what_is_dropped_behind_begins_with_the_page_of_its_first_byte(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, offset: int
) -> None:
    # The kernel keeps a page of which it is to drop the end alone.
    asked: list[tuple[int, ...]] = []
    monkeypatch.setattr(os, "posix_fadvise", lambda _, *words: asked.append(words))
    with (tmp_path / "x").open("wb") as file:
        drop_behind(file.fileno(), offset, 2 * PAGE)
    begin = offset // PAGE * PAGE
    assert asked == [(begin, offset + 2 * PAGE - begin, os.POSIX_FADV_DONTNEED)]
