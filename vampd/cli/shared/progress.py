"""A night's progress, formatted for people and for programs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from vampd.cli.shared.words import count_of, format_size, format_time_or_none
from vampd.model.nights import StageName, Status
from vampd.model.progress import NightEnd, is_measure, night_end, past_night, rate_now, stage_end

if TYPE_CHECKING:
    from vampd.model.nights import EventRecord, NightId, NightRecord

    History = Callable[[NightId], Sequence[EventRecord]]

_PAST_NIGHTS = 10
_MINUTE_S = 60.0


def format_progress(record: NightRecord) -> str:
    """Actions done of all, and how much of the bytes; ``-`` if unknown."""
    if record.state.status is Status.DONE or not record.all_actions:
        return "-"
    part = "" if record.done_part is None else f" {record.done_part:.0%}"
    return f"{record.done_actions}/{record.all_actions}{part}"


def format_work(record: NightRecord, now: float) -> str:
    """``12 of 38 cubes, 1.10 of 1.80 GB, 92.0 MB/s, done at about 14:20 UT``, '' if unknown.

    The time is that of the stage.
    """
    if format_progress(record) == "-":
        return ""
    parts = [_count(record)]
    if record.all_bytes:
        parts.append(format_sizes(record.done_bytes, record.all_bytes))
    # With all of it done, the rate of what was done only falls.
    is_done = record.done_bytes >= record.all_bytes
    if not is_done and (rate := rate_now(record, now)) is not None:
        parts.append(f"{format_size(rate)}/s")
    if (end := stage_end(record, now)) is not None:
        parts.append(f"done at about {format_hour(end, now)}")
    return ", ".join(parts)


def _count(record: NightRecord) -> str:
    if not record.all_files:
        return f"{record.done_actions:,} of {count_of(record.all_actions, 'action')}"
    kind = "cube" if record.state.stage is StageName.FPACK else "file"
    return f"{record.done_files:,} of {count_of(record.all_files, kind)}"


def format_sizes(done_bytes: int, all_bytes: int) -> str:
    """``1.10 of 1.80 GB``; each with its unit where they differ."""
    done, everything = format_size(done_bytes), format_size(all_bytes)
    number, _, unit = done.partition(" ")
    return f"{number if everything.endswith(f' {unit}') else done} of {everything}"


def format_hour(time_s: float, now: float) -> str:
    """``14:20 UT``, rounded to the minute; with its date where that is not today's."""
    moment = datetime.fromtimestamp(_MINUTE_S * round(time_s / _MINUTE_S), UTC)
    today = datetime.fromtimestamp(now, UTC).date()
    return f"{moment:%H:%M} UT" if moment.date() == today else f"{moment:%Y-%m-%d %H:%M} UT"


def format_night_end(end: NightEnd | None, now: float) -> str:
    """``done at about 15:05 UT, by its own rate and that of 5 earlier nights``, '' for None."""
    if end is None:
        return ""
    bases = ["its own rate"] if end.by_own_rate else []
    if end.nights:
        bases.append(f"what {count_of(end.nights, 'earlier night')} took")
    return f"done at about {format_hour(end.at, now)}, by {' and '.join(bases)}"


def expected_end(
    record: NightRecord, records: Sequence[NightRecord], history: History, now: float
) -> NightEnd | None:
    """When a running night will be done, by itself and the newest finished ones of its kind."""
    if record.state.status is not Status.RUNNING:
        return None
    earlier = []
    for other in reversed(records):
        if other.night.kind is not record.night.kind or not is_measure(other):
            continue
        if (past := past_night(other, history(other.night))) is not None:
            earlier.append(past)
        if len(earlier) == _PAST_NIGHTS:
            break
    return night_end(record, now, earlier)


def progress_object(record: NightRecord, now: float, end: NightEnd | None) -> dict[str, Any]:
    """The progress for programs; what is not known is null."""
    return {
        "done": record.done_actions,
        "all": record.all_actions,
        "done_frames": record.done_frames,
        "all_frames": record.all_frames,
        "done_bytes": record.done_bytes,
        "all_bytes": record.all_bytes,
        "done_files": record.done_files,
        "all_files": record.all_files,
        "bytes_per_s": rate_now(record, now),
        "stage_done_at": format_time_or_none(stage_end(record, now)),
        "night_done_at": None if end is None else format_time_or_none(end.at),
        "by_own_rate": None if end is None else end.by_own_rate,
        "by_earlier_nights": None if end is None else end.nights,
    }
