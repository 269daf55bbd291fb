"""Numbers and times as people read them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vampd.cli.shared.words import (
    count_of,
    format_duration,
    format_moment,
    format_size,
    format_time,
    one_line,
)

_FACTORS = {"B": 1, "kB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12, "PB": 1e15}


@pytest.mark.parametrize(
    ("size_bytes", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.00 kB"),
        (6_930_000_000, "6.93 GB"),
        (9_996_000, "10.0 MB"),
        (99_960_000, "100 MB"),
        (999_600, "1.00 MB"),
        (574_080_000, "574 MB"),
        (10 * 10**12, "10.0 TB"),
    ],
)
def test_sizes_have_three_digits(size_bytes: int, text: str) -> None:
    assert format_size(size_bytes) == text


@given(st.integers(0, 10**17))
def test_a_size_is_never_more_than_one_percent_wrong(size_bytes: int) -> None:
    number, unit = format_size(size_bytes).split(" ")
    assert float(number) * _FACTORS[unit] == pytest.approx(size_bytes, rel=0.01)
    assert float(number) < 1000


@pytest.mark.parametrize(
    ("duration_s", "text"),
    [(-5, "0 s"), (59.9, "59 s"), (60, "1 min"), (7199, "1 h"), (86400 * 14, "14 d")],
)
def test_a_duration_is_reported_in_its_largest_unit(duration_s: float, text: str) -> None:
    assert format_duration(duration_s) == text


def test_times_are_ut_wherever_the_computer_stands() -> None:
    # conftest sets Hawaiian time.
    assert format_time(1_762_480_313.9) == "2025-11-07T01:51:53Z"
    assert format_moment(1_762_480_313, 1_762_480_373) == "2025-11-07 01:51:53 UT, 1 min ago"
    assert format_moment(1_762_480_313, 1_762_480_303) == "2025-11-07 01:51:53 UT, in 10 s"


def test_of_a_traceback_the_error_remains() -> None:
    trace = 'Traceback (most recent call last):\n  File "x.py", line 1\nValueError: why\n'
    assert one_line(trace) == "ValueError: why"
    assert one_line("first\n  second ") == "first second"
    assert one_line("") == ""


def test_counts_agree_with_their_nouns() -> None:
    assert [count_of(n, "cube") for n in (0, 1, 12000)] == ["0 cubes", "1 cube", "12,000 cubes"]
