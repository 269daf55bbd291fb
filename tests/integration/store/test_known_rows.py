"""All nights as often as they are asked for: the rows as they stand, made records of once."""

import random
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

import pytest

from tests.support.worlds.records.stores import NIGHT, url_of
from vampd.errors import DataError
from vampd.model.nights import Kind, NightId, NightRecord, NightUpdate
from vampd.store.database.connection import Store
from vampd.store.database.opening import Access, open_store
from vampd.store.nights import Nights

DAYS = [NightId(f"202511{day:02}", Kind.ENGINEERING) for day in range(1, 13)]
# By hand, beside vampd: sound values and others, of which no column tells that it has changed.
BY_HAND = (
    "UPDATE nights SET attempts = attempts + 1 WHERE id = ?",
    "UPDATE nights SET status = 'held' WHERE id = ?",
    "UPDATE nights SET status = 'gone' WHERE id = ?",
    "UPDATE nights SET stage = 'sync', status = 'filling', attempts = 0 WHERE id = ?",
    "UPDATE nights SET safe_at = 'yes' WHERE id = ?",
    "UPDATE nights SET safe_at = NULL WHERE id = ?",
    "UPDATE nights SET date = '../../etc' WHERE id = ?",
    "UPDATE nights SET date = printf('202511%02d', id), kind = 'engineering' WHERE id = ?",
)


def found(nights: Nights, night: NightId) -> NightRecord:
    return {record.night: record for record in nights.nights()}[night]


def change_by_hand_beside(nights: Nights, path: Path) -> None:
    """Change one of all known nights by hand, and then another one as vampd does."""
    for night in DAYS:
        nights.discover(night, at=1.0)
    nights.nights()
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE nights SET attempts = 7 WHERE date = ?", (DAYS[0].date,))
    nights.update(NIGHT, NightUpdate(bytes=7))


def read_anew(path: Path) -> tuple[object, object]:
    store = open_store(url_of(path), Access.READ)
    try:
        nights = Nights(store)
        return nights.nights(), nights.unreadable_nights()
    finally:
        store.close()


@pytest.mark.parametrize("seed", range(6))
def test_whatever_changes_the_rows_all_nights_are_those_that_another_process_reads(
    store: Store, path: Path, seed: int
) -> None:
    draw = random.Random(seed)
    nights = Nights(store)
    unreadable = 0
    for night in DAYS[:6]:
        nights.discover(night, at=1.0)
    for _ in range(30):
        if draw.random() < 0.1:
            with suppress(DataError):  # its row cannot be read
                nights.discover(draw.choice(DAYS), at=1.0)
        elif draw.random() < 0.4:
            readable = [record.night for record in nights.nights()]
            if readable:
                nights.update(draw.choice(readable), NightUpdate(bytes=draw.randrange(10**9)))
        else:
            key = draw.randrange(1, 8)
            with closing(sqlite3.connect(path)) as connection, connection:
                # Two rows with one name are refused by the table.
                statement = draw.choice(BY_HAND).replace("UPDATE", "UPDATE OR IGNORE", 1)
                connection.execute(statement, (key,))
        assert (nights.nights(), nights.unreadable_nights()) == read_anew(path)
        unreadable += len(nights.unreadable_nights())
    assert unreadable


def test_what_is_changed_by_hand_beside_vampd_is_seen_within_a_minute(
    store: Store, path: Path
) -> None:
    now_s = 0.0
    nights = Nights(store, monotonic=lambda: now_s)
    change_by_hand_beside(nights, path)
    nights.nights()
    for now_s in (59.0, 60.0):
        nights.update(NIGHT, NightUpdate(bytes=round(now_s)))
        assert found(nights, NIGHT).bytes == now_s
    assert found(nights, DAYS[0]).state.attempts == 7


def test_all_who_wait_for_a_change_read_again_a_minute_after_one_that_may_hide_another(
    store: Store, path: Path
) -> None:
    now_s = 0.0
    nights = Nights(store, monotonic=lambda: now_s)
    change_by_hand_beside(nights, path)
    counter = nights.change_counter()
    assert found(nights, DAYS[0]).state.attempts == 0
    now_s = 59.0
    assert nights.change_counter() == counter
    now_s = 60.0
    one, another = nights.change_counter(), nights.change_counter()
    assert one == another != counter
    assert found(nights, DAYS[0]).state.attempts == 7
    now_s = 600.0
    assert nights.change_counter() == one


def test_a_record_is_made_again_only_of_a_row_that_has_changed(store: Store) -> None:
    nights = Nights(store)
    for night in DAYS:
        nights.discover(night, at=1.0)
    before = {record.night: record for record in nights.nights()}
    nights.update(NIGHT, NightUpdate(bytes=7))
    after = {record.night: record for record in nights.nights()}
    assert {night for night in before if after[night] is not before[night]} == {NIGHT}
    assert after[NIGHT].bytes == 7
