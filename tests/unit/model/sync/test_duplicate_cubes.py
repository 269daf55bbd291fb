"""Frames that the night has already are used once."""

import pytest

from tests.support.builders.frames import START_US, make_cube
from vampd.model.cubes import RawCube
from vampd.model.nights import Stream
from vampd.model.sync import set_aside_duplicates

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
