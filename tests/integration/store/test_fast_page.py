"""What the page reads by plain SQL is what the store tells, and it is told when that changes."""

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

from tests.support.worlds.records.stores import NIGHT
from tests.support.worlds.records.varied_nights import UNSAFE, make_varied, opened
from vampd.model.nights import Event, EventName, Kind, NightId, NightUpdate
from vampd.model.proofs import Place
from vampd.store.database.version import DatabaseVersion
from vampd.store.fast_page import read_fast_page
from vampd.store.nights import Nights
from vampd.store.packing_receipts import StoredPackingReceipts
from vampd.store.receipts import StoredReceipts


def test_products_are_those_of_the_store_with_their_readings(tmp_path: Path) -> None:
    database = tmp_path / "vampd.db"
    make_varied(database, 8)
    with opened(database) as store:
        receipts, readings = StoredPackingReceipts(store), StoredReceipts(store)
        (first, second, *_) = receipts.of(UNSAFE)
        receipts.end(UNSAFE, at=5.0, actor="me", paths=[first.receipt.path])
        readings.end_proofs(UNSAFE, [second.receipt.path])
        here, there = (readings.of(UNSAFE, place) for place in Place)
        expected = [
            (
                one.receipt.path,
                one.receipt.size,
                one.receipt.sha256,
                one.at,
                here[one.receipt.path].at,
                here[one.receipt.path].sha256,
                there[one.receipt.path].at if one.receipt.path in there else None,
                None
                if one.receipt.path not in there or there[one.receipt.path].has_ended
                else there[one.receipt.path].sha256,
            )
            for one in receipts.of(UNSAFE)
            if one.ended_at is None
        ]
    assert len(expected) == 3
    with read_fast_page(database) as page:
        assert page is not None
        assert sorted(page.products(UNSAFE)) == sorted(expected)
        assert page.products(NightId("20250101", Kind.ARCHIVE)) == ()


def test_nights_by_their_keys_are_the_nights(tmp_path: Path) -> None:
    database = tmp_path / "vampd.db"
    make_varied(database, 8)
    with read_fast_page(database) as page:
        assert page is not None
        keys = [key for number in page.blocks() for key in page.names(number)]
        assert page.nights_by_key(keys) == page.nights()
        assert len(page.nights_by_key(keys[:3])) == 3
        assert page.nights_by_key([]) == ()


def test_a_commit_anywhere_is_another_version_and_nothing_else_is(tmp_path: Path) -> None:
    database = tmp_path / "vampd.db"
    version = DatabaseVersion(database)
    assert version.read() == version.read()
    seen = {version.read()}

    def is_new() -> bool:
        again = version.read()
        assert again == version.read()
        known = again in seen
        seen.add(again)
        return not known

    with opened(database) as store:
        assert is_new()
        nights = Nights(store)
        nights.discover(NIGHT, 1.0)
        assert is_new()
        # Commits that follow each other within a tick of the clock, of equal size.
        for number in range(40):
            nights.update(NIGHT, NightUpdate(done_actions=number + 1))
            assert is_new()
        with store.read():
            assert not is_new()
        # Not even to root, whom SQLite has the log given to its owner again.
        with read_fast_page(database) as page:
            assert page is not None
            page.mail_mark()
        assert not is_new()
        with closing(sqlite3.connect(database)) as other, other:
            other.execute("UPDATE nights SET frames = 7")
        assert is_new()
        nights.apply(NIGHT, Event(EventName.HELD), at=2.0, actor="x")
        assert is_new()
    # Stopped cleanly: its log is gone.
    assert is_new()
    assert not is_new()


def test_a_look_keeps_no_lock_so_that_a_vampd_that_stops_leaves_no_log(tmp_path: Path) -> None:
    database = tmp_path / "vampd.db"
    with opened(database) as store:
        Nights(store).discover(NIGHT, 1.0)
        with read_fast_page(database) as page:
            assert page is not None
            page.blocks()
        DatabaseVersion(database).read()
    assert [path.name for path in tmp_path.iterdir()] == ["vampd.db"]


def test_a_look_at_the_version_ends_no_lock_of_who_reads_in_the_same_process(
    tmp_path: Path,
) -> None:
    """Else vampd would overwrite, in its log, what is being read."""
    database = tmp_path / "vampd.db"
    with opened(database) as store:
        Nights(store).discover(NIGHT, 1.0)
    version = DatabaseVersion(database)
    writer = subprocess.Popen(
        [sys.executable, "-c", _WRITER, database], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    assert writer.stdin is not None
    assert writer.stdout is not None
    assert writer.stdout.readline() == "open\n"
    version.read()
    with read_fast_page(database) as page:
        assert page is not None
        before = page.nights()
        version.read()
        writer.stdin.write("\n")
        writer.stdin.flush()
        # A checkpoint that empties the log waits for readers, and says that it could not.
        assert writer.stdout.readline() == "busy\n"
        assert page.nights() == before
    writer.stdin.close()
    assert writer.wait(60) == 0
    writer.stdout.close()
    version.close()


_WRITER = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=0.2)
connection.execute("UPDATE nights SET frames = 1")
print("open", flush=True)
sys.stdin.readline()
connection.execute("UPDATE nights SET frames = 2")
(busy, *_) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
print("busy" if busy else "emptied", flush=True)
"""
