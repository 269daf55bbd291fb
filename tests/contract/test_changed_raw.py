"""What every keeper of changed raw files must do."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.fakes.memory_store import MemoryChangedRaw, MemoryNights
from vampd.errors import StateError
from vampd.model.cubes import ChangedRaw, RawFinding
from vampd.model.nights import FileStamp, Kind, NightId
from vampd.ports import ChangedRawFiles, NightStore
from vampd.store.database.opening import Access, open_store
from vampd.store.nights import Nights
from vampd.store.raw_files import StoredChangedRaw

NIGHT = NightId("20251106", Kind.ARCHIVE)
OTHER = NightId("20251106", Kind.ENGINEERING)
CUBE = ChangedRaw(
    FileStamp("vcam1/a\udcff\n.fits", 2**40, 2**60),
    FileStamp("vcam1/a\udcff\n.fits", 2**40, 2**61),
    RawFinding.SAME,
)
TIMING = ChangedRaw(
    FileStamp("vcam1/a.txt", 7, 1), FileStamp("vcam1/a.txt", 8, 2), RawFinding.OTHER, "8 bytes"
)


@pytest.fixture(params=["memory", "sqlite"])
def ports(
    request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[tuple[NightStore, ChangedRawFiles]]:
    if request.param == "memory":
        nights = MemoryNights()
        yield nights, MemoryChangedRaw(nights)
        return
    opened = open_store(f"sqlite:///{tmp_path}/vampd.db", Access.MIGRATE)
    yield Nights(opened), StoredChangedRaw(opened)
    opened.close()


def test_what_was_found_comes_back_of_its_night_alone(
    ports: tuple[NightStore, ChangedRawFiles],
) -> None:
    nights, changed = ports
    for night in (NIGHT, OTHER):
        nights.discover(night, at=1.0)
    changed.keep(NIGHT, [TIMING, CUBE], at=2.0)
    assert changed.of(NIGHT) == (TIMING, CUBE)
    assert changed.of(OTHER) == ()


def test_the_newest_finding_of_a_path_is_kept(ports: tuple[NightStore, ChangedRawFiles]) -> None:
    nights, changed = ports
    nights.discover(NIGHT, at=1.0)
    changed.keep(NIGHT, [TIMING], at=2.0)
    newer = replace(TIMING, finding=RawFinding.ACCEPTED)
    changed.keep(NIGHT, [newer], at=3.0)
    assert changed.of(NIGHT) == (newer,)


def test_a_night_that_is_not_known_has_none(ports: tuple[NightStore, ChangedRawFiles]) -> None:
    _, changed = ports
    assert changed.of(NIGHT) == ()
    with pytest.raises(StateError):
        changed.keep(NIGHT, [CUBE], at=1.0)
