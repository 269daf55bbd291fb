"""Every raw frame is in exactly one product or set aside with a reason, or the audit tells."""

from dataclasses import replace

import pytest

from vampd.model.accounts import CountedCube, CountedProduct, audit_night
from vampd.model.cubes import (
    CountedBy,
    CubeAccount,
    FrameRange,
    Generation,
    Product,
    ProductOrder,
    SetAside,
    SyncCounts,
)
from vampd.model.nights import FileStamp

ONE, TWO, BAD = "vcam1/vcam1_1.fits", "vcam2/vcam2_1.fits", "vcam1/vcam1_2.fits"
UNFINISHED = "vcam1/vcam1_3.fits.12.34.tmp"


def stamp(path: str) -> FileStamp:
    return FileStamp(path, 2880, 0)


def product(name: str, *ranges: FrameRange) -> Product:
    return Product(name, ProductOrder(0, 1, ""), False, ranges, (), 0, 0, 0, 0, 0)


def set_aside(path: str, frames: int) -> SetAside:
    return SetAside(stamp(path), None, frames, "timing_missing", "there is no timing file")


EVEN = product("even", FrameRange(ONE, 0, 5, 2))
ODD = product("odd", FrameRange(ONE, 1, 5, 2))
OTHER = product("other", FrameRange(TWO, 0, 7))
PRODUCTS = (EVEN, ODD, OTHER)
GENERATION = Generation(
    number=1,
    version="0",
    cubes=tuple(
        CubeAccount(stamp(path), None, frames)
        for path, frames in ((ONE, 10), (TWO, 7), (BAD, 3), (UNFINISHED, 0))
    ),
    products=PRODUCTS,
    set_aside=(set_aside(BAD, 3), set_aside(UNFINISHED, 0)),
    counts=SyncCounts(),
)
RAW = (CountedCube(ONE, 10), CountedCube(TWO, 7), CountedCube(BAD, 3))


def packed(wanted: Product, frames: int | None = None) -> CountedProduct:
    held = wanted.frames if frames is None else frames
    return CountedProduct(f"vgen2/{wanted.name}.fits.fz", held, wanted.identity)


def framelist(wanted: Product) -> CountedProduct:
    return CountedProduct(f"vgen2/{wanted.name}.framelist", wanted.frames, wanted.identity)


PACKED = tuple(map(packed, PRODUCTS))


def test_a_finished_night_balances_and_shows_its_sum() -> None:
    audit = audit_night(RAW, PACKED, (), [GENERATION])
    assert audit.balanced
    assert (audit.raw_frames, audit.product_frames, audit.framelist_frames) == (20, 17, 0)
    assert (audit.rejected_frames, audit.late_frames) == (3, 0)
    assert [(cube.path, cube.code) for cube in audit.rejected] == [
        (BAD, "timing_missing"),
        (UNFINISHED, "timing_missing"),
    ]


@pytest.mark.parametrize("done", range(4))
def test_a_night_in_progress_balances(done: int) -> None:
    audit = audit_night(RAW, PACKED[:done], [*map(framelist, PRODUCTS[done:])], [GENERATION])
    assert audit.balanced
    assert audit.product_frames + audit.framelist_frames == 17


def test_a_framelist_beside_its_product_is_not_counted_twice() -> None:
    audit = audit_night(RAW, PACKED, [*map(framelist, PRODUCTS)], [GENERATION])
    assert audit.balanced
    assert audit.framelists == 0


def test_a_framelist_that_just_got_its_frame_id_is_not_counted_twice() -> None:
    twin = replace(framelist(EVEN), path="vgen2/VMPA90000001.framelist")
    audit = audit_night(RAW, PACKED[1:], [framelist(EVEN), twin], [GENERATION])
    assert audit.balanced


@pytest.mark.parametrize("code", ["product_lost", "unreadable"])
def test_a_cube_that_no_longer_reads_counts_as_it_was_where_part_of_it_was_given_up(
    code: str,
) -> None:
    given_up = replace(set_aside(ONE, 5), code=code)
    later = Generation(
        number=2,
        version="0",
        cubes=GENERATION.cubes[:1],
        products=(),
        set_aside=(given_up,),
        counts=SyncCounts(),
        withdrawn=(ODD.identity,),
    )
    first = replace(GENERATION, products=(EVEN, OTHER))
    raw = (CountedCube(ONE, 1, CountedBy.SIZE), *RAW[1:])
    audit = audit_night(raw, [packed(EVEN), packed(OTHER)], (), [first, later])
    assert (audit.raw_frames, audit.accounted_frames, audit.findings) == (20, 20, ())
    # Any other cube must read as it did.
    other = replace(later, set_aside=(replace(given_up, code="late_row"),))
    assert not audit_night(raw, [packed(EVEN), packed(OTHER)], (), [first, other]).balanced


def test_late_cubes_unbalance_the_night_until_they_are_synchronised() -> None:
    late = CountedCube("vcam2/vcam2_9.fits", 4)
    audit = audit_night([*RAW, late], PACKED, (), [GENERATION])
    assert not audit.balanced
    assert (audit.late, audit.late_frames, audit.findings) == ((late,), 4, ())


def test_before_sync_every_cube_is_late() -> None:
    audit = audit_night(RAW, (), (), ())
    assert audit.late == tuple(sorted(RAW))
    assert not audit.balanced


def test_an_empty_night_balances() -> None:
    assert audit_night((), (), (), ()).balanced


def test_a_later_generation_takes_a_cube_back_in() -> None:
    again = product("again", FrameRange(BAD, 0, 3))
    second = Generation(
        2, "0", (CubeAccount(stamp(BAD), stamp(BAD), 3),), (again,), (), SyncCounts()
    )
    audit = audit_night(RAW, [*PACKED, packed(again)], (), [second, GENERATION])
    assert audit.balanced
    assert audit.rejected_frames == 0


@pytest.mark.parametrize(
    ("raw", "products", "shown"),
    [
        (RAW[1:], PACKED, f"{ONE} is gone"),
        (RAW[:2], PACKED, f"{BAD} is gone"),
        ((CountedCube(ONE, 9), *RAW[1:]), PACKED, "had 10 frames at sync and has 9 now"),
        ((CountedCube(ONE, 11), *RAW[1:]), PACKED, "10 frames at sync and has 11 now"),
        (RAW, PACKED[1:], "even (5 frames) is neither packed nor a framelist"),
        (RAW, (packed(EVEN, 4), *PACKED[1:]), "holds 4 frames, and its generation gave it 5"),
        (RAW, (packed(EVEN, 6), *PACKED[1:]), "holds 6 frames, and its generation gave it 5"),
        (RAW, (*PACKED, replace(PACKED[0], path="vgen2/twin.fits.fz")), "hold the same frames"),
        (RAW, (replace(PACKED[0], identity=None), *PACKED[1:]), "has no sidecar"),
        (RAW, (*PACKED, CountedProduct("vgen2/x.fits.fz", 0, "?")), "no generation combined"),
    ],
)
def test_what_disagrees_is_reported_and_never_balances(
    raw: tuple[CountedCube, ...], products: tuple[CountedProduct, ...], shown: str
) -> None:
    audit = audit_night(raw, products, (), [GENERATION])
    assert not audit.balanced
    assert any(shown in finding for finding in audit.findings), audit.findings


def test_two_errors_that_cancel_in_the_sum_do_not_balance() -> None:
    audit = audit_night(RAW, (packed(EVEN, 4), packed(ODD, 6), packed(OTHER)), (), [GENERATION])
    assert audit.raw_frames == audit.accounted_frames
    assert not audit.balanced


@pytest.mark.parametrize(
    ("ranges", "shown"),
    [
        (FrameRange(ONE, 0, 5), "vcam1_1.fits: frames in more than one product: 3"),
        (
            FrameRange(ONE, 1, 4, 2),
            "vcam1_1.fits: frames in no product, though",
        ),
        (FrameRange(ONE, 1, 6, 2), "that are none of the 10 it gives: 1"),
        (FrameRange(BAD, 0, 3), "that are none of the 0 it gives: 3"),
        (
            FrameRange("vcam2/x.fits", 0, 1),
            "vcam2/x.fits: frames in products that are none",
        ),
    ],
)
def test_a_generation_that_does_not_share_out_every_frame_once_is_found(
    ranges: FrameRange, shown: str
) -> None:
    wrong = product("odd", ranges)
    generation = replace(GENERATION, products=(EVEN, wrong, OTHER))
    audit = audit_night(RAW, [packed(EVEN), packed(wrong), packed(OTHER)], (), [generation])
    assert not audit.balanced
    assert any(shown in finding for finding in audit.findings), audit.findings
