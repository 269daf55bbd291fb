"""A forecast goes by the days on which a disk has filled, and is none before there are enough."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from vampd.model.measures import AttemptSum, Forecast, Sample, forecast_disk
from vampd.model.nights import Kind, NightId

DAY = 86_400.0
GB = 10**9
SIZE = 1000.0 * GB


def samples(free_gb: Sequence[float], *, step_s: float = DAY) -> list[Sample]:
    return [Sample(step_s * number + 5, value * GB) for number, value in enumerate(free_gb)]


def whole(free: Sequence[Sample], size: float = SIZE) -> list[Sample]:
    return [Sample(one.at, size) for one in free]


def test_a_disk_that_fills_evenly_has_room_for_what_is_left_by_what_a_day_takes() -> None:
    free = samples([900, 890, 880, 870])
    expected = Forecast(3, 10 * GB, 10 * GB, nights_at_least=87, nights_at_most=87)
    assert forecast_disk(free, whole(free), 0) == expected


def test_the_worst_of_the_last_days_is_the_least_and_the_reserve_is_no_room() -> None:
    free = samples([900, 890, 880, 830])
    found = forecast_disk(free, whole(free), 30 * GB)
    assert found == Forecast(3, 10 * GB, 50 * GB, nights_at_least=16, nights_at_most=80)


def test_a_worst_day_long_ago_no_longer_counts() -> None:
    free = samples([900, 800, *range(790, 720, -10)])
    found = forecast_disk(free, whole(free), 0)
    assert found is not None
    assert found.worst_bytes == 10 * GB


def test_days_on_which_space_came_back_are_no_nights() -> None:
    free = samples([900, 890, 950, 940, 940, 930])
    found = forecast_disk(free, whole(free), 0)
    assert found == Forecast(3, 10 * GB, 10 * GB, nights_at_least=93, nights_at_most=93)


def test_days_without_a_sample_share_what_was_taken_between() -> None:
    free = [
        Sample(DAY * day, value * GB) for day, value in ((0, 900), (4, 860), (5, 850), (6, 840))
    ]
    found = forecast_disk(free, whole(free), 0)
    assert found is not None
    assert (found.usual_bytes, found.worst_bytes) == (10 * GB, 10 * GB)


def test_of_a_day_the_last_sample_counts() -> None:
    free = samples([900, 700, 890, 690, 880, 680, 870, 670], step_s=DAY / 2)
    found = forecast_disk(free, whole(free), 0)
    assert found is not None
    assert (found.days, found.usual_bytes) == (3, 10 * GB)
    assert found.nights_at_least == 67


def test_samples_of_another_disk_do_not_count() -> None:
    before, behind = samples([900, 890, 880, 870]), samples([0, 0, 0, 0, 50, 40, 30])[4:]
    sizes = [*whole(before), *whole(behind, 60 * GB)]
    assert forecast_disk([*before, *behind], sizes, 0) is None
    # A sample without its disk's size says nothing, either.
    assert forecast_disk(before, [], 0) is None


@pytest.mark.parametrize("free_gb", [[], [900], [900, 890, 880], [900, 900, 900, 900]])
def test_before_three_days_have_filled_it_nothing_is_known(free_gb: Sequence[float]) -> None:
    free = samples(free_gb)
    assert forecast_disk(free, whole(free), 0) is None


def test_a_disk_that_is_full_has_room_for_no_night() -> None:
    free = samples([30, 20, 10, 0])
    found = forecast_disk(free, whole(free), 5 * GB)
    assert found is not None
    assert (found.nights_at_least, found.nights_at_most) == (0, 0)


def test_the_median_of_an_even_number_of_days_lies_between_the_two_in_the_middle() -> None:
    free = samples([900, 890, 870, 840, 800])
    found = forecast_disk(free, whole(free), 0)
    assert found is not None
    assert found.usual_bytes == 25 * GB


def test_a_rate_is_of_the_whole_time_and_unknown_without_bytes_or_time() -> None:
    night = NightId("20251106", Kind.ARCHIVE)
    one = AttemptSum(night, "transfer", 1, 100.0, 110.0, "advanced", None, 3, None, 500)
    assert (one.took_s, one.bytes_per_s) == (10.0, 50.0)
    assert one._replace(bytes=None).bytes_per_s is None
    assert one._replace(ended_at=90.0).bytes_per_s is None
