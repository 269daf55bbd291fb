"""Reading the database as it was left: what is seen, what still holds, and what is cleared away."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from vampd.errors import TransientError
from vampd.store.database import reading
from vampd.store.database.reading import ReadingConnection, connect_reading, is_unread


def write(path: Path, number: int) -> sqlite3.Connection:
    """Add a row, which is in the log until the connection is closed."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("CREATE TABLE IF NOT EXISTS t (n)")
    connection.execute("INSERT INTO t VALUES (?)", (number,))
    return connection


def rows(connection: ReadingConnection) -> list[int]:
    return [number for (number,) in connection.execute("SELECT n FROM t ORDER BY n")]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A database without a log, in a folder whose name an URI must not take for its own."""
    folder = tmp_path / "a?mode=rwc#%20b"
    folder.mkdir()
    write(folder / "vampd.db", 1).close()
    return folder / "vampd.db"


@pytest.fixture
def with_log(path: Path, tmp_path: Path) -> Path:
    """The same with a row more in its log, and no index, as a disk gives it back."""
    left = tmp_path / "left"
    left.mkdir()
    with closing(write(path, 2)):
        for suffix in ("", "-wal"):
            shutil.copyfile(f"{path}{suffix}", left / f"vampd.db{suffix}")
    return left / "vampd.db"


def test_a_log_that_begins_is_news_and_a_database_that_changes_spoils_what_was_read(path: Path):
    with closing(connect_reading(path)) as connection:
        assert (rows(connection), connection.is_current) == ([1], True)
        with closing(write(path, 2)):
            assert (connection.is_current, connection.is_sound) == (False, True)
            connection.refuse_unsound()
        assert not connection.is_sound
        with pytest.raises(TransientError) as caught:
            connection.refuse_unsound()
        assert caught.value.code == "database_changed"


def test_an_empty_log_says_nothing(path: Path):
    Path(f"{path}-wal").touch()
    with closing(connect_reading(path)) as connection:
        assert (rows(connection), connection.copied) == ([1], None)


def test_a_log_without_an_index_is_read_in_a_copy_that_nothing_changes_and_that_goes(
    with_log: Path,
):
    with closing(connect_reading(with_log)) as connection:
        assert rows(connection) == [1, 2]
        assert connection.copied is not None
        copy = Path(connection.copied.name)
        assert copy.exists()
        write(with_log, 3).close()
        assert (connection.is_sound, connection.is_current) == (True, False)
    assert not copy.exists()


def test_a_copy_during_which_the_database_changed_is_made_again(
    with_log: Path, monkeypatch: pytest.MonkeyPatch
):
    copyfile, left = shutil.copyfile, [3]

    def changing(source: str, target: str) -> None:
        copyfile(source, target)
        if left:
            write(with_log, left.pop()).close()
            # As a vampd that was killed leaves it: a log, no index.
            with closing(write(with_log, 4)):
                copyfile(f"{with_log}-wal", f"{with_log}.log")
                copyfile(with_log, f"{with_log}.whole")
            Path(f"{with_log}.log").replace(f"{with_log}-wal")
            Path(f"{with_log}.whole").replace(with_log)

    monkeypatch.setattr(shutil, "copyfile", changing)
    with closing(connect_reading(with_log)) as connection:
        assert rows(connection) == [1, 2, 3, 4]
        assert reading._look(with_log) == connection.seen


@pytest.mark.parametrize(
    ("verdict", "unread"),
    [
        ("unable to get the page. error code=266", True),  # SQLITE_IOERR_READ
        ("Page 3: error code=10", True),
        ("Page 3: error code=11", False),
        ("Page 3: error code=267", False),  # SQLITE_CORRUPT_VTAB
        ("error code=266\nerror code=26", False),
        ("row 1 missing from index", False),
        ("ok", False),
    ],
)
def test_a_page_that_could_not_be_read_is_no_damage(verdict: str, unread: bool):
    assert is_unread(verdict) == unread
