"""Measures: the mean interval T and half width J that a camera's frames show, or do not."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from vampd.model.trigger.arrivals import Arrivals, count_frames
from vampd.model.trigger.stretches import spread
from vampd.model.trigger.tempo import at_frames, tempo_of

Int64 = npt.NDArray[np.int64]
Booleans = npt.NDArray[np.bool_]

_SINGLE_SCATTERS = 3  # beyond J, an interval is longer by something else
_CLEAR_SCATTERS = 3  # of the mean, of intervals that alternate for certain
_LONGEST_SUM = 512  # intervals: a J of a fifth of the scatter is twice as much as clear
_MOST_MEANS, _FEWEST_MEANS = 36, 25  # squares of J in scatters of the mean of intervals
_THIRDS = 3
_FEWEST = 12  # intervals, as of a J that is measured
_PIECE, _PIECE_SCATTERS = 128, 4  # intervals, and scatters of their mean, of a J they clearly show
_CLEARLY_LESS = 3


@dataclass(frozen=True)
class Measured:
    """T and J (us) at each frame, as the intervals around it show them; 0 where they show none.

    Where they do not show J, it is what the card says.
    """

    period_us: Int64
    half_width_us: Int64


def measure_intervals(arrivals: Arrivals) -> Measured:
    """T and J of one camera's frames in order of taking."""
    tempo = tempo_of(arrivals, count_frames(arrivals))
    frames = len(arrivals)
    return Measured(at_frames(tempo.period_us)[:frames], at_frames(tempo.half_width_us)[:frames])


def is_unshown(
    times_us: Int64,
    count: Int64,
    stretch: Int64,
    period_us: Int64,
    half_width_us: Int64,
    scatter_us: Int64,
    other_us: Int64,
    unsaid: Booleans,
) -> Booleans:
    """Whether each interval is among many that do not alternate by J, which is within the scatter.

    What intervals exceed T by, each with the sign of its count, is J on average, or nothing: of
    less than half of J, nothing is the likelier. Not where they alternate clearly by less, or may
    do so by what the other camera's card says (``other_us``) or the stretch's other intervals.

    Also where they alternate by less than a third of what they do elsewhere in the stretch, and of
    the J that they show behind where no card says it (``unsaid``): at its close, a card was wrong.
    """
    excess_us, rises = np.diff(times_us) - period_us, np.diff(count)
    small = (half_width_us > 0) & (half_width_us < 2 * scatter_us) & (period_us > 0)
    small &= (np.diff(stretch) == 0) & (rises == 1)
    small &= np.abs(excess_us) <= half_width_us + _SINGLE_SCATTERS * scatter_us
    at = np.flatnonzero(small)
    unshown = np.zeros(len(excess_us), dtype=np.bool_)
    if not len(at):
        return unshown
    signed_us = excess_us[at] * (1 - 2 * (count[at] & 1))
    sums_us = np.concatenate([[0], np.cumsum(signed_us)])
    edges = np.concatenate([[0], np.flatnonzero(np.diff(stretch[at])) + 1, [len(at)]])
    number = np.repeat(np.arange(len(edges) - 1), np.diff(edges))
    begin, end = edges[number], edges[number + 1]
    half_us, width_us = half_width_us[at], scatter_us[at]
    against = _alternate_by_less(sums_us, begin, end, half_us, width_us)
    good = np.flatnonzero(~against)
    beside_us = spread(half_us[good], good, stretch[at]) if len(good) else 0 * half_us
    first, last = _around(begin, end, np.full_like(begin, _LONGEST_SUM))
    shown_us, among = np.abs(sums_us[last] - sums_us[first]), last - first
    clear = shown_us * shown_us >= _CLEAR_SCATTERS**2 * width_us * width_us * among
    shown_us = np.maximum(shown_us // among, 1)
    shown_us = np.where(clear & (2 * shown_us < half_us), shown_us, 0)
    for less_us in (beside_us, other_us[at], shown_us):
        tried_us = np.where(against & (less_us > 0), less_us, half_us)
        against &= _alternate_by_less(sums_us, begin, end, tried_us, width_us)
    clearly = unsaid & (half_width_us >= 2 * scatter_us) & (np.diff(stretch) == 0)
    numbers, told = stretch[at], np.flatnonzero(clearly)
    for begin, end in pairwise(edges.tolist()):
        if end - begin < _FEWEST:
            continue
        sums, width = (
            sums_us[begin : end + 1],
            int(np.sort(width_us[begin:end])[(end - begin) // 4]),
        )
        against[begin:end] |= _is_among_less(sums, width, _shown_of(sums, width))
        behind = told[slice(*np.searchsorted(stretch[told], numbers[begin] + np.arange(2)))]
        if len(behind) >= _FEWEST:
            last = begin + int(np.searchsorted(at[begin:end], behind[-_FEWEST]))
            shown = int(half_width_us[behind].min())
            against[begin:last] |= _is_among_less(sums[: last - begin + 1], width, shown)
    unshown[at] = against
    return unshown


def _shown_of(sums_us: Int64, width_us: int) -> int:
    """By how much (us) intervals alternate in most of the pieces in which they clearly do, or 0."""
    first = np.arange(0, len(sums_us) - _PIECE, _PIECE)
    shown_us = np.abs(sums_us[first + _PIECE] - sums_us[first]) // _PIECE
    clear = np.sort(shown_us[shown_us * shown_us * _PIECE >= (_PIECE_SCATTERS * width_us) ** 2])
    return int(clear[len(clear) // 2]) if len(clear) else 0


def _is_among_less(sums_us: Int64, width_us: int, shown_us: int) -> Booleans:
    """Whether each interval is in a window of those that alternate by less than a third of it.

    Of so many that it is 5 scatters of their mean, with states exchanged at most once.
    """
    size = len(sums_us) - 1
    edges_of = np.zeros(size + 1, dtype=np.int64)
    among = max(_FEWEST_MEANS * width_us * width_us // max(shown_us, 1) ** 2 + 1, _FEWEST)
    if shown_us > 0 and among <= size:
        first = np.arange(size - among + 1)
        edges = [first + among * share // _THIRDS for share in range(_THIRDS + 1)]
        parts_us = [np.abs(sums_us[b] - sums_us[a]) for a, b in pairwise(edges)]
        less = first[_CLEARLY_LESS * sum(parts_us) < among * shown_us]
        np.add.at(edges_of, less, 1)
        np.add.at(edges_of, less + among, -1)
    return np.asarray(np.cumsum(edges_of)[:-1] > 0)


def _around(begin: Int64, end: Int64, width: Int64) -> tuple[Int64, Int64]:
    """Windows around each position from ``begin`` to before ``end``."""
    first = np.clip(np.arange(len(begin)) - width // 2, begin, np.maximum(begin, end - width))
    return first, np.minimum(first + width, end)


def _alternate_by_less(
    sums_us: Int64, begin: Int64, end: Int64, half_us: Int64, width_us: Int64
) -> Booleans:
    """Whether intervals around, before or behind each one alternate by less than half of J.

    Of so many that J is 6 scatters of their mean, or 5 at the ends of a stretch, with states
    exchanged at most once: by the thirds of them.
    """
    at = np.arange(len(begin))
    squares = width_us * width_us
    width = _MOST_MEANS * squares // (half_us * half_us) + 1
    less = np.zeros(len(begin), dtype=np.bool_)
    for first, last in (
        _around(begin, end, width),
        (at, np.minimum(at + width, end)),
        (np.maximum(at + 1 - width, begin), at + 1),
    ):
        among = last - first
        edges = [first + among * share // _THIRDS for share in range(_THIRDS + 1)]
        parts_us = [np.abs(sums_us[b] - sums_us[a]) for a, b in pairwise(edges)]
        telling = among * half_us * half_us >= _FEWEST_MEANS * squares
        less |= telling & (2 * sum(parts_us) < among * half_us)
    return less
