"""A raw cube may go only if each of its frames, cards and rows is proven to be kept there."""

import hashlib
from dataclasses import replace

import pytest

from tests.support.worlds.transfer_world import NIGHT, TransferWorld
from vampd.engine.purge.cubes import RawFile, SortedCubes, sort_cubes
from vampd.engine.purge.survey import PurgeSurvey
from vampd.model.cubes import (
    CubeAccount,
    FrameRange,
    Generation,
    Product,
    ProductOrder,
    RawPresence,
    SetAside,
    SyncCounts,
)
from vampd.model.delivery import Correspondence
from vampd.model.nights import FileStamp, NightRecord, State
from vampd.model.proofs import PackingReceipt, PurgedFile, live_receipts

USED, BAD = "vcam1/1.fits", "vcam1/2.fits"
TIMING, BAD_TIMING = "vcam1/1.txt", "vcam1/2.txt"
RECORDS = "vgen2/raw_records_vcam1.tar.gz"
COVERED = {f"{USED}.header": ("a" * 64, RECORDS), TIMING: ("b" * 64, RECORDS)}


def product(name: str, start: int, count: int) -> Product:
    part = FrameRange(USED, start, count)
    return Product(name, ProductOrder(0, 1, ""), False, (part,), (), 0, 0, 0, 0, 0)


FIRST, SECOND = product("first", 0, 6), product("second", 6, 4)


class Night:
    """A night of one used and one set-aside cube, all of it proven there."""

    def __init__(self) -> None:
        self.world = TransferWorld()
        reader = self.world.reader
        self.files = {
            path: reader.write(path, f"raw {path}") for path in (USED, TIMING, BAD, BAD_TIMING)
        }
        for path in (BAD, BAD_TIMING):
            reader.write(f"vbad/{path}", f"raw {path}")
        stamp = self.files.__getitem__
        self.generation = Generation(
            number=1,
            version="0",
            cubes=(
                CubeAccount(stamp(USED), stamp(TIMING), 10),
                CubeAccount(stamp(BAD), stamp(BAD_TIMING), 0),
            ),
            products=(FIRST, SECOND),
            set_aside=(SetAside(stamp(BAD), stamp(BAD_TIMING), 0, "not_fits", "no header"),),
            counts=SyncCounts(),
        )
        self.pack(FIRST)
        self.pack(SECOND)
        self.world.run()
        self.covered = dict(COVERED)
        self.purged: tuple[PurgedFile, ...] = ()

    def pack(self, made: Product) -> None:
        path = f"vgen2/{made.name}.fits.fz"
        content = made.name.encode()
        self.world.reader.write(path, content)
        self.world.reader.identities[path] = made.identity
        sha256 = hashlib.sha256(content).hexdigest()
        self.world.reader.record(PackingReceipt(path, len(content), sha256, made.identity))

    def sort(self) -> SortedCubes:
        transfer = self.world.survey()
        survey = PurgeSurvey(
            record=NightRecord(NIGHT, State()),
            generations=(self.generation,),
            presence=RawPresence(),
            files=self.files,
            irregular=(),
            obstacles=(),
            faults=(),
            transfer=transfer,
            identity=self.world.reader.identity,
            correspondence=Correspondence(),
            covered=self.covered,
            purged=self.purged,
            is_same_disk=False,
        )
        return sort_cubes(survey)


@pytest.fixture
def night() -> Night:
    return Night()


def paths(sorted_cubes: SortedCubes) -> list[list[str]]:
    return [[each.file.path for each in cube] for cube in sorted_cubes.going]


def test_a_cube_goes_with_its_timing_file_and_names_where_they_are_kept(night: Night) -> None:
    done = night.sort()
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
    night: Night, member: str
) -> None:
    del night.covered[member]
    assert [account.fits.path for account in night.sort().to_record] == [USED]


@pytest.mark.parametrize(
    "products", [(FIRST,), (FIRST, product("second", 6, 3)), (FIRST, product("second", 5, 4))]
)
def test_a_cube_with_a_frame_in_no_product_stays(
    night: Night, products: tuple[Product, ...]
) -> None:
    night.generation = replace(night.generation, products=products)
    for made in products[1:]:
        night.pack(made)
    done = night.sort()
    assert [path for path, _ in done.kept] == [USED]
    assert paths(done) == [[BAD, BAD_TIMING]]


def test_a_product_without_a_packing_receipt_holds_nothing(night: Night) -> None:
    reader = night.world.reader
    reader.recorded = [each for each in reader.recorded if each.receipt.identity != SECOND.identity]
    assert len(live_receipts(reader.recorded)) == 1
    assert [path for path, _ in night.sort().kept] == [USED]


@pytest.mark.parametrize("path", [BAD, BAD_TIMING])
def test_a_set_aside_cube_that_is_not_whole_there_stays(night: Night, path: str) -> None:
    del night.world.there[f"vbad/{path}"]
    assert [path for path, _ in night.sort().kept] == [BAD]


def test_a_cube_with_a_frame_in_no_product_goes_if_it_is_whole_there(night: Night) -> None:
    night.generation = replace(night.generation, products=(FIRST,))
    for path in (USED, TIMING):
        night.world.reader.write(f"vbad/{path}", f"raw {path}")
    night.world.run()
    done = night.sort()
    assert done.kept == ()
    assert done.going[0][0].kept_in == (f"vbad/{USED}",)


def test_the_timing_file_that_a_killed_purge_left_goes_too(night: Night) -> None:
    timing, cube = night.files[TIMING], night.files.pop(USED)
    assert paths(night.sort()) == [[BAD, BAD_TIMING]]
    night.purged = tuple(
        PurgedFile(file, "c" * 64, (RECORDS,), "there", None, 1.0, "alice")
        for file in (cube, timing)
    )
    assert night.sort().going[0] == (RawFile(timing, (RECORDS,), "c" * 64),)
    night.files[TIMING] = FileStamp(TIMING, 1, 1)
    assert paths(night.sort()) == [[BAD, BAD_TIMING]]
