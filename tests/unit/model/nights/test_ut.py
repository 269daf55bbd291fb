"""Times as texts: exact, and never a time that no clock shows."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vampd.model.nights import (
    DAY_US,
    format_clock,
    format_date,
    format_hst_clock,
    format_mjd,
    ut_day,
)

NIGHT = 20_398 * DAY_US  # 2025-11-06


@pytest.mark.parametrize("decimals", range(7))
def test_the_last_instant_of_a_day_never_becomes_24_00_00(decimals: int) -> None:
    last = NIGHT + DAY_US - 400  # 23:59:59.9996
    text = format_clock(last, decimals)
    assert text == "23:59:59.999600"[: 9 + decimals if decimals else 8]
    assert format_date(last) == "2025-11-06"
    assert format_hst_clock(last + 10 * 3_600_000_000, decimals) == text


def test_a_clock_without_decimals_has_no_point() -> None:
    assert format_clock(NIGHT, 0) == "00:00:00"


def test_midnight_belongs_to_the_new_day() -> None:
    assert (ut_day(NIGHT - 1), ut_day(NIGHT)) == (20_397, 20_398)
    assert (format_date(NIGHT - 1), format_date(NIGHT)) == ("2025-11-05", "2025-11-06")


def test_hawaii_is_ten_hours_behind() -> None:
    assert format_hst_clock(NIGHT + 3_600_000_000, 3) == "15:00:00.000"


@pytest.mark.parametrize(
    ("time_us", "mjd"),
    [
        (0, "40587.00000000"),
        (NIGHT, "60985.00000000"),
        (NIGHT + DAY_US // 2, "60985.50000000"),
        (NIGHT + 432, "60985.00000001"),  # half of the last digit, rounded up
        (NIGHT + 431, "60985.00000000"),
        (NIGHT - 1, "60985.00000000"),
    ],
)
def test_mjd_is_rounded_by_integers(time_us: int, mjd: str) -> None:
    assert format_mjd(time_us) == mjd


times_us = st.integers(0, 4_102_444_800_000_000)


@given(times_us, st.integers(1, 6))
def test_date_and_clock_agree_with_the_calendar(time_us: int, decimals: int) -> None:
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=time_us)
    assert format_date(time_us) == f"{moment:%Y-%m-%d}"
    assert format_clock(time_us, decimals) == f"{moment:%H:%M:%S.%f}"[: 9 + decimals]
    hawaii = moment - timedelta(hours=10)
    assert format_hst_clock(time_us, 6) == f"{hawaii:%H:%M:%S.%f}"


@given(times_us, times_us)
def test_later_times_have_no_smaller_mjd(first_us: int, second_us: int) -> None:
    earlier, later = sorted((first_us, second_us))
    assert float(format_mjd(earlier)) <= float(format_mjd(later))
    assert abs(float(format_mjd(later)) - (40587 + later / DAY_US)) <= 1e-8
