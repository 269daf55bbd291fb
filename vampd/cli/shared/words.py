"""Numbers and times formatted for people; times are UT."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from vampd.model.nights import NightRecord
from vampd.model.size import format_size

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
]

_AGES = ((86400.0, "d"), (3600.0, "h"), (60.0, "min"))


def format_duration(duration_s: float) -> str:
    """A duration in its largest unit, truncated: ``3 d``, ``2 h``, ``12 min``, ``5 s``."""
    for length_s, unit in _AGES:
        if duration_s >= length_s:
            return f"{int(duration_s // length_s)} {unit}"
    return f"{max(0, int(duration_s))} s"


def format_time(time_s: float) -> str:
    """Unix seconds as ``2025-11-07T01:51:53Z``."""
    return _moment_of(time_s).strftime("%Y-%m-%dT%H:%M:%SZ")


def _moment_of(time_s: float) -> datetime:
    """The time; the last one that a calendar has for those beyond, as a wrong clock may leave."""
    try:
        return datetime.fromtimestamp(time_s, UTC)
    except (OverflowError, ValueError, OSError):
        return datetime.max.replace(tzinfo=UTC)


def format_minute(time_s: float) -> str:
    """Unix seconds as ``2025-11-07 01:51``."""
    return format_time(time_s)[:16].replace("T", " ")


def format_time_or_none(time_s: float | None) -> str | None:
    """The same for a time that may be unknown."""
    return None if time_s is None else format_time(time_s)


def format_moment(time_s: float, now: float) -> str:
    """A time for people: ``2025-11-07 01:51:53 UT, 3 h ago`` (or ``in 3 h``)."""
    moment = _moment_of(time_s).strftime("%Y-%m-%d %H:%M:%S UT")
    distance = format_duration(abs(now - time_s))
    return f"{moment}, in {distance}" if time_s > now else f"{moment}, {distance} ago"


def count_of(number: int, singular: str) -> str:
    """``1 cube``, ``2 cubes``, ``12,000 frames``."""
    return f"{number:,} {singular}" if number == 1 else f"{number:,} {singular}s"


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


def one_line(text: str) -> str:
    """A message without line breaks; of a traceback only its last line, which names the error."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if lines and lines[0].startswith("Traceback"):
        return lines[-1]
    return " ".join(lines)
