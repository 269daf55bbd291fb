"""SQLite's errors as ours: weather, a permission, or damage."""

from __future__ import annotations

import errno
import os
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from sqlalchemy.exc import DBAPIError, IntegrityError

from vampd.disk.refusal import (
    Cause,
    Closed,
    beyond_size_limit,
    classify,
    describe_owner,
    mending_command,
    user_name,
)
from vampd.errors import DiskFull, NotPermitted, StoreError, TransientError, VampdError
from vampd.store.database.reading import connect_reading, is_unread

BUSY_TIMEOUT_S = 10.0
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
# What a new database takes, and more than one transaction adds to any of its files.
_LARGEST_STEP_BYTES = 1 << 20
_MOVE_ASIDE = (
    "move it aside together with its -wal and -shm files and restart vampd: the folders of the"
    " nights and frameids.ledger are authoritative, and a new database is filled from them"
)


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


def was_opened_to_read(error: BaseException | None) -> bool:
    """Whether SQLite has opened its file to read it alone, as it does where it may not write."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_OK)
    return bool(code & 0xFF == sqlite3.SQLITE_READONLY)


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
        case sqlite3.SQLITE_READONLY if path.is_file():
            return TransientError(
                "database_unreadable",
                f"{path} could only be read when it was opened ({error}); retrying",
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
            # A limit of a file's size refuses that alone.
            lengths = [file.stat().st_size for file in _files_of(path) if file.exists()]
            probe.truncate(max(lengths, default=0) + _LARGEST_STEP_BYTES)
    except OSError as error:
        if error.errno in _FULL:
            return DiskFull(
                "disk_full",
                f"no space or inodes left for {path} ({error.strerror}); free some on its disk",
                path=str(path),
            )
        if error.errno == errno.EFBIG:
            return beyond_size_limit(path)
        if error.errno in _PASSING:
            return TransientError(
                "database_unreadable", f"cannot use {path} now: {error.strerror}", path=str(path)
            )
        if classify(error) is Cause.PERMISSION:
            return _not_permitted(path, path.parent)
    # Never by opening them: closing any descriptor of a file drops the locks that SQLite holds.
    for file in _files_of(path):
        if file.exists() and not os.access(file, os.R_OK | os.W_OK):
            return _not_permitted(path, file)
    return None


def _files_of(path: Path) -> tuple[Path, ...]:
    return path, *(Path(f"{path}{suffix}") for suffix in SIDE_FILES)


def _not_permitted(path: Path, closed: Path) -> NotPermitted:
    return NotPermitted(
        "database_unusable",
        f"{user_name(os.geteuid())} may not write {closed} ({describe_owner(closed)}), which is"
        f" needed to use {path}: give it, with its folder and its -wal and -shm files, back to the"
        f" user that vampd runs as: `{mending_command(Closed(closed, 'w'), closed.stat())}`",
        path=str(path),
    )
