"""Connections to the database: how SQLite is driven, and its errors as ours.

Python's sqlite3 begins transactions by itself, late (before the first write, not the first read)
and deferred. A deferred transaction that has read and then wants to write is refused with "database
is locked" at once, without waiting, when another process has written in between. So sqlite3's own
transaction control is switched off (``isolation_level=None``) and the ``begin`` event issues the
BEGIN, as SQLAlchemy documents: writers BEGIN IMMEDIATE, which waits for its turn up to
``BUSY_TIMEOUT_S`` and then cannot be refused any more; readers BEGIN, and see one snapshot.
"""

from __future__ import annotations

import errno
import os
import sqlite3
import tempfile
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import Connection, Engine, QueuePool, create_engine, event
from sqlalchemy.exc import DBAPIError, DisconnectionError, IntegrityError

from vampd.disk.refusal import Cause, classify, describe_owner, user_name
from vampd.errors import DiskFull, NotPermitted, StoreError, TransientError, VampdError
from vampd.store.reading import ReadingConnection, connect_reading, is_unread

BUSY_TIMEOUT_S = 10.0
_CACHE_KB = 256
# What SQLite keeps beside a database.
SIDE_FILES = ("-wal", "-shm", "-journal")
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_PASSING = frozenset(
    {
        errno.EIO,
        errno.EMFILE,
        errno.ENFILE,
        errno.ENOMEM,
        errno.ESTALE,
        errno.EROFS,
        errno.ETIMEDOUT,
    }
)
# The least that SQLite's shared memory file takes.
_PROBE_BYTES = 1 << 15
_MOVE_ASIDE = (
    "move it aside together with its -wal and -shm files and restart vampd: the folders of the"
    " nights and frameids.ledger are authoritative, and a new database is filled from them"
)


def connect(path: Path, mode: str = "rw") -> sqlite3.Connection:
    """A bare connection; in mode ``rw`` a missing database is not created."""
    return sqlite3.connect(
        f"file:{quote(str(path))}?mode={mode}",
        uri=True,
        timeout=BUSY_TIMEOUT_S,
        isolation_level=None,
        # The pool hands connections from thread to thread, one at a time.
        check_same_thread=False,
    )


def make_engine(path: Path, journal_mode: str = "WAL", mode: str = "rw") -> Engine:
    """An engine whose connections are durable, wait for each other and check foreign keys."""

    def connect_for_work() -> sqlite3.Connection:
        connection = connect(path, mode)
        try:
            connection.execute(f"PRAGMA journal_mode = {journal_mode}")
            # A committed row must survive a power cut: frame IDs are spent relying on it.
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA foreign_keys = ON")
            # Nothing in the schema calls what has effects elsewhere.
            connection.execute("PRAGMA trusted_schema = OFF")
            # There are several, each with a cache of its own that lasts as long as vampd.
            connection.execute(f"PRAGMA cache_size = {-_CACHE_KB}")
        except BaseException:
            connection.close()
            raise
        return connection

    engine = create_engine(
        "sqlite://",
        creator=connect_for_work,
        poolclass=QueuePool,
        # Threads come and go with the work; none should wait for another's connection.
        max_overflow=-1,
        # The one that has what is needed in its cache; the others stay small.
        pool_use_lifo=True,
    )
    event.listen(engine, "begin", _begin)
    return engine


def _begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


class Store:
    """An open database: transactions for reading and for writing, from any thread."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._readers = make_engine(path)
        self._writers = self._readers.execution_options(writes=True)
        # PRAGMA data_version shows what connections other than its own committed; this one never
        # writes, so it sees the commits of this process too.
        self._watcher: sqlite3.Connection | None = None
        self._watching = threading.Lock()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One snapshot of the database."""
        with translating_errors(self.path), self._readers.begin() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One transaction, alone; committed when the block ends well, else rolled back.

        TransientError ``database_busy`` if others hold the lock for ``BUSY_TIMEOUT_S``.
        """
        with translating_errors(self.path), self._writers.begin() as connection:
            yield connection

    def change_counter(self) -> int:
        """A number that differs from the last one if anything was committed in between."""
        with self._watching, translating_errors(self.path):
            if self._watcher is None:
                self._watcher = connect(self.path)
            return int(self._watcher.execute("PRAGMA data_version").fetchone()[0])

    def close(self) -> None:
        """Close all idle connections."""
        with self._watching:
            if self._watcher is not None:
                self._watcher.close()
                self._watcher = None
        self._readers.dispose()


class ReadOnlyStore(Store):
    """The same for whoever only reads: no file of the database is opened for writing."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._readers = create_engine(
            "sqlite://",
            creator=lambda: connect_reading(path),
            poolclass=QueuePool,
            max_overflow=-1,
            pool_use_lifo=True,
        )
        event.listen(self._readers, "begin", _begin)
        event.listen(self._readers, "checkout", _refuse_stale)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One snapshot; TransientError ``database_changed`` if it was none."""
        with super().read() as connection:
            yield connection
            reader = connection.connection.driver_connection
            assert isinstance(reader, ReadingConnection)
            reader.refuse_unsound()

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """StoreError ``opened_to_read``: never."""
        raise StoreError("opened_to_read", f"{self.path} was opened to be read only")
        yield


def _refuse_stale(reader: ReadingConnection, *_: object) -> None:
    if not reader.is_current:
        raise DisconnectionError


@contextmanager
def translating_errors(path: Path) -> Iterator[None]:
    """Translate SQLite errors that come from the environment; those that come from bugs pass."""
    try:
        yield
    except IntegrityError:
        raise
    except DBAPIError as error:
        if not isinstance(error.orig, sqlite3.DatabaseError):
            raise
        raise _translated(error.orig, path) from error
    except sqlite3.DatabaseError as error:
        raise _translated(error, path) from error


def damaged(path: Path, found: str) -> StoreError:
    """The error for a database that exists but cannot be trusted."""
    return StoreError(
        "database_damaged",
        f"expected vampd's database in {path}, found {found}; {_MOVE_ASIDE}",
        path=str(path),
    )


def _translated(error: sqlite3.DatabaseError, path: Path) -> VampdError:
    # The lower byte is the primary code, the rest details it.
    match error.sqlite_errorcode & 0xFF if hasattr(error, "sqlite_errorcode") else 0:
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return TransientError(
                "database_busy",
                f"{path} stayed locked for {BUSY_TIMEOUT_S:.0f} s by another process; retrying;"
                " if this persists, `fuser` shows who holds it",
                path=str(path),
            )
        case sqlite3.SQLITE_FULL:
            return DiskFull(
                "disk_full", f"no space left for {path}; free some on its disk", path=str(path)
            )
        case (
            sqlite3.SQLITE_IOERR
            | sqlite3.SQLITE_CANTOPEN
            | sqlite3.SQLITE_READONLY
            | sqlite3.SQLITE_PERM
        ) if weather := _weather_of(path):
            return weather
        case sqlite3.SQLITE_IOERR:
            return TransientError(
                "database_unreadable",
                f"the disk of {path} refused to read or write it ({error}); retrying; if this"
                " persists, look at that disk (dmesg)",
                path=str(path),
            )
        case sqlite3.SQLITE_CANTOPEN if path.parent.is_dir() and (
            path.is_file() or not os.path.lexists(path)
        ):
            # What kept it from its file a moment ago has passed.
            return TransientError(
                "database_unreadable",
                f"{path} could not be opened ({error}); retrying",
                path=str(path),
            )
        case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_NOTADB if _is_whole(path):
            return TransientError(
                "database_unreadable",
                f"what was read of {path} a moment ago was not whole ({error}), and now it is;"
                " retrying; if this persists, look at its disk (dmesg)",
                path=str(path),
            )
        case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_NOTADB:
            return damaged(path, str(error))
        case _:
            return StoreError(
                "database_unusable",
                f"cannot use {path}: {error}; check that you may read and write the file"
                " and its folder (SQLite needs both, even to read)",
                path=str(path),
            )


def _is_whole(path: Path) -> bool:
    """Whether a database that seemed damaged is not, or cannot be read now.

    A read that fails at an unlucky place (the index of the log, its length) looks like damage to
    SQLite.
    """
    try:
        # Whoever met it may be one who only reads.
        with closing(connect_reading(path)) as connection:
            (verdict,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
            return bool(verdict == "ok") or is_unread(verdict)
    except OSError:
        return True
    except sqlite3.DatabaseError as error:
        code = error.sqlite_errorcode & 0xFF if hasattr(error, "sqlite_errorcode") else 0
        return code not in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def _weather_of(path: Path) -> TransientError | None:
    """What of the system keeps SQLite from its files, which it does not say; None if nothing does.

    What is not permitted is no reason to end: it is waited for until a person has mended it.

    Its log and index may need space where the database itself needs none.
    """
    try:
        with tempfile.TemporaryFile(dir=path.parent) as probe:
            probe.write(bytes(_PROBE_BYTES))
            probe.flush()
    except OSError as error:
        if error.errno in _FULL:
            return DiskFull(
                "disk_full",
                f"no space or inodes left for {path} ({error.strerror}); free some on its disk",
                path=str(path),
            )
        if error.errno in _PASSING:
            return TransientError(
                "database_unreadable", f"cannot use {path} now: {error.strerror}", path=str(path)
            )
        if classify(error) is Cause.PERMISSION:
            return _not_permitted(path, path.parent)
    # Never by opening them: closing any descriptor of a file drops the locks that SQLite holds.
    for file in (path, *(Path(f"{path}{suffix}") for suffix in SIDE_FILES)):
        if file.exists() and not os.access(file, os.R_OK | os.W_OK):
            return _not_permitted(path, file)
    return None


def _not_permitted(path: Path, closed: Path) -> NotPermitted:
    return NotPermitted(
        "database_unusable",
        f"{user_name(os.geteuid())} may not write {closed} ({describe_owner(closed)}), which is"
        f" needed to use {path}: give it, with its folder and its -wal and -shm files, back to the"
        " user that vampd runs as",
        path=str(path),
    )
