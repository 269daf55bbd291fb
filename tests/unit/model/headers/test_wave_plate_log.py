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
    "a line glued to one that was cut": (
        lambda s: line(s)[:50] + line(s + 9) if 12 <= s <= 16 else line(s),
        "gap",
    ),
    "a line glued after its state": (
        lambda s: line(s)[:72] + line(s + 9) if 12 <= s <= 16 else line(s),
        "gap",
    ),
    "a decimal comma": (lambda s: line(s).replace(".", ",") if 12 <= s <= 16 else line(s), "gap"),
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


def test_a_clock_that_was_set_back_leaves_doubt_as_far_as_it_was_set() -> None:
    # After second 39 the clock goes back to 30; by its times, the plate turned at second 25.
    rows = [line(s, 45.0 if s < 25 else 67.5) for s in range(40)]
    text = "\n".join([*rows, *(line(s, 67.5) for s in range(30, 60))])
    assert angle(text, 11.0, 14.0) == 45.0
    doubt = angle(text, 11.0, 20.0)
    assert isinstance(doubt, str)
    assert "go back by 9 s, and so near to it the plate steps" in doubt
    assert angle(text, 40.0, 45.0) == 67.5
    # Logs that are named in another order than they were written in are each in order.
    first, second = ("\n".join(line(s) for s in seconds) for seconds in (range(30), range(30, 60)))
    for texts in ([first, second], [second, first]):
        assert parse_plate_log(texts).set_back_us == 0


def test_the_form_of_its_lines_ends_changes_nothing() -> None:
    for text in (log().replace("\n", "\r\n"), "\ufeff" + log(), log() + "\n" + line(60)[:40]):
        assert angle(text, 10.0, 20.0) == 45.0


def test_angles_are_the_same_whatever_turns_lie_between_them() -> None:
    assert is_same_angle(359.98, 0.02)
    assert not is_same_angle(0.0, 22.5)
