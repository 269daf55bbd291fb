"""Stamps: one bad row costs its frame, a step of the host's clock none."""

import numpy as np
import pytest

from tests.support.builders.raw_cubes import raw_timing
from vampd.errors import MalformedCube
from vampd.model.cubes import Timing, check_stamps, find_good_rows

SECOND_US = 1_000_000


def bad_rows(timing: Timing) -> list[int]:
    check_stamps(timing)
    return np.flatnonzero(~find_good_rows(timing)).tolist()


def test_all_rows_of_an_honest_cube_are_good() -> None:
    assert bad_rows(raw_timing(100)) == []
    assert bad_rows(raw_timing(1)) == []


@pytest.mark.parametrize("row", [0, 1, 50, 98, 99])
@pytest.mark.parametrize("off_us", [-300 * SECOND_US, -37 * SECOND_US, SECOND_US, 10**15])
def test_a_row_of_another_clock_is_bad_wherever_it_stands(row: int, off_us: int) -> None:
    timing = raw_timing(100)
    timing.acquired_us[row] += off_us
    assert bad_rows(timing) == [row]


@pytest.mark.parametrize("row", [0, 50, 99])
def test_a_row_without_a_time_is_bad(row: int) -> None:
    timing = raw_timing(100)
    timing.acquired_us[row] = 0
    assert bad_rows(timing) == [row]


def test_a_time_that_is_the_row_befores_is_bad() -> None:
    timing = raw_timing(100)
    timing.acquired_us[40] = timing.acquired_us[39]
    assert bad_rows(timing) == [40]


def test_of_two_rows_in_the_wrong_order_the_one_whose_clocks_differ_more_is_bad() -> None:
    timing = raw_timing(1000)
    timing.acquired_us[500] = timing.acquired_us[498] - 1
    assert bad_rows(timing) == [500]
    timing = raw_timing(1000)
    timing.acquired_us[500] += 4_900  # more than two intervals of 2 ms late, and still no second
    assert bad_rows(timing) == [500]


def test_of_two_rows_the_one_that_was_logged_when_it_was_taken_is_good() -> None:
    timing = raw_timing(2)
    timing.acquired_us[0] -= 60 * SECOND_US
    assert bad_rows(timing) == [0]


@pytest.mark.parametrize("tai_us", [0, 37 * SECOND_US])
def test_a_logger_that_waits_for_its_disk_spoils_nothing(tai_us: int) -> None:
    timing = raw_timing(3_000)
    waited_until_ns = timing.logged_ns[1_500] + 3_000_000_000
    late = slice(1_500, 2_500)
    timing.logged_ns[late] = np.maximum(timing.logged_ns[late], waited_until_ns)
    timing.logged_ns[:] += tai_us * 1_000
    assert bad_rows(timing) == []


@pytest.mark.parametrize("step_us", [-10_000, -3 * SECOND_US, 5 * SECOND_US])
def test_a_clock_that_is_set_within_a_cube_spoils_nothing(step_us: int) -> None:
    timing = raw_timing(100)
    timing.acquired_us[50:] += step_us
    timing.logged_ns[50:] += step_us * 1_000
    assert bad_rows(timing) == []


@pytest.mark.parametrize(("steps", "is_one"), [(16, True), (17, False)])
def test_a_clock_that_goes_back_all_the_time_tells_none(steps: int, is_one: bool) -> None:
    timing = raw_timing(1_000)
    for row in range(50, 50 + 50 * steps, 50):
        timing.acquired_us[row:] -= SECOND_US
        timing.logged_ns[row:] -= SECOND_US * 1_000
    if is_one:
        assert bad_rows(timing) == []
        return
    with pytest.raises(MalformedCube) as caught:
        check_stamps(timing)
    assert caught.value.code == "timing_backwards"


def test_a_step_back_that_only_one_column_shows_is_no_step_of_the_clock() -> None:
    timing = raw_timing(100)
    timing.acquired_us[50:] -= 60_000
    with pytest.raises(MalformedCube) as caught:
        check_stamps(timing)
    assert caught.value.code == "timing_backwards"


@pytest.mark.parametrize("frames", [1, 2, 100])
def test_a_cube_without_acquisition_times_is_refused(frames: int) -> None:
    timing = raw_timing(frames)
    timing.acquired_us[:] = 0
    with pytest.raises(MalformedCube) as caught:
        check_stamps(timing)
    assert caught.value.code == "acquisition_time_absurd"


def test_more_bad_rows_than_a_tenth_spoil_the_cube() -> None:
    timing = raw_timing(100)
    timing.acquired_us[5:15] = 0
    assert bad_rows(timing) == list(range(5, 15))
    timing.acquired_us[15] = 0
    with pytest.raises(MalformedCube, match="11 of 100"):
        check_stamps(timing)
