"""Values over time as bars, with the same values as a table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from vampd.cli.shared.words import format_time
from vampd.model.measures import Sample

_WIDTH, _TOP, _HEIGHT, _BELOW = 700, 10, 110, 22
# The words of the levels stand at the right, by what is newest.
_RIGHT = 88
_TICKS = 5
_LEVELS = 3
# Of what is there at all, so much is seen.
_LOWEST = 1.0


@dataclass(frozen=True)
class ChartBar:
    """A bar, in the units of the drawing."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class ChartTick:
    """A word on an axis."""

    at: float
    anchor: str
    words: str


@dataclass(frozen=True)
class Chart:
    """The drawing, and its values by time, the newest first."""

    name: str
    words: str
    width: int
    height: int
    edge: int
    floor: float
    bars: tuple[ChartBar, ...]
    ticks: tuple[ChartTick, ...]
    levels: tuple[ChartTick, ...]
    values: tuple[tuple[str, str], ...]


def draw_chart(
    name: str,
    words: str,
    samples: Sequence[Sample],
    span: tuple[float, float],
    parts: int,
    fold: Callable[[Sequence[float]], float],
    form: Callable[[int], str],
    top: float | None = None,
) -> Chart | None:
    """The samples of a span of time in so many parts, each of them folded to a value.

    ``top`` is the value at the upper edge, that of the highest bar if not given. None without one.
    """
    begin, end = span
    step = (end - begin) / parts
    by_part: dict[int, list[float]] = {}
    for at, value in samples:
        if begin <= at < end:
            by_part.setdefault(int((at - begin) / step), []).append(value)
    values = {part: fold(found) for part, found in by_part.items()}
    if not values:
        return None
    highest = max(top or 0.0, *values.values(), 1.0)
    floor = _TOP + _HEIGHT
    width = _WIDTH / parts

    def bar(part: int, value: float) -> ChartBar:
        height = max(_HEIGHT * value / highest, _LOWEST if value > 0 else 0.0)
        x = width * part
        return ChartBar(round(x, 2), round(floor - height, 2), round(width, 2), round(height, 2))

    return Chart(
        name=name,
        words=words,
        width=_WIDTH + _RIGHT,
        height=floor + _BELOW,
        edge=_WIDTH,
        floor=floor,
        bars=tuple(bar(part, value) for part, value in sorted(values.items())),
        ticks=tuple(_ticks(begin, end)),
        levels=tuple(
            ChartTick(
                round(floor - _HEIGHT * number / (_LEVELS - 1), 2),
                "start",
                form(int(highest * number / (_LEVELS - 1))),
            )
            for number in range(_LEVELS)
        ),
        values=tuple(
            (_moment(begin + step * part), form(int(value)))
            for part, value in sorted(values.items(), reverse=True)
        ),
    )


def _ticks(begin: float, end: float) -> list[ChartTick]:
    ticks = []
    for number in range(_TICKS):
        part = number / (_TICKS - 1)
        anchor = "start" if number == 0 else "end" if number == _TICKS - 1 else "middle"
        stamp = _moment(begin + (end - begin) * part)
        words = stamp[:10] if end - begin > 10 * 86_400 else stamp[5:]
        ticks.append(ChartTick(round(_WIDTH * part, 1), anchor, words))
    return ticks


def _moment(at: float) -> str:
    return format_time(at)[:16].replace("T", " ")
