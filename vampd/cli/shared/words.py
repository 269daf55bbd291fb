"""Numbers and times formatted for people; times are UT."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from vampd.model.nights import NightRecord
from vampd.model.size import format_size
from vampd.model.words import (
    count_of,
    format_duration,
    format_minute,
    format_time,
    moment_of,
    one_line,
)

__all__ = [
    "count_of",
    "describe_nights",
    "describe_raw",
    "format_duration",
    "format_minute",
    "format_moment",
    "format_size",
    "format_time",
    "format_time_or_none",
    "one_line",
    "path_of",
    "read_time",
]


def format_time_or_none(time_s: float | None) -> str | None:
    """The same for a time that may be unknown."""
    return None if time_s is None else format_time(time_s)


def read_time(text: str) -> float:
    """What `format_time` wrote, in unix seconds."""
    return datetime.fromisoformat(text).timestamp()


def format_moment(time_s: float, now: float) -> str:
    """A time for people: ``2025-11-07 01:51:53 UT, 3 h ago`` (or ``in 3 h``)."""
    moment = moment_of(time_s).strftime("%Y-%m-%d %H:%M:%S UT")
    distance = format_duration(abs(now - time_s))
    return f"{moment}, in {distance}" if time_s > now else f"{moment}, {distance} ago"


def describe_nights(dates: Sequence[str]) -> str:
    """``3 nights, 20251104 to 20251106``, or ``1 night: 20251106``."""
    number = count_of(len(dates), "night")
    return f"{number}, {dates[0]} to {dates[-1]}" if len(dates) > 1 else ": ".join([number, *dates])


def describe_raw(record: NightRecord) -> str:
    """What became of a night's raw cubes: ``raw purged``, ``3 of 29 raw cubes removed``, or ''."""
    ways = {"purged": record.purged_cubes, "removed": record.removed_cubes}
    if not any(ways.values()):
        return ""
    gone = {way: cubes for way, cubes in ways.items() if cubes}
    if len(gone) == 1 and not record.kept_cubes:
        return f"raw {next(iter(gone))}"
    total = f"of {sum(gone.values()) + record.kept_cubes:,} raw cubes"
    return ", ".join(f"{cubes:,} {total} {way}" for way, cubes in gone.items())


def path_of(path: Path) -> str:
    """A path that can be printed, whatever bytes its name has."""
    return str(path).encode("utf-8", "backslashreplace").decode()
