"""Connections to the database: how SQLite is driven.

Python's sqlite3 begins transactions by itself, late (before the first write, not the first read)
and deferred. A deferred transaction that has read and then wants to write is refused with "database
is locked" at once, without waiting, when another process has written in between. So sqlite3's own
transaction control is switched off (``isolation_level=None``) and the ``begin`` event issues the
BEGIN, as SQLAlchemy documents: writers BEGIN IMMEDIATE, which waits for its turn up to
``BUSY_TIMEOUT_S`` and then cannot be refused any more; readers BEGIN, and see one snapshot.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import Connection, Engine, ExceptionContext, QueuePool, create_engine, event
from sqlalchemy.exc import DisconnectionError

from vampd.errors import StoreError, TransientError
from vampd.store.database.reading import ReadingConnection, connect_reading
from vampd.store.database.sqlite_errors import (
    BUSY_TIMEOUT_S,
    translating_errors,
    was_opened_to_read,
)

_CACHE_KB = 256
# Of a statement whose rows are many, and are made into something else one after the other.
READ_IN_PARTS = {"yield_per": 500}


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
    event.listen(engine, "handle_error", _give_up_reader)
    return engine


def _give_up_reader(failure: ExceptionContext) -> None:
    """A connection whose file could only be opened to read never writes; the next one may."""
    if was_opened_to_read(failure.original_exception):
        failure.is_disconnect = True


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
        self._file = _file_of(path)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One snapshot of the database."""
        with translating_errors(self.path), self._readers.begin() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One transaction, alone; committed when the block ends well, else rolled back.

        TransientError ``database_busy`` if others hold the lock for ``BUSY_TIMEOUT_S``,
        ``database_replaced`` if the file that is open has lost its name.
        """
        self._refuse_replaced()
        with translating_errors(self.path), self._writers.begin() as connection:
            yield connection

    def change_counter(self) -> int:
        """A number that differs from the last one if anything was committed in between.

        TransientError ``database_replaced``.
        """
        self._refuse_replaced()
        with self._watching, translating_errors(self.path):
            if self._watcher is None:
                self._watcher = connect(self.path)
            return int(self._watcher.execute("PRAGMA data_version").fetchone()[0])

    def _refuse_replaced(self) -> None:
        # What is written to a file without its name is lost with the process.
        now = _file_of(self.path)
        if now == self._file:
            return
        found = "removed or renamed" if now is None else "replaced by another file"
        raise TransientError(
            "database_replaced",
            f"{self.path}, the database that is in use, was {found}: put it back under its name, or"
            " restart vampd, which then works with what is there; nothing is done until then",
            path=str(self.path),
        )

    def close(self) -> None:
        """Close all idle connections."""
        with self._watching:
            if self._watcher is not None:
                self._watcher.close()
                self._watcher = None
        self._readers.dispose()


def _file_of(path: Path) -> tuple[int, int] | None:
    """Device and inode of the database, None without one."""
    try:
        status = os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    return status.st_dev, status.st_ino


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
