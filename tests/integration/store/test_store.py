"""The database on a real disk: created whole, never replaced, shared between processes."""

import os
import re
import shutil
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import insert
from sqlalchemy.exc import IntegrityError

from tests.support.worlds.scripts import ROOT, hits_of, run_script, was_killed
from vampd.errors import ClaimLost, DiskFull, IllegalTransition, StoreError, TransientError
from vampd.model.nights import Event, EventName, FileStamp, Kind, NightId, NightRecord, Status
from vampd.model.proofs import Place, Receipt
from vampd.store import connection as connection_module
from vampd.store import engine as engine_module
from vampd.store.connection import Store
from vampd.store.engine import MIGRATIONS, Access, open_store
from vampd.store.nights import Nights
from vampd.store.receipts import StoredReceipts
from vampd.store.schema import REVISION, Base, NightRow

NIGHT = NightId("20251106", Kind.ARCHIVE)
NEXT_REVISION = f"{int(REVISION) + 1:04}"
CREATE = """
import sys
from vampd.store.engine import Access, open_store
open_store(sys.argv[1], Access.MIGRATE).close()
"""


def url_of(path: Path) -> str:
    return f"sqlite:///{path}"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A database with some rows, closed."""
    path = tmp_path / "vampd.db"
    store = open_store(url_of(path), Access.MIGRATE)
    nights = Nights(store)
    nights.discover(NIGHT, at=1.0)
    nights.apply(NIGHT, Event(EventName.SETTLED), at=2.0, actor="test")
    stamps = [FileStamp(f"vgen2/{number:06}.fits.fz", number, number) for number in range(2000)]
    receipts = [Receipt(Place.HERE, stamp, "0" * 64, 1.0) for stamp in stamps]
    StoredReceipts(store).keep(NIGHT, receipts)
    store.close()
    return path


@pytest.fixture
def store(path: Path):
    store = open_store(url_of(path), Access.USE)
    yield store
    store.close()


def the_night(nights: Nights) -> NightRecord:
    record = nights.night(NIGHT)
    assert record is not None
    return record


def test_migrations_and_models_agree(store: Store):
    with store.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_server_default": True})
        assert compare_metadata(context, Base.metadata) == []


def test_the_newest_migration_is_the_schema_that_this_version_works_with():
    assert ScriptDirectory(str(MIGRATIONS)).get_current_head() == REVISION


def test_a_commit_survives_a_power_cut_and_references_are_checked(store: Store):
    with store.write() as connection:
        asked = ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        found = [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in asked]
    assert found == ["wal", 2, 1, 10_000]


def test_the_group_may_write_the_database_whatever_the_umask(tmp_path: Path):
    before = os.umask(0o077)
    try:
        store = open_store(url_of(tmp_path / "vampd.db"), Access.MIGRATE)
        Nights(store).discover(NIGHT, at=1.0)
    finally:
        os.umask(before)
    for name in ("vampd.db", "vampd.db-wal", "vampd.db-shm"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o664, name
    store.close()


def test_a_path_may_hold_any_character(tmp_path: Path):
    path = tmp_path / "a %41?mode=memory#é" / "v%s.db"
    store = open_store(url_of(path), Access.MIGRATE)
    Nights(store).discover(NIGHT, at=1.0)
    store.close()
    assert path.is_file()
    assert os.listdir(path.parent) == [path.name]


def test_creation_killed_anywhere_leaves_a_whole_database_or_none(tmp_path: Path):
    hits = hits_of(CREATE, url_of(tmp_path / "log" / "vampd.db"), log=tmp_path / "hits")
    assert {hit.partition("#")[0] for hit in hits} >= {
        "store.create.migrated",
        "store.create.journaled",
        "store.create.file_synced",
        "store.create.linked",
        "store.create.unlinked",
    }
    for number, hit in enumerate(hits):
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


def test_a_missing_database_is_told_and_not_made_by_those_who_only_use_it(tmp_path: Path):
    with pytest.raises(StoreError) as error:
        open_store(url_of(tmp_path / "vampd.db"), Access.USE)
    assert error.value.code == "database_missing"
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


def test_damage_that_shows_only_later_is_told_in_our_words(path: Path):
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


def test_a_folder_in_its_place_is_told(tmp_path: Path):
    (tmp_path / "vampd.db").mkdir()
    with pytest.raises(StoreError) as error:
        open_store(url_of(tmp_path / "vampd.db"), Access.MIGRATE)
    assert error.value.code == "database_unusable"


@pytest.mark.parametrize("access", Access)
def test_a_newer_schema_is_refused_by_everybody(path: Path, access: Access):
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StoreError, match="newer") as error:
        open_store(url_of(path), access)
    assert error.value.code == "schema_mismatch"


@pytest.fixture
def next_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A vampd whose schema is one migration further."""

    def prepare(body: str) -> None:
        migrations = tmp_path / "100% migrations"
        shutil.copytree(MIGRATIONS, migrations, ignore=shutil.ignore_patterns("__pycache__"))
        (migrations / "versions" / f"rev_{NEXT_REVISION}.py").write_text(
            "import os\nfrom alembic import op\n"
            f"revision, down_revision = '{NEXT_REVISION}', '{REVISION}'\n"
            "branch_labels = depends_on = None\n"
            f"def upgrade():\n    op.execute('CREATE TABLE novelty (id INTEGER)')\n    {body}\n"
        )
        monkeypatch.setattr(engine_module, "MIGRATIONS", migrations)
        monkeypatch.setattr(engine_module, "REVISION", NEXT_REVISION)

    return prepare


def schema_of(path: Path) -> tuple[str, bool]:
    with closing(sqlite3.connect(path)) as connection:
        (version,) = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        return version, bool(connection.execute("PRAGMA table_info(novelty)").fetchall())


def test_only_vampd_migrates_an_older_database(path: Path, next_version):
    next_version("pass")
    with pytest.raises(StoreError, match="older") as error:
        open_store(url_of(path), Access.USE)
    assert error.value.code == "schema_mismatch"
    assert schema_of(path) == (REVISION, False)
    store = open_store(url_of(path), Access.MIGRATE)
    assert the_night(Nights(store)).state.status is Status.READY
    store.close()
    assert schema_of(path) == (NEXT_REVISION, True)
    open_store(url_of(path), Access.USE).close()


def test_a_migration_that_fails_leaves_the_old_schema(path: Path, next_version):
    next_version("raise ZeroDivisionError")
    with pytest.raises(ZeroDivisionError):
        open_store(url_of(path), Access.MIGRATE)
    assert schema_of(path) == (REVISION, False)


def test_a_migration_that_is_killed_leaves_the_old_schema(path: Path, next_version):
    next_version("os.kill(os.getpid(), 9)")
    migrate = (
        "import sys\nfrom pathlib import Path\nfrom vampd.store import engine\n"
        "engine.MIGRATIONS, engine.REVISION = Path(sys.argv[2]), sys.argv[3]\n"
        "engine.open_store(sys.argv[1], engine.Access.MIGRATE)\n"
    )
    assert was_killed(run_script(migrate, url_of(path), engine_module.MIGRATIONS, NEXT_REVISION))
    assert schema_of(path) == (REVISION, False)


@pytest.mark.parametrize(
    "statement",
    ["UPDATE events SET actor = 'nobody'", "DELETE FROM events", "DELETE FROM nights"],
)
def test_history_cannot_be_rewritten(store: Store, path: Path, statement: str):
    before = Nights(store).history(NIGHT)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA foreign_keys = ON")
        with pytest.raises(sqlite3.IntegrityError), connection:
            connection.execute(statement)
    assert Nights(store).history(NIGHT) == before


def test_a_move_and_its_event_are_one_transaction(store: Store):
    nights = Nights(store)
    before = nights.night(NIGHT)
    with pytest.raises(IntegrityError):
        nights.apply(NIGHT, Event(EventName.CLAIMED), at=3.0, actor=None)  # type: ignore[arg-type]
    assert nights.night(NIGHT) == before


CLAIM = """
import sys
from vampd.errors import IllegalTransition
from vampd.model.nights import Kind, NightId
from vampd.model.nights import Event, EventName
from vampd.store.engine import Access, open_store
from vampd.store.nights import Nights

nights = Nights(open_store(sys.argv[1], Access.USE))
night = NightId("20251106", Kind.ARCHIVE)
won = 0
while won < 40:
    try:
        mine = nights.apply(night, Event(EventName.CLAIMED), at=1.0, actor=sys.argv[2]).claim
    except IllegalTransition:
        continue
    won += 1
    nights.apply(night, Event(EventName.ABANDONED), at=2.0, actor=sys.argv[2], claim=mine)
"""


def test_two_processes_take_turns_and_no_claim_is_given_twice(store: Store, path: Path):
    racers = [
        subprocess.Popen([sys.executable, "-c", CLAIM, url_of(path), name], cwd=ROOT)
        for name in ("one", "other")
    ]
    assert [racer.wait(timeout=100) for racer in racers] == [0, 0]
    record = the_night(Nights(store))
    assert (record.claim, record.state.status, record.state.attempts) == (80, Status.READY, 0)
    moves = [line for line in Nights(store).history(NIGHT) if line.event != "settled"]
    pairs = list(zip(moves[::2], moves[1::2], strict=True))
    assert all((a.event, b.event) == ("claimed", "abandoned") for a, b in pairs)
    assert all(a.actor == b.actor for a, b in pairs)
    assert len(pairs) == 80


def test_many_threads_share_one_store(store: Store):
    nights = Nights(store)

    def claim(number: int) -> str:
        try:
            event = Event(EventName.CLAIMED)
            mine = nights.apply(NIGHT, event, at=1.0, actor=f"thread {number}").claim
            nights.change_counter()
            failed = Event(EventName.FAILED, not_before=2.0)
            nights.apply(NIGHT, failed, at=2.0, actor=f"thread {number}", claim=mine)
        except (IllegalTransition, ClaimLost):
            return "late"
        return "won"

    with ThreadPoolExecutor(24) as threads:
        outcomes = list(threads.map(claim, range(100)))
    record = the_night(nights)
    assert record.claim == record.state.attempts == outcomes.count("won") > 0
    assert len(nights.history(NIGHT)) == 1 + 2 * outcomes.count("won")


def test_a_writer_waits_for_its_turn(store: Store, path: Path):
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN IMMEDIATE")
        threading.Timer(0.4, other.execute, ["ROLLBACK"]).start()
        began = time.monotonic()
        Nights(store).apply(NIGHT, Event(EventName.CLAIMED), at=3.0, actor="test")
        assert time.monotonic() - began > 0.3


def test_a_lock_that_nobody_lets_go_of_is_told_and_passes(path: Path, monkeypatch):
    monkeypatch.setattr(connection_module, "BUSY_TIMEOUT_S", 0.2)
    store = open_store(url_of(path), Access.USE)
    nights = Nights(store)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(TransientError) as error:
            nights.apply(NIGHT, Event(EventName.CLAIMED), at=3.0, actor="test")
        assert error.value.code == "database_busy"
        assert the_night(nights).state.status is Status.READY, "readers wait for nobody"
    assert nights.apply(NIGHT, Event(EventName.CLAIMED), at=3.0, actor="test").claim == 1
    store.close()


def test_a_full_disk_is_told_and_nothing_is_half_written(store: Store):
    nights = Nights(store)
    with store.write() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
        # Of this connection alone: the pool hands it out again to whoever comes next.
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
    before = nights.night(NIGHT), nights.history(NIGHT)
    with pytest.raises(DiskFull) as error:
        nights.apply(NIGHT, Event(EventName.CLAIMED), at=3.0, actor="test", message="m" * 10**6)
    assert error.value.code == "disk_full"
    assert (nights.night(NIGHT), nights.history(NIGHT)) == before


def test_a_writer_that_is_killed_leaves_the_night_as_it_was(store: Store, path: Path):
    script = (
        "import os, sys\nfrom sqlalchemy import update\n"
        "from vampd.store.engine import Access, open_store\n"
        "from vampd.store.schema import NightRow\n"
        "with open_store(sys.argv[1], Access.USE).write() as connection:\n"
        "    connection.execute(update(NightRow).values(claim=77))\n"
        "    os.kill(os.getpid(), 9)\n"
    )
    before = Nights(store).nights()
    assert was_killed(run_script(script, url_of(path)))
    assert Nights(store).nights() == before
    assert Nights(store).apply(NIGHT, Event(EventName.CLAIMED), at=3.0, actor="test").claim == 1


def test_a_change_by_another_process_is_noticed(store: Store, path: Path):
    nights = Nights(store)
    counters = {nights.change_counter(), nights.change_counter()}
    assert len(counters) == 1
    change = (
        "import sys\nfrom vampd.model.nights import NightUpdate, Kind, NightId\n"
        "from vampd.store.engine import Access, open_store\nfrom vampd.store.nights import Nights\n"
        "nights = Nights(open_store(sys.argv[1], Access.USE))\n"
        "nights.update(NightId('20251106', Kind.ARCHIVE), NightUpdate(frames=5))\n"
    )
    assert run_script(change, url_of(path)).returncode == 0
    assert nights.change_counter() not in counters
    assert the_night(nights).frames == 5


def test_five_thousand_nights_are_listed_quickly(store: Store):
    nights = Nights(store)
    row = {"stage": "sync", "status": "done", "attempts": 0, "claim": 1, "released": frozenset()}
    row |= {"frames": 1, "bytes": 1, "done_actions": 0, "all_actions": 0}
    row |= {"discovered_at": 1.0, "changed_at": 1.0, "kind": "engineering"}
    dates = [date(2010, 1, 1) + timedelta(number) for number in range(5000)]
    with store.write() as connection:
        connection.execute(insert(NightRow), [row | {"date": f"{d:%Y%m%d}"} for d in dates])
    began = time.process_time()
    assert len(nights.nights()) == 5001
    assert time.process_time() - began < 0.5


def test_every_table_of_the_database_is_known_to_the_models(path: Path):
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    found = {name for (name,) in rows if not re.match("sqlite_|alembic_", name)}
    assert found == set(Base.metadata.tables)
