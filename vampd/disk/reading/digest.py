"""SHA-256 of files as they lie on the disk, not as the page cache remembers them."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

from vampd.disk.machine import drop_behind, drop_from_cache, expect_sequential
from vampd.disk.reading.foreign_file import open_foreign
from vampd.errors import DataError
from vampd.model.nights import bounded_ns
from vampd.ports import Pace

CHUNK_BYTES = 4 * 1024 * 1024
_LEAST_BYTES = 64 * 1024


def hash_file(path: Path, pace: Pace) -> tuple[int, int, str]:
    """Read a file past the cache; its size, mtime (ns) and SHA-256 (hex).

    DataError ``changed_while_read`` if it was written to meanwhile, ``link_found``; OSError is
    passed on, as `open_foreign`.
    """
    size, mtime_ns, (sha256,) = read_digests(path, pace, ["sha256"])
    return size, mtime_ns, sha256


def read_digests(
    path: Path,
    pace: Pace,
    algorithms: Sequence[str],
    beginning_bytes: int | None = None,
) -> tuple[int, int, tuple[str, ...]]:
    """Like `hash_file`, with these digests (hex), in this order, from one reading.

    With ``beginning_bytes``, the SHA-256 of the first so many bytes comes last.
    """
    digests = [hashlib.new(algorithm, usedforsecurity=False) for algorithm in algorithms]
    beginning = hashlib.sha256()
    with open_foreign(path) as file:
        file_fd = file.fileno()
        before = os.fstat(file_fd)
        # Of a small file, a whole chunk takes longer to clear than the file to read.
        size = max(_LEAST_BYTES, min(before.st_size, CHUNK_BYTES))
        buffer = memoryview(bytearray(size))
        drop_from_cache(file_fd)
        expect_sequential(file_fd)
        offset = 0
        while count := os.preadv(file_fd, [buffer], offset):
            pace.check()
            for digest in digests:
                digest.update(buffer[:count])
            if beginning_bytes is not None and offset < beginning_bytes:
                beginning.update(buffer[: min(count, beginning_bytes - offset)])
            drop_behind(file_fd, offset, count)
            offset += count
        after = os.fstat(file_fd)
    if (offset, before.st_size, before.st_mtime_ns) != (
        after.st_size,
        after.st_size,
        after.st_mtime_ns,
    ):
        raise DataError(
            "changed_while_read",
            f"{path} was written to while it was read: {before.st_size} bytes before,"
            f" {offset} read, {after.st_size} after; find out who writes there",
            path=str(path),
        )
    if beginning_bytes is not None:
        digests.append(beginning)
    return (
        after.st_size,
        bounded_ns(after.st_mtime_ns),
        tuple(digest.hexdigest() for digest in digests),
    )
