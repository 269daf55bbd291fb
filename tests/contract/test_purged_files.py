"""What every keeper of purged files must do."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.fakes.memory_store import MemoryNights, MemoryPurgedFiles
from vampd.errors import StateError
from vampd.model.nights import FileStamp, Kind, NightId
from vampd.model.proofs import PurgedFile
from vampd.ports import NightStore, PurgedFiles
from vampd.store.database.opening import Access, open_store
from vampd.store.nights import Nights
from vampd.store.raw_files import StoredPurgedFiles

NIGHT = NightId("20251106", Kind.ARCHIVE)
OTHER = NightId("20251106", Kind.ENGINEERING)
CUBE = PurgedFile(
    FileStamp("vcam1/a\udcff\n.fits", 2**40, 2**60),
    "1" * 64,
    ("vgen2/a\udcff\n.fits.fz", "vgen2/raw_records_vcam1.tar.gz"),
    "sc6l:/mnt/tier1",
    "2" * 32,
    3.0,
    "alice",
)
TIMING = replace(CUBE, file=FileStamp("vcam1/a.txt", 7, 1), kept_in=("vbad/a.txt",), mark=None)


@pytest.fixture(params=["memory", "sqlite"])
def ports(
    request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[tuple[NightStore, PurgedFiles]]:
    if request.param == "memory":
        nights = MemoryNights()
        yield nights, MemoryPurgedFiles(nights)
        return
    opened = open_store(f"sqlite:///{tmp_path}/vampd.db", Access.MIGRATE)
    yield Nights(opened), StoredPurgedFiles(opened)
    opened.close()


@pytest.fixture
def purged(ports: tuple[NightStore, PurgedFiles]) -> PurgedFiles:
    nights, files = ports
    for night in (NIGHT, OTHER):
        nights.discover(night, at=1.0)
    return files


def test_what_was_purged_comes_back_as_it_was_recorded(purged: PurgedFiles) -> None:
    purged.record(NIGHT, [TIMING, CUBE])
    assert purged.of(NIGHT) == (TIMING, CUBE)
    assert purged.of(OTHER) == ()


def test_what_is_recorded_again_before_it_goes_is_one_record(purged: PurgedFiles) -> None:
    purged.record(NIGHT, [CUBE])
    purged.record(NIGHT, [replace(CUBE, at=9.0, actor="bob"), TIMING])
    assert purged.of(NIGHT) == (CUBE, TIMING)


def test_another_file_of_that_name_is_another_record(purged: PurgedFiles) -> None:
    later = replace(CUBE, file=replace(CUBE.file, mtime_ns=1), at=9.0)
    purged.record(NIGHT, [CUBE])
    purged.record(NIGHT, [later])
    assert purged.of(NIGHT) == (CUBE, later)


def test_a_night_that_is_not_known_has_none(ports: tuple[NightStore, PurgedFiles]) -> None:
    _, purged = ports
    assert purged.of(NIGHT) == ()
    with pytest.raises(StateError):
        purged.record(NIGHT, [CUBE])


@pytest.mark.parametrize(
    "statement", ["UPDATE purged_files SET sha256 = '0'", "DELETE FROM purged_files"]
)
def test_the_database_refuses_every_change(tmp_path: Path, statement: str) -> None:
    store = open_store(f"sqlite:///{tmp_path}/vampd.db", Access.MIGRATE)
    purged = StoredPurgedFiles(store)
    Nights(store).discover(NIGHT, at=1.0)
    purged.record(NIGHT, [CUBE])
    with (
        closing(sqlite3.connect(tmp_path / "vampd.db")) as connection,
        pytest.raises(sqlite3.IntegrityError, match="stays on record"),
        connection,
    ):
        connection.execute(statement)
    assert purged.of(NIGHT) == (CUBE,)
    store.close()
