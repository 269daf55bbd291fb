"""The log of the wave-plate unit: where the half-wave plate stood, and where it leaves doubt.

A file per Hawaiian date, a line per second or so: ``YYYYMMDD HH:MM:SS WPU status: ... OKAY hwp
busy|not busy ... position P target T mode M``, HST. Lines may be cut, and the clock that wrote them
may have been set back.
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
    """All lines of some logs that can be read, in order; a line that cannot is a gap.

    ``set_back_us`` is the farthest that the times of one log go back: which of them were wrong by
    that much, those before or those after, it does not say.
    """

    rows: tuple[PlateRow, ...]
    set_back_us: int = 0

    def angle_over(self, begin_us: int, end_us: int) -> float | str:
        """The plate's angle (deg) throughout that time; or, in words, why the log leaves doubt."""
        found = self._angle_within(begin_us - self.set_back_us, end_us + self.set_back_us)
        if not self.set_back_us or isinstance(found, float):
            return found
        back_s = self.set_back_us / 1e6
        return f"the log's times go back by {back_s:,.0f} s, and so near to it {found}"

    def _angle_within(self, begin_us: int, end_us: int) -> float | str:
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
    logs = [[row for line in text.splitlines() if (row := _parse(line))] for text in texts]
    set_back_us = max((_set_back_us(rows) for rows in logs), default=0)
    return PlateLog(tuple(sorted({row for rows in logs for row in rows})), set_back_us)


def is_same_angle(first_deg: float, second_deg: float) -> bool:
    """Whether two angles are one, whatever turns lie between them."""
    apart = abs(first_deg - second_deg) % 360.0
    return min(apart, 360.0 - apart) <= _SAME_DEG


def _set_back_us(rows: Iterable[PlateRow]) -> int:
    """The farthest that a line lies before one that was written earlier."""
    latest_us = farthest_us = 0
    for row in rows:
        farthest_us = max(farthest_us, latest_us - row.at_us)
        latest_us = max(latest_us, row.at_us)
    return farthest_us


def _parse(line: str) -> PlateRow | None:
    match = _LINE.match(line.strip())
    # The position of another plate, or of a line that begins where one was cut, is none of this.
    if match is None or "qwp" in match["between"] or match[0].count("WPU status") > 1:
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
