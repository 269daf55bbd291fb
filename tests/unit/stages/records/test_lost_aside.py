"""A set-aside raw file that a person gave up has its receipt ended, and only then."""

from __future__ import annotations

import pytest

from tests.support.fakes.fake_night_reader import FakeNightReader
from vampd.model.cubes import CubeAccount, Generation, SetAside, SyncCounts
from vampd.model.nights import FileStamp, Kind, NightId
from vampd.model.proofs import SUMS_NAME, PackingReceipt, RecordedReceipt, format_sums
from vampd.stages.records.lost_aside import LostAside, find_lost_aside

NIGHT = NightId("20251106", Kind.ENGINEERING)
CUBE, TIMING = FileStamp("vcam1/a.fits", 9, 1), FileStamp("vcam1/a.txt", 3, 1)
PATH = f"vbad/{CUBE.path}"
RECEIPT = PackingReceipt(PATH, CUBE.size, "a" * 64, None)
ASIDE = SetAside(CUBE, TIMING, 5, "timing_nan", "a row has NaN")
DECIDED = Generation(1, "0", (CubeAccount(CUBE, TIMING, 5),), (), (ASIDE,), SyncCounts())


@pytest.fixture
def night() -> FakeNightReader:
    made = FakeNightReader(committed=[DECIDED])
    made.write(SUMS_NAME, format_sums({PATH: RECEIPT.sha256}))
    made.released = frozenset({PATH})
    return made


def find(night: FakeNightReader, *here: str) -> LostAside:
    return find_lost_aside(NIGHT, night, [DECIDED], here)


def test_without_a_word_nothing_is_given_up(night: FakeNightReader) -> None:
    night.record(RECEIPT)
    night.released = frozenset({CUBE.path, "vgen2/a.fits.fz"})
    assert find(night) == LostAside()


def test_what_is_here_again_is_not_given_up(night: FakeNightReader) -> None:
    night.record(RECEIPT)
    assert find(night, CUBE.path) == LostAside()


def test_exactly_the_receipt_of_that_file_ends(night: FakeNightReader) -> None:
    night.record(RECEIPT)
    found = find(night)
    assert (found.paths, found.unrecorded) == ((PATH,), ())
    assert [aside.path for aside in found.news.set_aside] == [CUBE.path]


def test_what_only_a_listing_knows_gets_a_receipt_that_can_end(night: FakeNightReader) -> None:
    found = find(night)
    assert (found.paths, found.unrecorded) == ((PATH,), (RECEIPT,))


def test_what_has_ended_does_not_end_again(night: FakeNightReader) -> None:
    night.recorded.append(RecordedReceipt(RECEIPT, 1.0, 2.0, "alice"))
    assert (find(night).paths, find(night).unrecorded) == ((), ())
