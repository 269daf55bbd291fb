"""Reading the database without writing to it, in whatever state it was left.

A reader may not write where the database is, and SQLite in WAL mode wants to:

- with its log and the log's index (-wal, -shm), left by a vampd that runs or was killed, SQLite is
  asked to leave the index as it is, and then makes its own in memory if that one is not in use;
- without a log, the file is all there is, and is read as one that does not change; if it does, what
  was read is refused;
- with a log but no index, both are copied to a private folder and read there.
"""

from __future__ import annotations

import errno
import os
import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

from vampd.errors import TransientError

if TYPE_CHECKING:
    from tempfile import TemporaryDirectory

_BUSY_TIMEOUT_S = 10.0
# vampd may start or stop between two looks, but hardly more often.
_TRIES = 20
_COPY = "vampd.db"
_ERROR_CODES = re.compile(r"error code=(\d+)")


class _Stamp(NamedTuple):
    """What changes with the content of a file."""

    inode: int
    size: int
    mtime_ns: int
    ctime_ns: int


class ReadingConnection(sqlite3.Connection):
    """A connection that writes nothing beside the database; made by `connect_reading`."""

    path: Path
    # None where SQLite itself looks after changes.
    seen: tuple[_Stamp | None, _Stamp | None] | None = None
    copied: TemporaryDirectory[str] | None = None

    @property
    def is_current(self) -> bool:
        """Whether another connection would see nothing else."""
        return self.seen is None or self.seen == _look(self.path)

    @property
    def is_sound(self) -> bool:
        """Whether what was read until now is of one state of the database."""
        if self.seen is None or self.copied is not None:
            return True
        # A log that has begun meanwhile is not read, and changes nothing before it is copied.
        return self.seen[1] == _look(self.path)[1]

    def refuse_unsound(self) -> None:
        """TransientError ``database_changed`` unless it `is_sound`."""
        if not self.is_sound:
            raise TransientError(
                "database_changed",
                f"vampd changed {self.path} just as it was read; run the command again",
                path=str(self.path),
            )

    def close(self) -> None:
        super().close()
        if self.copied is not None:
            self.copied.cleanup()


def connect_reading(path: Path) -> ReadingConnection:
    """Connect for reading only; sqlite3.Error as SQLite, OSError as the kernel."""
    for attempt in range(_TRIES):
        try:
            return _connect(path)
        except sqlite3.OperationalError:
            # Its last writer may have ended meanwhile, and taken log and index with it.
            if attempt == _TRIES - 1:
                raise
    raise AssertionError


@contextmanager
def copied_database(path: Path) -> Iterator[Path]:
    """A private copy of the database as it is now, which may be changed; gone afterwards."""
    from tempfile import TemporaryDirectory

    with TemporaryDirectory(prefix="vampctl-") as folder:
        copy = Path(folder) / _COPY
        source = connect_reading(path)
        try:
            target = sqlite3.connect(copy)
            try:
                source.backup(target)
            finally:
                target.close()
        finally:
            source.close()
        yield copy


def _connect(path: Path) -> ReadingConnection:
    seen = log, database = _look(path)
    if database is None:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
    if not os.access(path, os.R_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
    if log is None:
        connection = _open(path, "mode=ro&immutable=1")
        connection.seen = seen
    elif os.path.lexists(f"{path}-shm"):
        connection = _open(path, "mode=ro&readonly_shm=1")
        try:
            # SQLite opens log and index at the first use.
            connection.execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchone()
        except sqlite3.OperationalError:
            connection.close()
            # An index that cannot be used is as good as none.
            connection = _open_copy(path, seen)
    else:
        connection = _open_copy(path, seen)
    connection.path = path
    return connection


def _open_copy(path: Path, seen: tuple[_Stamp | None, _Stamp | None]) -> ReadingConnection:
    # Slow to import, and seldom needed.
    import shutil
    from tempfile import TemporaryDirectory

    folder = TemporaryDirectory(prefix="vampctl-")
    try:
        copy = Path(folder.name) / _COPY
        for suffix in ("", "-wal"):
            with suppress(FileNotFoundError):
                shutil.copyfile(f"{path}{suffix}", f"{copy}{suffix}")
        if _look(path) != seen:
            raise sqlite3.OperationalError("the database changed while it was copied")
        connection = _open(copy, "mode=rw")
    except BaseException:
        folder.cleanup()
        raise
    connection.seen, connection.copied = seen, folder
    return connection


def _open(path: Path, options: str) -> ReadingConnection:
    connection = sqlite3.connect(
        f"file:{quote(str(path))}?{options}",
        uri=True,
        timeout=_BUSY_TIMEOUT_S,
        isolation_level=None,
        check_same_thread=False,
        factory=ReadingConnection,
    )
    assert isinstance(connection, ReadingConnection)
    return connection


def _look(path: Path) -> tuple[_Stamp | None, _Stamp | None]:
    # The log first: it goes when all of it is in the database.
    log = _stamp(f"{path}-wal")
    # An empty log says nothing.
    return log if log is not None and log.size else None, _stamp(str(path))


def _stamp(path: str) -> _Stamp | None:
    try:
        status = os.stat(path)
    except FileNotFoundError:
        return None
    return _Stamp(status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


def is_unread(verdict: str) -> bool:
    """Whether a check of a database met a page that could not be read, which is no damage.

    The check says so in its words alone: "unable to get the page. error code=266".
    """
    codes = [int(code) & 0xFF for code in _ERROR_CODES.findall(verdict)]
    return bool(codes) and not {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB} & set(codes)
