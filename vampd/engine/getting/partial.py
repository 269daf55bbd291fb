"""What an earlier run has of a file: where the next one goes on.

It lies where rsync keeps it and looks for it, so that it does not matter which of both began, nor
how it ended. What of it is the file shows in the end, when the whole is proven.
"""

from __future__ import annotations

import os
import re
import stat
from contextlib import suppress
from pathlib import Path

from vampd.adapters.archive import PARTIAL_FOLDER
from vampd.disk.durable import (
    make_folder,
    names_in,
    open_to_append,
    rename,
    sync_file,
    translating_full_disk,
    unlink,
)
from vampd.disk.failpoint import failpoint
from vampd.disk.reading import CHUNK_BYTES, open_foreign
from vampd.ports import Pace


def partial_of(copy: Path) -> Path:
    """Where a part of this file lies."""
    return copy.parent / PARTIAL_FOLDER / copy.name


def part_bytes(copy: Path) -> int:
    """How much of this file lies there, at most: whole, or in part."""
    return max(map(_size_of, (copy, partial_of(copy))))


def _size_of(path: Path) -> int:
    try:
        status = path.lstat()
    except OSError:
        return 0
    return status.st_size if stat.S_ISREG(status.st_mode) else 0


def take_up(copy: Path) -> None:
    """Make the most that any run has left of this file its part, into which rsync writes.

    A killed rsync leaves ``.NAME.XXXXXX``, and would begin anew.
    """
    part, killed = partial_of(copy), re.compile(rf"\.{re.escape(copy.name)}\.[A-Za-z0-9]{{6}}")
    make_folder(part.parent)
    _remove_foreign(part)
    for name in filter(killed.fullmatch, names_in(copy.parent)):
        left = copy.with_name(name)
        if _size_of(left) > _size_of(part):
            rename(left, part)
        else:
            unlink(left)


def _remove_foreign(part: Path) -> None:
    """Remove what has this name, unless it is a file with no other, which nothing else shows."""
    with suppress(FileNotFoundError):
        status = part.lstat()
        if not stat.S_ISREG(status.st_mode) or status.st_nlink != 1:
            unlink(part)


def copy_on(source: Path, part: Path, size: int, pace: Pace) -> bool:
    """Copy a file of this size from where its part ends; whether there was one.

    A part that cannot be one is removed first. DiskFull; OSError.
    """
    make_folder(part.parent)
    _remove_foreign(part)
    if _size_of(part) > size:
        unlink(part)
    with open_foreign(source) as read, translating_full_disk(part), open_to_append(part) as written:
        had = os.fstat(written.fileno()).st_size
        left = size - had
        read.seek(had)
        while left and (content := read.read(min(left, CHUNK_BYTES))):
            pace.check()
            written.write(content)
            left -= len(content)
        sync_file(written)
        failpoint("getting.part.copied")
    return had > 0
