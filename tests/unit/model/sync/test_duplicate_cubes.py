"""Frames that the night has already are used once."""

import pytest

from tests.support.builders.frames import START_US, make_cube
from vampd.model.cubes import (
    FrameRange,
    Generation,
    Product,
    ProductOrder,
    RawCube,
    SyncCounts,
)
from vampd.model.nights import Stream
from vampd.model.sync import GoneSpan, find_gone_spans, set_aside_duplicates

_TIMES = [START_US + 2_000 * frame for frame in range(4)]


def named(name: str, stream: Stream = Stream.VCAM1, shift_us: int = 0) -> RawCube:
    return make_cube(stream, [time_us + shift_us for time_us in _TIMES], name=name)


def codes(late: list[RawCube], used: list[RawCube]) -> dict[str, str]:
    kept, aside = set_aside_duplicates(late, used)
    assert {c.path for c in kept} | {c.path for c in aside} == {c.path for c in late}
    assert len(kept) + len(aside) == len(late)
    assert all(cube.frames == 4 and cube.reason for cube in aside)
    return {cube.path: cube.code for cube in aside}


def test_a_copy_of_a_used_cube_is_set_aside_whatever_its_name() -> None:
    assert codes([named("vcam1_a.fits")], [named("b.fits")]) == {
        "vcam1/vcam1_a.fits": "duplicate_cube"
    }


@pytest.mark.parametrize("order", [1, -1])
def test_of_late_copies_the_loggers_name_is_kept_in_any_order(order: int) -> None:
    late = [named("a.fits"), named("vcam1_z.fits"), named("vcam1_b.fits")][::order]
    assert codes(late, []) == {
        "vcam1/a.fits": "duplicate_cube",
        "vcam1/vcam1_z.fits": "duplicate_cube",
    }


def test_equal_times_of_the_other_camera_are_no_copy() -> None:
    assert codes([named("a.fits"), named("b.fits", Stream.VCAM2)], []) == {}
    assert codes([named("a.fits")], [named("b.fits", Stream.VCAM2)]) == {}


@pytest.mark.parametrize(
    ("shift_us", "overlaps"), [(-8_000, False), (-6_000, True), (6_000, True), (8_000, False)]
)
def test_a_late_cube_never_overlaps_a_used_one(shift_us: int, *, overlaps: bool) -> None:
    late = named("late.fits", shift_us=shift_us)
    expected = {late.path: "overlaps_cube"} if overlaps else {}
    assert codes([late], [named("used.fits")]) == expected


def test_what_differs_in_its_header_alone_is_a_copy() -> None:
    edited = make_cube(Stream.VCAM1, _TIMES, {"OBJECT": "another"}, name="b.fits")
    assert codes([edited], [named("a.fits")]) == {"vcam1/b.fits": "duplicate_cube"}


USED, SECOND = "vcam1/used.fits", "vcam1/second.fits"


def generation(offset_us: int = 0, tolerance_us: int = 0) -> Generation:
    """A generation with one product of two cubes, of all frames of `named`."""
    ranges = (FrameRange(USED, 0, 2), FrameRange(SECOND, 0, 2))
    order = ProductOrder(START_US, 1, "")
    times = (_TIMES[0], _TIMES[2], _TIMES[-1])
    made = Product("x", order, True, ranges, ranges, *times, offset_us, tolerance_us)
    return Generation(1, "0", (), (made,), (), SyncCounts())


@pytest.mark.parametrize(
    ("shift_us", "overlaps"), [(-8_000, False), (-6_000, True), (6_000, True), (8_000, False)]
)
def test_a_late_cube_from_the_time_of_removed_ones_is_not_used(
    shift_us: int, *, overlaps: bool
) -> None:
    gone = find_gone_spans([generation()], {SECOND})
    assert gone == (GoneSpan(Stream.VCAM1, _TIMES[0], _TIMES[-1], USED, is_solo=False),)
    late = named("late.fits", shift_us=shift_us)
    kept, aside = set_aside_duplicates([late], [], gone)
    assert [cube.code for cube in aside] == (["overlaps_cube"] if overlaps else [])
    assert kept == ([] if overlaps else [late])


def test_times_that_are_means_of_both_cameras_are_taken_generously() -> None:
    (span,) = find_gone_spans([generation(offset_us=-150, tolerance_us=20)], {USED})
    assert (span.first_us, span.last_us) == (_TIMES[0] - 170, _TIMES[-1] + 170)
    assert span.path == SECOND


def test_removed_cubes_of_one_camera_keep_no_cube_of_the_other() -> None:
    gone = find_gone_spans([generation()], ())
    other = named("late.fits", Stream.VCAM2)
    assert set_aside_duplicates([other], [], gone) == ([other], [])


def test_of_cubes_that_are_here_no_span_is_gone() -> None:
    assert find_gone_spans([generation()], {USED, SECOND}) == ()
