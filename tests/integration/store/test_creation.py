"""A database is made whole or not at all, and what is damaged is never replaced."""

import os
import resource
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.tools.scripts import hits_of, run_script, was_killed
from tests.support.worlds.hostile.unprivileged import as_user
from tests.support.worlds.records.stores import NIGHT, url_of
from vampd.errors import StoreError, TransientError, VampdError
from vampd.model.proofs import Place
from vampd.store.database import opening as opening_module
from vampd.store.database.connection import Store
from vampd.store.database.opening import Access, open_store
from vampd.store.database.sqlite_errors import translating_errors
from vampd.store.nights import Nights
from vampd.store.receipts import StoredReceipts

CREATE = """
import sys
from vampd.store.database.opening import Access, open_store
open_store(sys.argv[1], Access.MIGRATE).close()
"""


def test_a_commit_survives_a_power_cut_and_references_are_checked(store: Store):
    with store.write() as connection:
        asked = ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        found = [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in asked]
    assert found == ["wal", 2, 1, 10_000]


def test_the_group_may_read_the_database_whatever_the_umask(tmp_path: Path):
    before = os.umask(0o077)
    try:
        store = open_store(url_of(tmp_path / "vampd.db"), Access.MIGRATE)
        Nights(store).discover(NIGHT, at=1.0)
    finally:
        os.umask(before)
    for name in ("vampd.db", "vampd.db-wal", "vampd.db-shm"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o640, name
    store.close()


def test_a_path_may_hold_any_character(tmp_path: Path):
    path = tmp_path / "a %41?mode=memory#é" / "v%s.db"
    store = open_store(url_of(path), Access.MIGRATE)
    Nights(store).discover(NIGHT, at=1.0)
    store.close()
    assert path.is_file()
    assert os.listdir(path.parent) == [path.name]


@pytest.mark.parametrize("stride", [3, pytest.param(1, marks=pytest.mark.soak)])
def test_creation_killed_anywhere_leaves_a_whole_database_or_none(tmp_path: Path, stride: int):
    hits = hits_of(CREATE, url_of(tmp_path / "log" / "vampd.db"), log=tmp_path / "hits")
    assert {hit.partition("#")[0] for hit in hits} >= {
        "store.create.migrated",
        "store.create.journaled",
        "store.create.file_synced",
        "store.create.linked",
        "store.create.unlinked",
    }
    for number, hit in enumerate(hits[::stride]):
        path = tmp_path / str(number) / "vampd.db"
        assert was_killed(run_script(CREATE, url_of(path), failpoint=hit)), hit
        if path.exists():
            # WAL by its header, else two that open it at once are in each other's way.
            assert path.read_bytes()[18:20] == b"\2\2", hit
            open_store(url_of(path), Access.USE).close()
        store = open_store(url_of(path), Access.MIGRATE)
        assert Nights(store).nights() == ()
        store.close()
        assert os.listdir(path.parent) == ["vampd.db"], hit


def test_a_missing_database_is_reported_and_not_made_by_those_who_only_use_it(tmp_path: Path):
    with pytest.raises(StoreError) as error:
        open_store(url_of(tmp_path / "vampd.db"), Access.USE)
    assert error.value.code == "database_missing"
    assert "start vampd" in error.value.message
    assert "`make demo`" in error.value.message
    assert os.listdir(tmp_path) == []


def zero_bytes(path: Path) -> None:
    path.write_bytes(b"")


def garbage(path: Path) -> None:
    path.write_bytes(bytes(range(256)) * 300)


def a_text(path: Path) -> None:
    path.write_text("sqlite format 3, or not\n")


def the_first_page_alone(path: Path) -> None:
    os.truncate(path, 4096)


def half_a_page_less(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 2048)


def half_of_it(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2 // 4096 * 4096)


def the_header_alone(path: Path) -> None:
    os.truncate(path, 100)


def a_page_of_noise(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 2 // 4096 * 4096)
        file.write(b"\x5a" * 4096)


def no_version(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DROP TABLE alembic_version")


def a_strange_version(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = 'ae1027a6'")


DAMAGE = [
    zero_bytes,
    garbage,
    a_text,
    the_header_alone,
    the_first_page_alone,
    half_of_it,
    half_a_page_less,
    a_page_of_noise,
    no_version,
    a_strange_version,
]


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_database_is_refused_and_never_replaced(path: Path, damage):
    damage(path)
    before = path.read_bytes()
    with pytest.raises(StoreError) as error:
        open_store(url_of(path), Access.MIGRATE)
    assert error.value.code == "database_damaged"
    assert "move it aside" in error.value.message
    assert str(path) in error.value.message
    assert path.read_bytes() == before
    assert not [name for name in os.listdir(path.parent) if name.endswith(".new")]


@pytest.mark.parametrize("damage", [zero_bytes, garbage, no_version])
def test_vampctl_refuses_what_is_no_database_too(path: Path, damage):
    damage(path)
    before = path.read_bytes()
    with pytest.raises(StoreError) as error:
        open_store(url_of(path), Access.USE)
    assert error.value.code == "database_damaged"
    assert path.read_bytes() == before


def test_damage_that_shows_only_later_is_reported_in_our_words(path: Path):
    a_page_of_noise(path)
    store = open_store(url_of(path), Access.USE)
    with pytest.raises(StoreError) as error:
        StoredReceipts(store).of(NIGHT, Place.HERE)
    assert error.value.code == "database_damaged"
    store.close()


@pytest.mark.parametrize("access", Access)
def test_the_database_of_another_application_is_left_alone(tmp_path: Path, access: Access):
    path = tmp_path / "vampd.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE nights (id INTEGER)")
        connection.execute("CREATE TABLE alembic_version (version_num TEXT)")
    before = path.read_bytes()
    with pytest.raises(StoreError) as error:
        open_store(url_of(path), access)
    assert error.value.code == "database_foreign"
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["vampd.db"]


@pytest.mark.parametrize("suffix", ["-wal", "-journal"])
def test_a_lost_database_is_not_made_anew_under_the_log_of_the_old_one(tmp_path: Path, suffix):
    left = tmp_path / f"vampd.db{suffix}"
    left.write_bytes(b"x")
    with pytest.raises(StoreError) as error:
        open_store(url_of(tmp_path / "vampd.db"), Access.MIGRATE)
    assert error.value.code == "database_damaged"
    assert os.listdir(tmp_path) == [left.name]


def test_a_dangling_link_is_not_a_missing_database(tmp_path: Path):
    (tmp_path / "vampd.db").symlink_to(tmp_path / "unmounted" / "vampd.db")
    with pytest.raises(StoreError):
        open_store(url_of(tmp_path / "vampd.db"), Access.MIGRATE)
    assert os.listdir(tmp_path) == ["vampd.db"]


def test_a_folder_in_its_place_is_reported(tmp_path: Path):
    (tmp_path / "vampd.db").mkdir()
    with pytest.raises(StoreError) as error:
        open_store(url_of(tmp_path / "vampd.db"), Access.MIGRATE)
    assert error.value.code == "database_unusable"


@pytest.mark.parametrize("exists", [True, False])
def test_what_kept_it_from_being_opened_and_has_passed_is_waited_for(tmp_path: Path, exists: bool):
    path = tmp_path / "vampd.db"
    if exists:
        open_store(url_of(path), Access.MIGRATE).close()
    refusal = sqlite3.OperationalError("unable to open database file")
    refusal.sqlite_errorcode = sqlite3.SQLITE_CANTOPEN
    with pytest.raises(TransientError) as error, translating_errors(path):
        raise refusal
    assert error.value.code == "database_unreadable"


def test_a_limit_of_a_files_size_is_no_disk_that_fails(tmp_path: Path) -> None:
    def create() -> str:
        resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
        with pytest.raises(TransientError) as error:
            open_store(url_of(tmp_path / "vampd.db"), Access.MIGRATE)
        return error.value.code

    assert as_user(os.geteuid(), [os.getegid()], create) == "file_size_limit"


class _Verdict:
    """A connection whose checks say this."""

    def __init__(self, text: str) -> None:
        self.text = text

    def execute(self, _: str) -> "_Verdict":
        return self

    def fetchone(self) -> tuple[str]:
        return (self.text,)

    def close(self) -> None:
        pass


@pytest.mark.parametrize(
    ("verdict", "code"),
    [
        ("*** in database main ***\nPage 32: unable to get the page. error code=266", "unreadable"),
        ("Page 7: unable to get the page. error code=7", "unreadable"),
        ("Tree 4 page 4: unable to get the page. error code=11", "damaged"),
        ("row 3 missing from index i", "damaged"),
    ],
)
def test_a_page_that_cannot_be_read_now_is_no_damage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, verdict: str, code: str
):
    open_store(url_of(tmp_path / "vampd.db"), Access.MIGRATE).close()
    monkeypatch.setattr(opening_module, "connect", lambda _: _Verdict(verdict))
    with pytest.raises(VampdError) as error:
        opening_module._check_whole(tmp_path / "vampd.db")
    assert error.value.code == f"database_{code}"
    assert isinstance(error.value, TransientError) is (code == "unreadable")
