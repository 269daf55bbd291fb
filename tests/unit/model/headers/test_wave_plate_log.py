"""The plate's log gives an angle only where it leaves no doubt."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from vampd.model.headers import is_same_angle, parse_plate_log

# 2025-11-06 10:20:00 UT is 00:20:00 HST of the same date.
BEGIN_US = int(datetime(2025, 11, 6, 10, 20, tzinfo=UTC).timestamp()) * 1_000_000
_STATUS = "WPU status: pol in OKAY hwp {state}, hwp position {at:.2f} target {to:.2f} mode STATIC"


def line(second: int, at: float = 45.0, to: float | None = None, state: str = "not busy") -> str:
    text = _STATUS.format(state=state, at=at, to=at if to is None else to)
    return f"20251106 00:{20 + second // 60:02d}:{second % 60:02d} {text}"


def log(change: Callable[[int], str | None] = line) -> str:
    return "\n".join(text for second in range(60) if (text := change(second)) is not None)


def angle(text: str, begin_s: float, end_s: float) -> float | str:
    begin_us, end_us = (BEGIN_US + round(each * 1e6) for each in (begin_s, end_s))
    return parse_plate_log([text]).angle_over(begin_us, end_us)


def test_a_plate_that_stands_still_has_its_angle() -> None:
    assert angle(log(), 10.0, 20.0) == 45.0
    assert angle(log(lambda s: line(s, 45.02 if s % 2 else 44.98)), 10.0, 20.0) == 45.0


DOUBTS: dict[str, tuple[Callable[[int], str | None], str]] = {
    "moving": (lambda s: line(s, state="busy" if s == 15 else "not busy"), "moves"),
    "off its target": (lambda s: line(s, to=67.5 if s == 15 else 45.0), "moves"),
    "a step within": (lambda s: line(s, 45.0 if s < 15 else 67.5), "steps"),
    "a step a second after": (lambda s: line(s, 45.0 if s <= 19 else 67.5), "steps"),
    "a step a second before": (lambda s: line(s, 45.0 if s < 10 else 67.5), "steps"),
    "a gap": (lambda s: None if 12 <= s <= 16 else line(s), "gap"),
    "lines cut short": (lambda s: line(s)[:60] if 12 <= s <= 16 else line(s), "gap"),
    "only a beginning": (lambda s: line(s) if s < 15 else None, "cover"),
    "only an end": (lambda s: line(s) if s > 15 else None, "cover"),
    "another plate": (lambda s: line(s).replace(", hwp", " qwp"), "cover"),
}


@pytest.mark.parametrize("doubt", DOUBTS)
def test_where_the_log_leaves_doubt_it_says_why(doubt: str) -> None:
    change, words = DOUBTS[doubt]
    found = angle(log(change), 10.0, 20.0)
    assert isinstance(found, str)
    assert words in found


def test_the_logs_of_two_hawaiian_dates_are_one() -> None:
    first, second = log().split("\n")[:30], log().split("\n")[30:]
    parts = ["\n".join(second), "\n".join(first)]
    assert parse_plate_log(parts).angle_over(BEGIN_US + 25_000_000, BEGIN_US + 35_000_000) == 45.0


def test_angles_are_the_same_whatever_turns_lie_between_them() -> None:
    assert is_same_angle(359.98, 0.02)
    assert not is_same_angle(0.0, 22.5)
