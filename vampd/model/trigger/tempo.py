"""Tempo: mean interval T, half width J and scatter around each interval, from its neighbors.

Two intervals together are 2 T whatever the state of the first frame; what single ones exceed T by
is + or - J. All are medians of 31 neighbors within a stretch: they follow a drift, keep the edge of
a change sharp, and no pause or late stamp moves them.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from vampd.model.trigger.arrivals import Arrivals, Counted
from vampd.model.trigger.stretches import (
    cut_at_changes,
    fit_most,
    pieces_of,
    shortest_of,
    spread,
    stretches_of,
)
from vampd.model.trigger.weights import INTERVAL_LIMIT, UNCONFIRMED_LIMIT

Int64 = npt.NDArray[np.int64]
Booleans = npt.NDArray[np.bool_]

WINDOW = 31
_FEWEST_TO_MEASURE = 12
_CLEAR_RATIO = 3  # of J and its spread
_LARGEST_UNLIKE = 0.3  # of a card's J that the intervals confirm
_CHUNK = 8_192  # windows of 151 in 10 MB
_LONGEST_EXPOSURE_US = 10**9
_NEAR_PERIODS = 20
_LONGER_EIGHTHS = 9  # of a T that other intervals show: more than it drifts or is wrong by
_SIDE = 15
_FEWEST_BELOW = 2  # fewer sums are soon those of another setting beside
_FEW = 6  # of so many sums one is 2 T, where each camera misses two triggers in five
_SLACK_SCATTERS = 4
_CARD_RANGE_US = 16_384  # more than any card's J


@dataclass(frozen=True)
class Tempo:
    """What single intervals should be around each interval; shape (intervals,).

    ``period_us`` is 0 where no two intervals tell it, ``half_width_us`` 0 where nothing alternates
    by card or measure; ``limit`` is the most that one interval may count.
    """

    period_us: Int64
    half_width_us: Int64
    scatter_us: Int64
    limit: Int64


def running_median(values: Int64, stretch: Int64, window: int = WINDOW, part: int = 2) -> Int64:
    """The lower median of each value's neighborhood within its stretch, same shape.

    Or the value that so large a part of the others lies below, 4 for the lower quartile, but two of
    them at least.
    """
    result = np.empty_like(values)
    edges = np.flatnonzero(np.diff(stretch)) + 1
    for begin, end in zip([0, *edges.tolist()], [*edges.tolist(), len(values)], strict=True):
        if end > begin:
            _fill_in_medians(values[begin:end], window, part, result[begin:end])
    return result


def _fill_in_medians(values: Int64, window: int, part: int, result: Int64) -> None:
    width = min(window, len(values) - 1 + len(values) % 2)
    half, rank = width // 2, max(width // part, min(width // 2, _FEWEST_BELOW))
    size = len(values) - width + 1
    values = np.ascontiguousarray(values)
    # As numpy's sliding_window_view, which takes as long as the medians of a short run.
    windows: Int64 = np.ndarray((size, width), np.int64, values, strides=2 * values.strides)
    for start in range(0, size, _CHUNK):
        chunk = windows[start : start + _CHUNK].copy()
        chunk.partition(rank, axis=1)
        result[half + start : half + start + len(chunk)] = chunk[:, rank]
    result[:half] = result[half]
    result[half + size :] = result[half + size - 1]


def tempo_of(arrivals: Arrivals, counted: Counted) -> Tempo:
    """The tempo of one camera's intervals."""
    stretch = pieces_of(counted.times_us, arrivals.exposure_us)[1:]
    steps_us, rises = np.diff(counted.times_us), np.diff(counted.count)
    card_us, documented_us = arrivals.half_width_us[1:], arrivals.scatter_us[1:]
    exposure_us = int(arrivals.exposure_us.min(initial=_LONGEST_EXPOSURE_US))
    shortest_us = shortest_of(steps_us, rises, stretch, exposure_us)
    stretch = cut_at_changes(steps_us, rises, stretch, documented_us, shortest_us)
    own = measure_tempo(steps_us, rises, stretch, stretch, card_us, documented_us, shortest_us)
    few = np.bincount(stretch, minlength=1) < _FEWEST_TO_MEASURE
    if not few[stretch].any():
        return own
    tempo = _borrowed(arrivals, own, steps_us, rises, stretch, few[stretch], shortest_us)
    # A card may be early or late by a frame that no other one shares it with.
    known = np.flatnonzero(tempo.period_us > 0)
    if not len(known):
        return tempo
    whole = stretches_of(counted.times_us, arrivals.exposure_us)[1:]
    here = np.arange(len(steps_us))
    beside = spread(known, known, whole, unknown=-1)
    source = np.where((tempo.period_us > 0) | (beside < 0), here, beside)
    shared = Tempo(*(getattr(tempo, field.name)[source] for field in fields(Tempo)))
    return _chosen((source == here) | _fits(shared, steps_us, rises, stretch), shared, tempo)


def _borrowed(
    arrivals: Arrivals,
    own: Tempo,
    steps_us: Int64,
    rises: Int64,
    stretch: Int64,
    few: Booleans,
    shortest_us: Int64,
) -> Tempo:
    """The tempo, where ``few`` intervals tell it, of the night's runs of the same cards."""
    card_us, documented_us = arrivals.half_width_us[1:], arrivals.scatter_us[1:]
    cards = (arrivals.exposure_us * _CARD_RANGE_US + arrivals.half_width_us) * 2
    _, setting = np.unique((cards + arrivals.switching)[1:], return_inverse=True)
    setting = setting.astype(np.int64)
    piece = np.cumsum(np.diff(setting + stretch * (setting.max() + 1), prepend=0) != 0)
    # Only the runs of those cards lend.
    asked = np.isin(setting, setting[few])
    order = np.flatnonzero(asked)[np.argsort(setting[asked], kind="stable")]
    sorted_tempo = measure_tempo(
        steps_us[order],
        rises[order],
        piece[order],
        setting[order],
        card_us[order],
        documented_us[order],
        shortest_us[order],
    )
    # Where T differs from run to run, medians change within one: it has that of its middle.
    middle = (np.searchsorted(piece, piece) + np.searchsorted(piece, piece, "right") - 1) // 2
    placed = (_placed(getattr(sorted_tempo, f.name), order, len(steps_us)) for f in fields(Tempo))
    lent = Tempo(*(values[middle] for values in placed))
    return _chosen(few & _fits(lent, steps_us, rises, stretch), lent, own)


def _chosen(first: Booleans, one: Tempo, other: Tempo) -> Tempo:
    """The one tempo where ``first`` says so, else the other."""
    pairs = ((getattr(one, f.name), getattr(other, f.name)) for f in fields(Tempo))
    return Tempo(*(np.where(first, *pair) for pair in pairs))


def _placed(values: Int64, order: npt.NDArray[np.intp], size: int) -> Int64:
    result = np.zeros(size, dtype=np.int64)
    result[order] = values
    return result


def _fits(lent: Tempo, steps_us: Int64, rises: Int64, stretch: Int64) -> Booleans:
    """Whether most of the intervals of each one's stretch are what the tempo says."""
    width_us = _SLACK_SCATTERS * lent.scatter_us
    return fit_most(steps_us, rises, stretch, lent.period_us, lent.half_width_us, width_us)


def measure_tempo(
    steps_us: Int64,
    rises: Int64,
    stretch: Int64,
    alike: Int64,
    card_us: Int64,
    documented_us: Int64,
    shortest_us: Int64 | int,
) -> Tempo:
    """The tempo of one camera's intervals, of which ``alike`` says which have one.

    ``stretch`` says which follow each other; both stay the same for consecutive intervals.
    ``rises`` are the counter's, ``card_us`` is J by the cards (0: none), ``documented_us`` the
    scatter of the readout mode, ``shortest_us`` what triggers take at least: frames that come
    faster waited for each other.
    """
    intervals = len(steps_us)
    zero = np.zeros(intervals, dtype=np.int64)
    single = (rises == 1) & (2 * steps_us > shortest_us)
    both = np.flatnonzero(single[1:] & single[:-1] & (stretch[1:] == stretch[:-1]))
    if not len(both):
        return Tempo(zero, zero, np.maximum(documented_us, 1), zero)
    sums_us = steps_us[both] + steps_us[both + 1]
    doubles = _doubles_of(sums_us, alike[both], documented_us[both])
    _level(doubles, sums_us, alike[both], documented_us[both])
    period_us = spread(doubles, both, alike) // 2
    excess_us = np.abs(steps_us - period_us)
    ones = np.flatnonzero(single & (period_us > 0))
    measured_us = spread(running_median(excess_us[ones], alike[ones]), ones, alike)
    unlike_us = np.abs(excess_us - measured_us)
    spread_us = spread(running_median(unlike_us[ones], alike[ones]), ones, alike)
    enough = np.bincount(alike[ones], minlength=int(alike.max()) + 1)[alike]
    clear = (measured_us > _CLEAR_RATIO * spread_us) & (enough >= _FEWEST_TO_MEASURE)
    clear &= (measured_us > documented_us) & (measured_us < period_us)
    half_width_us = np.where(clear, measured_us, card_us)
    confirmed = ~clear | (
        np.abs(measured_us - card_us) <= np.maximum(_LARGEST_UNLIKE * card_us, 2 * documented_us)
    )
    unlike_card_us = np.abs(excess_us - card_us)
    by_card_us = spread(running_median(unlike_card_us[ones], alike[ones]), ones, alike)
    of_fit_us = np.where(clear, spread_us, np.minimum(measured_us, by_card_us))
    scatter_us = np.maximum(5 * of_fit_us // 2, documented_us)
    # Where T + J and T - J are not four times that apart, every interval has to tell. There it is
    # what intervals of one state differ by, a median: less the root of two for their number, more
    # by half for a standard deviation, and by the root of two because consecutive intervals share
    # a stamp, so that their alternating sum scatters more. Of lags of a documented width: 7 / 12.
    small = (half_width_us > 0) & (half_width_us < 2 * scatter_us)
    after = both[1:][np.diff(both) == 1]
    twins = (after - 1)[small[after - 1] & (alike[after - 1] == alike[after + 1])]
    if len(twins):
        unlike_us = running_median(np.abs(steps_us[twins + 2] - steps_us[twins]), alike[twins])
        twins_us = 3 * spread(unlike_us, twins, alike) // 2
        least_us = np.maximum(half_width_us // 2, 7 * documented_us // 12)
        scatter_us = np.where(small & (twins_us > 0), np.maximum(twins_us, least_us), scatter_us)
        # A few intervals may seem to alternate by as much as they scatter, whatever the card says.
        chance = small & clear & (twins_us > half_width_us) & (card_us > 0)
        half_width_us = np.where(chance, card_us, half_width_us)
    # The fewer intervals, the less certain T.
    scatter_us += 4 * scatter_us // np.maximum(enough, 1)
    limit = np.where(confirmed, INTERVAL_LIMIT, UNCONFIRMED_LIMIT)
    return Tempo(period_us, half_width_us, np.maximum(scatter_us, 1), limit)


def _doubles_of(sums_us: Int64, alike: Int64, documented_us: Int64) -> Int64:
    """2 T around each sum of two intervals: their median, or less where many triggers were missed.

    A miss without a trace only makes an interval longer. So where a sixth of the sums, on both
    sides, are alike and clearly shorter than the median, these are 2 T. At a change of T they are
    on one side alone.
    """
    median_us, lower_us = (running_median(sums_us, alike, part=part) for part in (2, _FEW))
    shorter = _LONGER_EIGHTHS * lower_us < 8 * median_us
    if not shorter.any():
        return median_us
    # Late stamps make no sums that are alike.
    least_us = running_median(sums_us, alike, _SIDE, _SIDE // 2)
    positions = np.arange(len(sums_us))
    for turn in (-1, 1):
        side = (positions + turn * (_SIDE // 2)).clip(0, len(sums_us) - 1)
        # Beyond the end of a stretch, the side is the end itself.
        side = np.where(alike[side] == alike, side, positions)
        shorter &= np.abs(least_us[side] - lower_us) <= 4 * documented_us
    return np.where(shorter, lower_us, median_us)


def _level(doubles: Int64, sums_us: Int64, alike: Int64, documented_us: Int64) -> None:
    """Take out where 2 T is longer for a while and then as before: many triggers were missed there.

    Another setting lasts for more than a few frames, and then no sum is as before.
    """
    rises = _LONGER_EIGHTHS * doubles[:-1] < 8 * doubles[1:]
    for before in np.flatnonzero(rises & (alike[1:] == alike[:-1])).tolist():
        beside = slice(before + 1, before + 2 + WINDOW)
        slack_us = 4 * documented_us[before]
        again = np.flatnonzero(np.abs(doubles[beside] - doubles[before]) <= slack_us)
        if not len(again) or alike[before + 1 + again[0]] != alike[before]:
            continue
        longer = slice(before + 1, before + 1 + int(again[0]))
        single = np.abs(sums_us[longer] - doubles[before]) <= slack_us
        if again[0] <= _SIDE // 2 or single.any():
            doubles[longer] = doubles[before]


def at_frames(of_intervals: Int64) -> Int64:
    """T or J at each frame: the interval before it, the one after the first; 0 of one frame."""
    if not len(of_intervals):
        return np.zeros(1, dtype=np.int64)
    return np.concatenate([of_intervals[:1], of_intervals])


def share_tempo(own: Tempo, own_us: Int64, other: Tempo, other_us: Int64) -> tuple[Tempo, Booleans]:
    """The tempo of a camera that misses many triggers without a trace: that of the other camera.

    Both have one trigger, and a miss only makes T longer. ``own_us`` and ``other_us`` are when the
    intervals end. Also, in which of them it misses every second trigger or more.
    """
    if not len(own_us) or not len(other_us):
        return own, np.zeros(len(own_us), dtype=np.bool_)
    there = np.searchsorted(other_us, own_us).clip(0, len(other_us) - 1)
    period_us = other.period_us[there]
    near_us = _NEAR_PERIODS * period_us
    # Also by the intervals before and after, so that no change of settings seems to be one; not by
    # one that ends far from here, which is of another run.
    longest_us = period_us
    for beside in ((there - 1).clip(0), (there + 1).clip(max=len(other_us) - 1)):
        near = np.abs(other_us[beside] - own_us) <= near_us
        longest_us = np.maximum(longest_us, np.where(near, other.period_us[beside], 0))
    known = (period_us > 0) & (np.abs(other_us[there] - own_us) <= near_us)
    longer = known & (8 * own.period_us > _LONGER_EIGHTHS * longest_us)
    others = Tempo(*(getattr(other, field.name)[there] for field in fields(Tempo)))
    shared = _chosen(longer, others, own)
    return shared, known & (2 * own.period_us > 3 * longest_us)
