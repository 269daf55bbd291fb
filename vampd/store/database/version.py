"""Which state of the database there is, without opening it: for whoever asks again and again.

`PRAGMA data_version` would want a connection that stays open, and with it a lock, for which a vampd
that stops would leave its log behind.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

# The header of the index of the log, which SQLite changes with each commit, and reads for
# data_version.
_HEADER_BYTES = 48


def read_version(path: Path) -> tuple[object, ...]:
    """A value that differs from an earlier one if anything was committed in between.

    Taken before the database is read, what is read is of this state or of a newer one.
    """
    return (_header(f"{path}-shm"), _stamp(f"{path}-wal"), _stamp(str(path)))


def _header(path: str) -> bytes:
    # A database that was stopped cleanly has none, and a member may not read that of another.
    with suppress(OSError):
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        try:
            return os.read(descriptor, _HEADER_BYTES)
        finally:
            os.close(descriptor)
    return b""


def _stamp(path: str) -> tuple[int, ...]:
    try:
        status = os.stat(path)
    except OSError:
        return ()
    return status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns
