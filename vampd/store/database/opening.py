"""Opening the database: created whole or not at all, checked, migrated; never replaced if damaged.

Only vampd creates and migrates. A new database is made under a hidden name and linked to its own
when it is complete, so that an empty or broken file of that name is always damage.
"""

from __future__ import annotations

import fcntl
import os
import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from enum import StrEnum
from pathlib import Path

from vampd.disk.durable import fsync_folder, link, translating_full_disk
from vampd.disk.failpoint import failpoint
from vampd.disk.rights import close_to_others, make_state_folder
from vampd.errors import NotPermitted, StoreError, TransientError
from vampd.store.database.altered import refuse_altered
from vampd.store.database.connection import ReadOnlyStore, Store, connect, make_engine
from vampd.store.database.foreign import refuse_another_owner
from vampd.store.database.reading import connect_reading, copied_database, is_unread
from vampd.store.database.sqlite_errors import SIDE_FILES, damaged, translating_errors
from vampd.store.schema import APPLICATION_ID, REVISION

MIGRATIONS = Path(__file__).parent.parent / "migrations"


class Access(StrEnum):
    """What the opener may do with the database as a whole."""

    MIGRATE = "migrate"  # create, check and migrate: vampd
    USE = "use"  # use it as it is: vampctl, at the owner's word
    READ = "read"  # write nothing where it is: vampctl, for whoever may read it


def open_store(url: str, access: Access) -> Store:
    """The database of Settings.database.url.

    StoreError ``database_damaged``, ``database_foreign``, ``database_unusable``,
    ``schema_mismatch``; without Access.MIGRATE also ``database_missing``. With Access.READ, one
    that waits for its migration is read from a copy.
    """
    path = Path(url.removeprefix("sqlite:///"))
    if access is Access.MIGRATE:
        make_state_folder(path.parent)
        with _alone_in(path.parent):
            _prepare(path)
    elif access is Access.READ:
        return _open_to_read(path)
    else:
        _refuse_other_schema(path, _revision(path, connect))
    return Store(path)


def _open_to_read(path: Path) -> Store:
    try:
        revision = _revision(path, connect_reading)
    except PermissionError as error:
        raise NotPermitted(
            "not_a_member",
            f"{path} may not be read ({error.strerror}); who may read it belongs to the group of"
            " its folder",
            path=str(path),
        ) from error
    if revision < REVISION:
        return _MigratedCopy(path)
    _refuse_other_schema(path, revision)
    return ReadOnlyStore(path)


class _MigratedCopy(Store):
    """A private copy of a database, in the schema of this version; removed when it is closed."""

    def __init__(self, path: Path) -> None:
        self._stack = ExitStack()
        with self._stack, translating_errors(path):
            copy = self._stack.enter_context(copied_database(path))
            _migrate(copy, "WAL", "rw")
            super().__init__(copy)
            self._stack = self._stack.pop_all()

    def close(self) -> None:
        super().close()
        self._stack.close()


def _prepare(path: Path) -> None:
    _remove_leftovers(path)
    with suppress(FileNotFoundError):
        refuse_another_owner(path)
    # SQLite gives its side files the permissions of the database, and keeps those that they have.
    for each in _files_of(path):
        close_to_others(each)
    # A dangling link is not missing: its target may come back.
    if not os.path.lexists(path):
        _create(path)
    revision = _revision(path, connect)
    _check_whole(path)
    if revision < REVISION:
        _migrate(path, "WAL", "rw")
        revision = _revision(path, connect)
    _refuse_other_schema(path, revision)


def _create(path: Path) -> None:
    _refuse_orphans(path)
    temporary = path.with_name(f".{path.name}.new")
    with translating_full_disk(path):
        # A rollback journal, not WAL: then there is only one file once it is closed.
        _migrate(temporary, "DELETE", "rwc")
        failpoint("store.create.migrated")
        # Before it has its name: of two concurrent openers, one would be refused the change.
        with translating_errors(temporary), closing(connect(temporary)) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
        failpoint("store.create.journaled")
        close_to_others(temporary)
        _fsync_file(temporary)
        failpoint("store.create.file_synced")
        link(temporary, path)
        failpoint("store.create.linked")
        temporary.unlink()
        failpoint("store.create.unlinked")
        fsync_folder(path.parent)


def _refuse_orphans(path: Path) -> None:
    # SQLite would replay the log of the lost database into the new one.
    for side_file in _files_of(path)[1:]:
        if os.path.lexists(side_file):
            raise damaged(path, f"no such file, only {side_file.name}, which belongs to it")


def _remove_leftovers(path: Path) -> None:
    # Also behind an existing link: a database under two names would lose its log under one.
    temporary = path.with_name(f".{path.name}.new")
    for leftover in _files_of(temporary):
        leftover.unlink(missing_ok=True)


def _files_of(path: Path) -> tuple[Path, ...]:
    return (path, *(Path(f"{path}{suffix}") for suffix in SIDE_FILES))


def _revision(path: Path, connect: Callable[[Path], sqlite3.Connection]) -> str:
    """The schema's revision; StoreError unless this is a database of vampd.

    Read through a connection that changes no setting: the file may not be ours.
    """
    try:
        size = path.stat().st_size
    except FileNotFoundError as error:
        raise StoreError(
            "database_missing",
            f"there is no database {path}; start vampd, which creates it (if it runs, see what it"
            " waits for: `systemctl status vampd`), or run `make demo` for simulated nights; else"
            " check database.url in the configuration",
            path=str(path),
        ) from error
    refuse_another_owner(path)
    if size == 0:
        raise damaged(path, "an empty file")
    with translating_errors(path), closing(connect(path)) as connection:
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        if application != APPLICATION_ID:
            raise StoreError(
                "database_foreign",
                f"{path} is a database of another application; check database.url in the"
                " configuration, or move the file aside",
                path=str(path),
            )
        if not connection.execute("PRAGMA table_info(alembic_version)").fetchone():
            raise damaged(path, "one without its schema's version")
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        if row is None or not re.fullmatch(r"[0-9]{4}", str(row[0])):
            raise damaged(path, f"one with the schema's version {row and row[0]!r}")
        refuse_altered(path, connection, str(row[0]))
        return str(row[0])


def _check_whole(path: Path) -> None:
    with translating_errors(path), closing(connect(path)) as connection:
        (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if is_unread(verdict):
        raise TransientError(
            "database_unreadable",
            f"not all of {path} could be read ({verdict}); retrying; if this persists, look at"
            " its disk (dmesg)",
            path=str(path),
        )
    if verdict != "ok":
        raise damaged(path, f"a damaged one ({verdict})")


def _refuse_other_schema(path: Path, revision: str) -> None:
    if revision == REVISION:
        return
    advice = (
        "it is newer: use the version of vampd that created it, or a later one"
        if revision > REVISION
        else "it is older: start this version of vampd once to migrate it"
    )
    raise StoreError(
        "schema_mismatch",
        f"{path} has schema {revision}, this version of vampd works with {REVISION}; {advice}",
        path=str(path),
    )


def _migrate(path: Path, journal_mode: str, mode: str) -> None:
    """Bring the schema to this version's, in one transaction."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    # Alembic reads its options with %-interpolation.
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    engine = make_engine(path, journal_mode, mode)
    try:
        writers = engine.execution_options(writes=True)
        with translating_errors(path), writers.begin() as connection:
            connection.exec_driver_sql(f"PRAGMA application_id = {APPLICATION_ID}")
            config.attributes["connection"] = connection
            command.upgrade(config, REVISION)
    finally:
        engine.dispose()


def _fsync_file(path: Path) -> None:
    # Only while no connection is open: closing any descriptor of a file drops the locks that SQLite
    # holds on it in this process.
    file_fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(file_fd)
    finally:
        os.close(file_fd)


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Keep other creators out of the folder; the lock goes with the process."""
    folder_fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(folder_fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder_fd)
