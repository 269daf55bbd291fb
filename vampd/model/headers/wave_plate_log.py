"""The log of the wave-plate unit: where the half-wave plate stood, and where it leaves doubt.

A file per Hawaiian date, a line per second or so: ``YYYYMMDD HH:MM:SS WPU status: ... OKAY hwp
busy|not busy ... position P target T mode M``, HST. Lines may be cut.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from itertools import pairwise
from statistics import median

_NUMBER = r"[+-]?[0-9]+(?:\.[0-9]*)?"
_LINE = re.compile(
    r"(?P<moment>[0-9]{8} [0-9]{2}:[0-9]{2}:[0-9]{2}) WPU status: .*?\bOKAY hwp"
    rf" (?P<state>not busy|busy)\b(?P<between>.*?)\bposition (?P<position>{_NUMBER})"
    rf" target (?P<target>{_NUMBER}) mode \S"
)
_HST = timedelta(hours=-10)
_SECOND_US = 1_000_000  # what the log's times are cut to
_MOST_GAPS = 2.5  # of the usual interval of the log
_LONGEST_GAP_US = 60 * _SECOND_US
_SAME_DEG = 0.1  # an encoder's scatter, and how near to its target the plate stands


@dataclass(frozen=True, order=True)
class PlateRow:
    """One line: UT (us since 1970), degrees."""

    at_us: int
    position_deg: float
    target_deg: float
    is_busy: bool

    @property
    def is_settled(self) -> bool:
        """Whether the plate stands where it should."""
        return not self.is_busy and abs(self.position_deg - self.target_deg) <= _SAME_DEG


@dataclass(frozen=True)
class PlateLog:
    """All lines of some logs that can be read, in order; a line that cannot is a gap."""

    rows: tuple[PlateRow, ...]

    def angle_over(self, begin_us: int, end_us: int) -> float | str:
        """The plate's angle (deg) throughout that time; or, in words, why the log leaves doubt."""
        times = self._times_us
        # A line was written within the second that it names.
        first = bisect_right(times, begin_us - _SECOND_US) - 1
        last = bisect_left(times, end_us)
        if first < 0 or last == len(times):
            return "the log does not cover it"
        rows = self.rows[first : last + 1]
        if any(
            after.at_us - before.at_us > self._longest_gap_us for before, after in pairwise(rows)
        ):
            return "the log has a gap there"
        if not all(row.is_settled for row in rows):
            return "the plate moves"
        positions = [row.position_deg for row in rows]
        if max(positions) - min(positions) > _SAME_DEG:
            return "the plate steps"
        return round(median(positions), 2)

    @cached_property
    def _times_us(self) -> list[int]:
        return [row.at_us for row in self.rows]

    @cached_property
    def _longest_gap_us(self) -> float:
        steps = [b.at_us - a.at_us for a, b in pairwise(self.rows) if b.at_us > a.at_us]
        usual_us = median(steps) if steps else _SECOND_US
        return min(_MOST_GAPS * max(usual_us, _SECOND_US), _LONGEST_GAP_US)


def parse_plate_log(texts: Iterable[str]) -> PlateLog:
    """The lines of some logs."""
    found = (_parse(line) for text in texts for line in text.splitlines())
    return PlateLog(tuple(sorted({row for row in found if row is not None})))


def is_same_angle(first_deg: float, second_deg: float) -> bool:
    """Whether two angles are one, whatever turns lie between them."""
    apart = abs(first_deg - second_deg) % 360.0
    return min(apart, 360.0 - apart) <= _SAME_DEG


def _parse(line: str) -> PlateRow | None:
    match = _LINE.match(line.strip())
    # The position of another plate is none of this one.
    if match is None or "qwp" in match["between"]:
        return None
    try:
        local = datetime.strptime(match["moment"], "%Y%m%d %H:%M:%S").replace(tzinfo=UTC)
    except ValueError:
        return None
    since = local - _HST - datetime(1970, 1, 1, tzinfo=UTC)
    return PlateRow(
        since // timedelta(microseconds=1),
        float(match["position"]),
        float(match["target"]),
        match["state"] == "busy",
    )
