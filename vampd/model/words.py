"""Numbers, times and messages in words, as every output shows them; times are UT."""

from __future__ import annotations

from datetime import UTC, datetime

_AGES = ((86400.0, "d"), (3600.0, "h"), (60.0, "min"))


def format_time(time_s: float) -> str:
    """Unix seconds as ``2025-11-07T01:51:53Z``."""
    return moment_of(time_s).strftime("%Y-%m-%dT%H:%M:%SZ")


def moment_of(time_s: float) -> datetime:
    """The time; the last one that a calendar has for those beyond, as a wrong clock may leave."""
    try:
        return datetime.fromtimestamp(time_s, UTC)
    except (OverflowError, ValueError, OSError):
        return datetime.max.replace(tzinfo=UTC)


def format_minute(time_s: float) -> str:
    """Unix seconds as ``2025-11-07 01:51``."""
    return format_time(time_s)[:16].replace("T", " ")


def count_of(number: int, singular: str) -> str:
    """``1 cube``, ``2 cubes``, ``12,000 frames``."""
    return f"{number:,} {singular}" if number == 1 else f"{number:,} {singular}s"


def one_line(text: str) -> str:
    """A message without line breaks; of a traceback only its last line, which names the error."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if lines and lines[0].startswith("Traceback"):
        return lines[-1]
    return " ".join(lines)


def format_duration(duration_s: float) -> str:
    """A duration in its largest unit, truncated: ``3 d``, ``2 h``, ``12 min``, ``5 s``."""
    for length_s, unit in _AGES:
        if duration_s >= length_s:
            return f"{int(duration_s // length_s)} {unit}"
    return f"{max(0, int(duration_s))} s"
