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


class DatabaseVersion:
    """Looks at a database from one thread.

    The index stays open while it is the same file: closing any descriptor of it would end the locks
    that SQLite holds on it in this process, and vampd could overwrite what is being read.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._index: int | None = None

    def read(self) -> tuple[object, ...]:
        """A value that differs from an earlier one if anything was committed in between.

        Taken before the database is read, what is read is of this state or of a newer one.
        """
        # Whoever reads as root gives the log to its owner again, which is another ctime.
        log = _stamp(f"{self._path}-wal")[:-1]
        return (self._header(), log, _stamp(str(self._path)))

    def close(self) -> None:
        """Let the index go, once nothing in this process reads the database."""
        if self._index is not None:
            os.close(self._index)
            self._index = None

    def _header(self) -> bytes:
        path = f"{self._path}-shm"
        # A database that was stopped cleanly has none, and a stranger may not read it.
        with suppress(OSError):
            if self._index is not None and not _is_same(self._index, path):
                # Of a log that is gone, so that nobody reads it any more.
                self.close()
            if self._index is None:
                self._index = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
            return os.pread(self._index, _HEADER_BYTES, 0)
        return b""


def _is_same(descriptor: int, path: str) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), os.lstat(path))
    except FileNotFoundError:
        return False


def _stamp(path: str) -> tuple[int, ...]:
    try:
        status = os.stat(path)
    except OSError:
        return ()
    return status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns
