"""Records of the alarm: what was told stays told, over a restart, until it is old."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.fakes.memory_alarms import MemoryAlarms
from tests.support.worlds.records.databases import new_database
from vampd.model.alarm import Told
from vampd.ports import AlarmLog
from vampd.store.database.opening import Access, open_store
from vampd.store.people.alarms import StoredAlarms

TOLD = Told("mail", "held", "20251106-archive", "card_missing", 1000.0)
OTHER = replace(TOLD, way="ntfy", at=2000.0)
DAY_S = 86_400.0


@pytest.fixture(params=["memory", "stored"])
def log(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[AlarmLog]:
    if request.param == "memory":
        yield MemoryAlarms()
        return
    path = tmp_path / "vampd.db"
    path.write_bytes(new_database())
    store = open_store(f"sqlite:///{path}", Access.USE)
    yield StoredAlarms(store)
    store.close()


def test_what_is_told_is_on_record_by_way_and_code(log: AlarmLog) -> None:
    assert log.told() == ()
    log.record([])
    log.record([OTHER, TOLD])
    assert log.told() == (TOLD, OTHER)


def test_the_newest_of_a_key_counts(log: AlarmLog) -> None:
    log.record([TOLD])
    over = replace(TOLD, over_at=1500.0)
    log.record([over])
    assert log.told() == (over,)
    again = replace(TOLD, at=3000.0)
    log.record([again])
    assert log.told() == (again,)


def test_names_that_are_no_text_are_kept(log: AlarmLog) -> None:
    odd = replace(TOLD, subject="/mnt/\udcff\n", code="a'b")
    log.record([odd])
    assert log.told() == (odd,)


def test_ways_that_are_no_more_and_what_is_over_for_long_are_forgotten(log: AlarmLog) -> None:
    over = replace(TOLD, code="bug", over_at=1000.0)
    log.record([TOLD, OTHER, over])
    log.prune(["mail", "ntfy"], 1000.0 + 90 * DAY_S)
    assert set(log.told()) == {TOLD, OTHER, over}
    log.prune(["mail", "ntfy"], 1001.0 + 90 * DAY_S)
    assert log.told() == (TOLD, OTHER)
    log.prune(["mail"], 1001.0 + 90 * DAY_S)
    assert log.told() == (TOLD,)
