"""New databases at the price of a copy."""

import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import Dialect, Engine, create_engine

from tests.support.tools.memory import folder_in_memory
from vampd.store.database import opening

_migrate = opening._migrate


@cache
def new_database() -> bytes:
    """The bytes of an empty database; migrating costs more than most tests that need one."""
    with tempfile.TemporaryDirectory(prefix="vampd-test-", dir=folder_in_memory()) as folder:
        path = Path(folder) / "vampd.db"
        _migrate(path, "DELETE", "rwc")
        return path.read_bytes()


def migrate_by_copying(path: Path, journal_mode: str, mode: str) -> None:
    """Stand in for `opening._migrate`: a database that is to be created is a copy."""
    if mode == "rwc":
        path.write_bytes(new_database())
    else:
        _migrate(path, journal_mode, mode)


def make_engine_compiled(url: str, **options: Any) -> Engine:
    """Stand in for `connection.create_engine`: what one engine of this process compiled, all have.

    To compile a night's statements costs a third of the night.
    """
    engine = create_engine(url, **options)
    engine.dialect, compiled = _compiled()
    engine.update_execution_options(compiled_cache=compiled)
    return engine


@cache
def _compiled() -> tuple[Dialect, dict[Any, Any]]:
    """A dialect that knows its database, and what was compiled in it: it is a part of each key."""
    engine = create_engine("sqlite://")
    engine.connect().close()
    engine.dispose()
    return engine.dialect, {}


@contextmanager
def without_triggers(path: Path) -> Iterator[sqlite3.Connection]:
    """A database whose rows can all be changed: as one that was lost in part, or is another's."""
    with closing(sqlite3.connect(path)) as connection, connection:
        triggers = connection.execute(
            "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"
        ).fetchall()
        for name, _ in triggers:
            connection.execute(f'DROP TRIGGER "{name}"')
        yield connection
        for _, text in triggers:
            connection.execute(text)
