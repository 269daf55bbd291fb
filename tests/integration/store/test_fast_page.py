"""What the page reads by plain SQL is what the store tells, and it is told when that changes."""

import sqlite3
from contextlib import closing
from pathlib import Path

from tests.support.worlds.records.stores import NIGHT
from tests.support.worlds.records.varied_nights import UNSAFE, make_varied, opened
from vampd.model.nights import Event, EventName, Kind, NightId, NightUpdate
from vampd.model.proofs import Place
from vampd.store.database.version import read_version
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
        keys = [mark[0] for mark in page.marks()]
        assert page.nights_by_key(keys) == page.nights()
        assert len(page.nights_by_key(keys[:3])) == 3
        assert page.nights_by_key([]) == ()


def test_a_commit_anywhere_is_another_version_and_nothing_else_is(tmp_path: Path) -> None:
    database = tmp_path / "vampd.db"
    assert read_version(database) == read_version(database)
    seen = {read_version(database)}

    def is_new() -> bool:
        again = read_version(database)
        assert again == read_version(database)
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
            page.marks()
        read_version(database)
    assert [path.name for path in tmp_path.iterdir()] == ["vampd.db"]
