"""A database that is not what vampd left: refused with a cause, or believed in no row of it."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.worlds.hostile.three_users import MEMBER, OWNER, give_to_owner, shared_site
from tests.support.worlds.records.databases import new_database
from vampd.errors import StoreError, VampdError
from vampd.model.nights import Kind, NightId
from vampd.store.database.opening import Access, open_store
from vampd.store.nights import Nights

NIGHT = NightId("20251106", Kind.ARCHIVE)


@pytest.fixture
def database() -> Iterator[Path]:
    with shared_site() as site:
        site.database.write_bytes(new_database())
        store = open_store(f"sqlite:///{site.database}", Access.USE)
        Nights(store).discover(NIGHT, 1.0)
        store.close()
        give_to_owner(site)
        yield site.database


def altered(*statements: str) -> Callable[[Path], None]:
    def alter(path: Path) -> None:
        with closing(sqlite3.connect(path)) as connection, connection:
            for statement in statements:
                connection.execute(statement)

    return alter


def another_file(path: Path) -> None:
    path.write_bytes(os.urandom(1 << 16))


def anothers(path: Path) -> None:
    MEMBER.own(path, 0o644)


def anothers_link(path: Path) -> None:
    path.rename(path.with_name("moved.db"))
    path.symlink_to("moved.db")
    MEMBER.own_link(path)


def pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)
    os.chown(path, OWNER.uid, OWNER.gids[0])


SAFE = "UPDATE nights SET safe_at = 1"
HOSTILE = {
    "a trigger": altered(f"CREATE TRIGGER t AFTER UPDATE ON nights BEGIN {SAFE}; END"),
    "a trigger that looks like ours": altered(
        f"CREATE TRIGGER t AFTER UPDATE ON nights BEGIN {SAFE}; SELECT RAISE(ABORT, 'x'); END"
    ),
    "a trigger with a comment": altered(
        f"CREATE TRIGGER t AFTER UPDATE ON nights BEGIN {SAFE} /* BEGIN SELECT RAISE(ABORT, 'x')"
        " */; END"
    ),
    "no trigger": altered("DROP TRIGGER events_are_not_deleted"),
    "a trigger that never refuses": altered(
        "DROP TRIGGER events_are_not_deleted",
        "CREATE TRIGGER events_are_not_deleted BEFORE DELETE ON events WHEN 0"
        " BEGIN SELECT RAISE(ABORT, 'events are append-only'); END",
    ),
    "a trigger that always refuses": altered(
        "CREATE TRIGGER t BEFORE UPDATE ON nights BEGIN SELECT RAISE(ABORT, 'x'); END"
    ),
    "no table": altered("DROP TABLE receipts"),
    "no column": altered("ALTER TABLE nights DROP COLUMN verdict"),
    "a column more": altered("ALTER TABLE nights ADD COLUMN more TEXT"),
    "a key less": altered("DROP INDEX uq_packing_receipts_live"),
    "a key more": altered("CREATE UNIQUE INDEX u ON events (night_id)"),
    "a view": altered("CREATE VIEW v AS SELECT 1"),
    "a view in the place of a table": altered(
        "ALTER TABLE receipts RENAME TO old_receipts",
        "CREATE VIEW receipts AS SELECT * FROM old_receipts",
    ),
    "no version": altered("DROP TABLE alembic_version"),
    "a version of another form": altered("UPDATE alembic_version SET version_num = 'x; DROP'"),
    "a later version": altered("UPDATE alembic_version SET version_num = '9999'"),
    "another application": altered("PRAGMA application_id = 7"),
    "another file": another_file,
    "another's": anothers,
    "another's link": anothers_link,
    "a pipe": pipe,
}


@pytest.mark.parametrize("attack", HOSTILE)
def test_a_database_that_vampd_did_not_leave_so_is_refused(database: Path, attack: str) -> None:
    HOSTILE[attack](database)
    for access in (Access.MIGRATE, Access.USE, Access.READ):
        with pytest.raises(StoreError) as caught:
            open_store(f"sqlite:///{database}", access).close()
        assert caught.value.code.startswith(("database_", "schema_")), access


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE nights SET attempts = 'many'",
        "UPDATE nights SET stage = 'x' || char(27) || '[31m'",
        "UPDATE nights SET safe_at = 'yes'",
        "UPDATE nights SET attempts = 9223372036854775807",
        "UPDATE nights SET changed_at = 9e999",
        "UPDATE nights SET error = zeroblob(10000000)",
        "UPDATE nights SET date = '../../etc'",
        "PRAGMA user_version = 2147483647",
    ],
)
def test_a_row_of_other_values_is_reported_and_ends_nothing(database: Path, statement: str) -> None:
    altered(statement)(database)
    store = open_store(f"sqlite:///{database}", Access.USE)
    nights = Nights(store)
    try:
        found, unread = nights.nights(), nights.unreadable_nights()
        assert len(found) + len(unread) == 1
        for record in found:
            assert record.night == NIGHT
            assert record.safe_at is None
    except VampdError as error:
        assert error.code.startswith("database_")  # noqa: PT017 - either is well
    finally:
        store.close()
