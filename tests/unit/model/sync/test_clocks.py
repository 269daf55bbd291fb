"""Clocks: times of another clock are told from those of the night, by column 4, name and DATE."""

from dataclasses import replace

import numpy as np
import pytest

from tests.support.builders.frames import START_US, make_cube
from vampd.model.cubes import RawCube
from vampd.model.nights import DAY_US, Stream
from vampd.model.sync import judge_clocks

S = 1_000_000
MIDNIGHT_US = START_US // DAY_US * DAY_US
NAME = "vcam1_10:20:00.000346918.fits"
CLOSED = "2025-11-06T10:{:02d}:06"
TAI_US = 37 * S


def cube(
    stream: Stream = Stream.VCAM1,
    *,
    off_us: int = 0,
    logged_off_us: int = 0,
    at_s: int = 0,
    frames: int = 50,
    name: str | None = None,
    date: str | None = CLOSED,
) -> RawCube:
    """A cube from 10:20:00 UT on, with columns 5 and 4 off by so much."""
    times_us = START_US + at_s * S + np.arange(frames) * 100_000
    clock = f"10:{20 + at_s // 60:02d}:{at_s % 60:02d}.000346918"
    made = make_cube(
        stream,
        times_us,
        {"DATE": date and date.format(20 + at_s // 60)},
        name=name or f"{stream}_{clock}.fits",
    )
    made.timing.acquired_us[:] += off_us
    made.timing.logged_ns[:] += logged_off_us * 1_000
    return made


def absurd(*cubes: RawCube) -> list[str]:
    return sorted(judge_clocks(cubes, MIDNIGHT_US).absurd)


def test_honest_cubes_of_both_cameras_are_believed() -> None:
    cubes = [cube(), cube(Stream.VCAM2), cube(at_s=60, date=None)]
    clocks = judge_clocks(cubes, MIDNIGHT_US)
    assert (clocks.absurd, clocks.cameras) == ({}, {})


@pytest.mark.parametrize(
    "off_us", [-300 * S, 300 * S, -5 * S, 37 * S, S // 2, -S // 2, -DAY_US, 3_600 * S]
)
@pytest.mark.parametrize("frames", [1, 50])
def test_a_cube_whose_column_5_is_of_another_clock_is_not(off_us: int, frames: int) -> None:
    odd = cube(off_us=off_us, at_s=60, frames=frames)
    sound = [cube(), cube(at_s=120), cube(Stream.VCAM2, at_s=60)]
    if frames == 1 and off_us == -S // 2:
        assert absurd(odd, *sound) == []  # its logger may have been so late
    else:
        assert absurd(odd, *sound) == [odd.path]
        assert judge_clocks([odd, *sound], MIDNIGHT_US).cameras == {}


@pytest.mark.parametrize("off_us", [37 * S, -37 * S, 250_000, -600 * S, 25_000, -25_000])
def test_a_whole_camera_of_another_clock_is_named(off_us: int) -> None:
    cubes = [
        cube(s, at_s=at, off_us=off_us * (s is Stream.VCAM2))
        for s in Stream
        if s != "vgen2"
        for at in (0, 60)
    ]
    clocks = judge_clocks(cubes, MIDNIGHT_US)
    assert set(clocks.cameras) == {Stream.VCAM2}
    assert set(clocks.absurd) == {c.path for c in cubes if c.stream is Stream.VCAM2}


def test_logging_times_in_tai_are_as_good() -> None:
    assert absurd(cube(logged_off_us=TAI_US), cube(Stream.VCAM2, logged_off_us=TAI_US)) == []
    assert absurd(cube(logged_off_us=TAI_US, date=None), cube(Stream.VCAM2)) == []


def test_where_name_and_date_show_a_logger_in_utc_37_seconds_less_are_another_clock() -> None:
    odd = cube(off_us=-TAI_US)
    assert absurd(odd, cube(at_s=60), cube(at_s=120)) == [odd.path]


def test_a_logging_clock_that_is_wrong_spoils_no_acquisition_times() -> None:
    assert absurd(cube(logged_off_us=-300 * S)) == []


def test_a_name_in_hst_is_no_other_clock() -> None:
    assert absurd(cube(name="vcam1_00:20:00.000346918.fits")) == []


def test_a_name_or_a_date_alone_decides_nothing() -> None:
    assert absurd(cube(name="vcam1_11:20:00.000346918.fits")) == []
    assert absurd(cube(name="copy.fits", date="2025-11-06T12:00:00")) == []


def test_columns_that_agree_against_name_and_date_are_of_another_clock() -> None:
    odd = cube(off_us=-600 * S, logged_off_us=-600 * S)
    assert absurd(odd) == [odd.path]


@pytest.mark.parametrize(
    ("days", "is_absurd"), [(-2, False), (2, False), (-300, True), (900, True)]
)
def test_a_folder_receives_frames_of_other_days_but_not_of_other_months(
    days: int, is_absurd: bool
) -> None:
    clocks = judge_clocks([cube(date=None)], MIDNIGHT_US + days * DAY_US)
    assert bool(clocks.absurd) is is_absurd


def test_a_short_cube_may_be_logged_late_and_a_long_one_not() -> None:
    assert absurd(cube(frames=1, logged_off_us=S)) == []
    slow = cube()
    assert absurd(
        replace(slow, timing=replace(slow.timing, logged_ns=slow.timing.logged_ns + 10**9))
    )


@pytest.mark.parametrize("off_us", [-200_000, -20_000, -6_000])
@pytest.mark.parametrize("frames", [2, 50])
def test_a_cube_all_of_which_is_earlier_than_its_cameras_others_is_of_another_clock(
    off_us: int, frames: int
) -> None:
    odd = cube(off_us=off_us, at_s=60, frames=frames)
    assert absurd(odd, cube(), cube(at_s=120), cube(Stream.VCAM2, at_s=60)) == [odd.path]
    # One frame may be logged as late, and all of a camera's are its usual ones.
    assert absurd(cube(off_us=off_us, frames=1), cube(at_s=120)) == []
    assert absurd(odd) == ([] if frames == 2 or off_us > -100_000 else [odd.path])


def test_frames_that_waited_for_their_logger_are_not() -> None:
    late = cube(at_s=60, frames=5)
    # Nothing was logged until half a second after the last one, and then all at once.
    late.timing.logged_ns[:] = late.timing.logged_ns[-1] + 500_000_000 + np.arange(5) * 10_000
    assert absurd(late, cube(), cube(at_s=120)) == []


def test_frames_that_were_logged_late_by_anything_are_not() -> None:
    busy = cube(at_s=60)
    busy.timing.logged_ns[:] += np.linspace(6, 60, 50).astype(np.int64)[::-1] * 1_000_000
    assert absurd(busy, cube(), cube(at_s=120)) == []
