"""A raw cube may go only if each of its frames, cards and rows is proven to be kept there."""

import hashlib
from dataclasses import replace

import pytest

from tests.support.worlds.archive.proven_night import (
    BAD,
    BAD_TIMING,
    COVERED,
    FIRST,
    RECORDS,
    SECOND,
    TIMING,
    USED,
    ProvenNight,
    product,
)
from vampd.engine.purge.cubes import RawFile, SortedCubes, sort_cubes
from vampd.model.cubes import Product
from vampd.model.nights import FileStamp
from vampd.model.proofs import PurgedFile, live_receipts, own_receipts


@pytest.fixture
def night() -> ProvenNight:
    return ProvenNight()


def paths(sorted_cubes: SortedCubes) -> list[list[str]]:
    return [[each.file.path for each in cube] for cube in sorted_cubes.going]


def test_a_cube_goes_with_its_timing_file_and_names_where_they_are_kept(night: ProvenNight) -> None:
    done = sort_cubes(night.survey())
    assert paths(done) == [[USED, TIMING], [BAD, BAD_TIMING]]
    used, timing = done.going[0]
    assert used.kept_in == ("vgen2/first.fits.fz", "vgen2/second.fits.fz", RECORDS)
    assert timing.kept_in == (RECORDS,)
    assert (used.sha256, timing.sha256) == (None, None)
    assert (done.to_record, done.kept) == ((), ())
    whole = hashlib.sha256(f"raw {BAD}".encode()).hexdigest()
    assert done.going[1][0] == RawFile(night.files[BAD], (f"vbad/{BAD}",), whole)


@pytest.mark.parametrize("member", COVERED)
def test_a_cube_whose_header_or_timing_no_raw_records_hold_is_recorded_first(
    night: ProvenNight, member: str
) -> None:
    del night.covered[member]
    assert [account.fits.path for account in sort_cubes(night.survey()).to_record] == [USED]


@pytest.mark.parametrize(
    "products", [(FIRST,), (FIRST, product("second", 6, 3)), (FIRST, product("second", 5, 4))]
)
def test_a_cube_with_a_frame_in_no_product_travels_whole_before_it_goes(
    night: ProvenNight, products: tuple[Product, ...]
) -> None:
    night.generation = replace(night.generation, products=products)
    for made in products[1:]:
        night.pack(made)
    done = sort_cubes(night.survey())
    (sent,) = done.to_send
    assert [file.path for file in sent.files] == [USED, TIMING]
    assert sent.loose_frames in (1, 4)
    assert (done.kept, done.to_record) == ((), ())
    assert paths(done) == [[USED, TIMING], [BAD, BAD_TIMING]]
    assert [each.kept_in for each in done.going[0]] == [(f"vbad/{USED}",), (f"vbad/{TIMING}",)]


def link(night: ProvenNight, *files: str) -> None:
    for path in files:
        night.world.reader.write(f"vbad/{path}", f"raw {path}")


def test_it_stays_until_all_of_it_is_proven_there(night: ProvenNight) -> None:
    night.generation = replace(night.generation, products=(FIRST,))
    night.may_link = False
    assert [path for path, _ in sort_cubes(night.survey()).kept] == [USED]
    night.may_link = True
    # A purge that was killed between the two has linked only one.
    link(night, USED)
    assert [file.path for file in sort_cubes(night.survey()).to_send[0].files] == [USED, TIMING]
    link(night, TIMING)
    done = sort_cubes(night.survey())
    assert ([path for path, _ in done.kept], done.to_send) == ([USED], ())
    night.world.run()
    done = sort_cubes(night.survey())
    assert (done.kept, done.to_send, done.to_record) == ((), (), ())
    used, timing = done.going[0]
    whole = hashlib.sha256(f"raw {USED}".encode()).hexdigest()
    assert used == RawFile(night.files[USED], (f"vbad/{USED}",), whole)
    assert timing.kept_in == (f"vbad/{TIMING}",)


def test_a_product_without_a_packing_receipt_holds_nothing(night: ProvenNight) -> None:
    reader = night.world.reader
    reader.recorded = [each for each in reader.recorded if each.receipt.identity != SECOND.identity]
    assert len(own_receipts(live_receipts(reader.recorded))) == 1
    (sent,) = sort_cubes(night.survey()).to_send
    assert (sent.files[0].path, sent.loose_frames) == (USED, SECOND.frames)


@pytest.mark.parametrize("path", [BAD, BAD_TIMING])
def test_a_set_aside_cube_that_is_not_whole_there_stays(night: ProvenNight, path: str) -> None:
    del night.world.there[f"vbad/{path}"]
    assert [path for path, _ in sort_cubes(night.survey()).kept] == [BAD]


def test_a_cube_with_a_frame_in_no_product_goes_if_it_is_whole_there(night: ProvenNight) -> None:
    night.generation = replace(night.generation, products=(FIRST,))
    for path in (USED, TIMING):
        night.world.reader.write(f"vbad/{path}", f"raw {path}")
    night.world.run()
    done = sort_cubes(night.survey())
    assert done.kept == ()
    assert done.going[0][0].kept_in == (f"vbad/{USED}",)


def test_the_timing_file_that_a_killed_purge_left_goes_too(night: ProvenNight) -> None:
    timing, cube = night.files[TIMING], night.files.pop(USED)
    assert paths(sort_cubes(night.survey())) == [[BAD, BAD_TIMING]]
    night.purged = tuple(
        PurgedFile(file, "c" * 64, (RECORDS,), "there", None, 1.0, "alice")
        for file in (cube, timing)
    )
    assert sort_cubes(night.survey()).going[0] == (RawFile(timing, (RECORDS,), "c" * 64),)
    night.files[TIMING] = FileStamp(TIMING, 1, 1)
    assert paths(sort_cubes(night.survey())) == [[BAD, BAD_TIMING]]
