"""The attempts of a night drawn in time: a row for each stage, a bar for each attempt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from vampd.cli.shared.words import count_of, format_duration, format_time
from vampd.web.pages.attempts import Attempt

_LEFT, _WIDTH, _ROW, _BAR, _TOP = 84, 700, 26, 16, 22
# A bar that would be narrower is seen all the same.
_NARROWEST = 3.0
_TICKS = 4


@dataclass(frozen=True)
class Bar:
    """An attempt as a bar, in the units of the drawing."""

    x: float
    y: float
    width: float
    style: str
    words: str


@dataclass(frozen=True)
class Tick:
    """A time on the axis; the first and the last stand at its ends."""

    x: float
    anchor: str
    words: str


@dataclass(frozen=True)
class Timeline:
    """The drawing: its size, rows with their names, bars, and the axis."""

    width: int
    height: int
    left: int
    rows: tuple[tuple[str, float], ...]
    bars: tuple[Bar, ...]
    ticks: tuple[Tick, ...]
    words: str


def draw_timeline(
    attempts: Sequence[Attempt], stages: Sequence[str], now: float
) -> Timeline | None:
    """The attempts drawn from the first to the end of the last; None if there is none."""
    if not attempts:
        return None
    begin = min(one.began for one in attempts)
    end = max(_end(one, now) for one in attempts)
    span = max(end - begin, 1.0)
    rows = {stage: _TOP + _ROW * number for number, stage in enumerate(stages)}

    def place(at: float) -> float:
        return round(_LEFT + _WIDTH * min(max((at - begin) / span, 0.0), 1.0), 1)

    bars = []
    for one in attempts:
        x = place(one.began)
        width = max(place(_end(one, now)) - x, _NARROWEST)
        # What began at the very end is seen, too.
        x = min(x, _LEFT + _WIDTH - width)
        y = rows[one.stage] + (_ROW - _BAR) / 2
        bars.append(Bar(x, y, round(width, 1), one.style, _words(one, now)))
    return Timeline(
        _LEFT + _WIDTH + 12,
        _TOP + _ROW * len(rows) + 4,
        _LEFT,
        tuple((stage, y + _ROW / 2) for stage, y in rows.items()),
        tuple(bars),
        tuple(_ticks(begin, span)),
        f"{count_of(len(attempts), 'attempt')} in {format_duration(span)}",
    )


def _end(attempt: Attempt, now: float) -> float:
    return max(now if attempt.ended is None else attempt.ended, attempt.began)


def _words(one: Attempt, now: float) -> str:
    took = format_duration(_end(one, now) - one.began)
    code = f", {one.code}" if one.code else ""
    began = format_time(one.began).replace("T", " ").removesuffix("Z")
    return f"{one.stage}, attempt {one.number}: {one.outcome}{code}, {began} UT, {took}"


def _ticks(begin: float, span: float) -> list[Tick]:
    ticks = []
    for number in range(_TICKS):
        part = number / (_TICKS - 1)
        anchor = "start" if number == 0 else "end" if number == _TICKS - 1 else "middle"
        stamp = format_time(begin + span * part)
        # Days where days went by, and the time of day where not.
        words = stamp[5:16].replace("T", " ") if span > 86_400 else stamp[11:19]
        ticks.append(Tick(round(_LEFT + _WIDTH * part, 1), anchor, words))
    return ticks
