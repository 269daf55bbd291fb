"""What every keeper of checked cubes must do."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.fakes.memory_store import MemoryCheckedCubes, MemoryNights
from vampd.errors import StateError
from vampd.model.nights import CheckedCube, FileStamp, Kind, NightId
from vampd.ports import CheckedCubes, NightStore
from vampd.store.checked_cubes import StoredCheckedCubes
from vampd.store.database.opening import Access, open_store
from vampd.store.nights import Nights

NIGHT = NightId("20251106", Kind.ARCHIVE)
OTHER = NightId("20251106", Kind.ENGINEERING)
CUBE = CheckedCube(
    FileStamp("vcam1/a\udcff\n.fits", 2**40, 2**60), FileStamp("vcam1/a\udcff\n.txt", 7, 1), None
)
SECOND = CheckedCube(
    FileStamp("vcam2/b.fits", 1, 2), FileStamp("vcam2/b.txt", 3, 4), "VMPA00000001"
)


@pytest.fixture(params=["memory", "sqlite"])
def ports(
    request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[tuple[NightStore, CheckedCubes]]:
    if request.param == "memory":
        nights = MemoryNights()
        yield nights, MemoryCheckedCubes(nights)
        return
    opened = open_store(f"sqlite:///{tmp_path}/vampd.db", Access.MIGRATE)
    yield Nights(opened), StoredCheckedCubes(opened)
    opened.close()


@pytest.fixture
def checked(ports: tuple[NightStore, CheckedCubes]) -> CheckedCubes:
    nights, cubes = ports
    for night in (NIGHT, OTHER):
        nights.discover(night, at=1.0)
    return cubes


def test_what_was_checked_comes_back_by_path(checked: CheckedCubes) -> None:
    checked.keep(NIGHT, [SECOND, CUBE])
    checked.keep(NIGHT, [])
    assert checked.of(NIGHT) == (CUBE, SECOND)
    assert checked.of(OTHER) == ()


def test_a_newer_check_replaces_the_older(checked: CheckedCubes) -> None:
    newer = CheckedCube(
        FileStamp(SECOND.fits.path, 9, 8), FileStamp(SECOND.timing_file.path, 7, 6), None
    )
    checked.keep(NIGHT, [SECOND])
    checked.keep(NIGHT, [newer])
    assert checked.of(NIGHT) == (newer,)


def test_what_is_forgotten_is_of_that_night_alone(checked: CheckedCubes) -> None:
    for night in (NIGHT, OTHER):
        checked.keep(night, [CUBE])
    checked.forget(NIGHT)
    assert (checked.of(NIGHT), checked.of(OTHER)) == ((), (CUBE,))


def test_only_nights_that_were_discovered_have_checked_cubes(
    ports: tuple[NightStore, CheckedCubes],
) -> None:
    _, cubes = ports
    assert cubes.of(NIGHT) == ()
    for refused in (lambda: cubes.keep(NIGHT, [CUBE]), lambda: cubes.forget(NIGHT)):
        with pytest.raises(StateError):
            refused()
