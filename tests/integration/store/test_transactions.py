"""Moves and their events are one transaction, whoever else reads and writes."""

import os
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert
from sqlalchemy.exc import IntegrityError

from tests.conftest import ROOT
from tests.support.tools.scripts import run_script, was_killed
from tests.support.worlds.hostile.unprivileged import NOBODY, as_nobody, made_open_folder
from tests.support.worlds.records.stores import NIGHT, the_night, url_of
from vampd.errors import (
    ClaimLost,
    DiskFull,
    IllegalTransition,
    NotPermitted,
    StoreError,
    TransientError,
)
from vampd.model.nights import Event, EventName, Status
from vampd.store.database import connection as connection_module
from vampd.store.database.connection import Store
from vampd.store.database.opening import Access, open_store
from vampd.store.database.sqlite_errors import translating_errors
from vampd.store.nights import Nights
from vampd.store.schema import NightRow


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
from vampd.store.database.opening import Access, open_store
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


def test_a_lock_that_nobody_lets_go_of_is_reported_and_passes(path: Path, monkeypatch):
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


def test_a_full_disk_is_reported_and_nothing_is_half_written(store: Store):
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
        "from vampd.store.database.opening import Access, open_store\n"
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
        "from vampd.store.database.opening import Access, open_store\n"
        "from vampd.store.nights import Nights\n"
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


def forbid_file(path: Path) -> None:
    path.chmod(0o444)


def forbid_folder(path: Path) -> None:
    path.parent.chmod(0o555)


@pytest.mark.parametrize("forbid", [forbid_file, forbid_folder])
def test_a_database_that_may_not_be_written_is_waited_for_until_it_may(
    forbid: Callable[[Path], None],
) -> None:
    def work(path: Path) -> str:
        open_store(url_of(path), Access.MIGRATE).close()
        forbid(path)
        with pytest.raises(NotPermitted) as caught:
            Nights(Store(path)).discover(NIGHT, 1.0)
        path.parent.chmod(0o755)
        for file in path.parent.iterdir():
            file.chmod(0o644)
        Nights(Store(path)).discover(NIGHT, 1.0)
        return caught.value.message

    with made_open_folder() as base:
        base.chmod(0o777)
        (base / "state").mkdir()
        (base / "state").chmod(0o777)
        if not os.geteuid():
            os.chown(base / "state", NOBODY, NOBODY)
        shown = as_nobody(lambda: work(base / "state" / "vampd.db"))
    assert "may not write" in shown
    assert "mode " in shown


def test_what_only_looked_like_damage_for_a_moment_is_waited_for(store: Store, path: Path):
    # A read that fails at an unlucky place: SQLite calls it damage, and the file is whole.
    error = sqlite3.DatabaseError("database disk image is malformed")
    error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
    with pytest.raises(TransientError, match="now it is"), store.read():
        raise error
    path.write_bytes(path.read_bytes()[:4096] + bytes(path.stat().st_size - 4096))
    with pytest.raises(StoreError), translating_errors(path):
        raise error


@pytest.mark.parametrize("other", [None, b"another"], ids=["removed", "replaced"])
def test_nothing_is_written_to_a_database_that_lost_its_name_until_it_is_back(
    store: Store, path: Path, other: bytes | None
):
    nights = Nights(store)
    record = nights.discover(NIGHT, 1.0)
    aside = path.with_name("aside")
    path.rename(aside)
    if other is not None:
        path.write_bytes(other)
    for work in (
        store.change_counter,
        lambda: nights.apply(NIGHT, Event(EventName.HELD), at=2.0, actor="vampd"),
    ):
        with pytest.raises(TransientError, match="restart vampd") as error:
            work()
        assert error.value.code == "database_replaced"
    aside.replace(path)
    assert store.change_counter()
    assert nights.night(NIGHT) == record


def test_a_file_that_could_only_be_opened_to_read_for_a_moment_is_opened_again(
    path: Path, monkeypatch: pytest.MonkeyPatch
):
    store, really = Store(path), connection_module.connect
    nights, held = Nights(store), Event(EventName.HELD)
    # SQLite does so unasked, and says nothing, when its first call is refused.
    monkeypatch.setattr(connection_module, "connect", lambda at, _="rw": really(at, "ro"))
    with pytest.raises(TransientError, match="only be read") as caught:
        nights.apply(NIGHT, held, at=3.0, actor="vampd")
    assert caught.value.code == "database_unreadable"
    monkeypatch.undo()
    nights.apply(NIGHT, held, at=4.0, actor="vampd")
    assert nights.history(NIGHT)[-1].at == 4.0
    store.close()
