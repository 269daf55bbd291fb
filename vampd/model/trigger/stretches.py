"""Stretches: frames between which nothing stood still for long."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from vampd.model.trigger.weights import APART_US

Int64 = npt.NDArray[np.int64]

_LONGEST_US = 300_000  # beyond two exposures: the trigger, or the loggers, stood still
_PARTS = 64  # of J
_FEWEST_TELLING = 3  # intervals that alternate, beyond those that do not
_AROUND = 16  # gaps, before and after one, that tell how many turns are left unfinished there
_MOST_TRIGGERS_TO_FIT = 4
_MOST_WAIT, _FEWEST_WAIT = 128, 32  # intervals, more than wait in any burst
_BESIDE = 3  # intervals on each side of one
_SHOWN_SCATTERS, _SHOWN_BESIDE = 2, 4  # an interval, or one beside it, shows so large a J
_NO_US = 10**12
_ALIKE = 3  # sums of two intervals on each side of a change
_CLEARLY, _PART_OF_T = 8, 32  # times what such sums differ by themselves, and part of 2 T
_RARE = 4  # of so many gaps, one at most


def begins_of(times_us: Int64, exposure_us: Int64) -> npt.NDArray[np.bool_]:
    """Whether a stretch begins with the frame: nothing was taken for long before it."""
    far = np.diff(times_us) > _LONGEST_US + 2 * np.minimum(exposure_us[1:], exposure_us[:-1])
    return np.concatenate([[True], far])[: len(times_us)]


def stretches_of(times_us: Int64, exposure_us: Int64) -> Int64:
    """The number of the stretch of each frame."""
    return np.cumsum(begins_of(times_us, exposure_us), dtype=np.int64)


def pieces_of(times_us: Int64, exposure_us: Int64) -> Int64:
    """The number of the piece of each frame: of a stretch, with one exposure by the cards."""
    begins = begins_of(times_us, exposure_us)
    begins[1:] |= np.diff(exposure_us) != 0
    return np.cumsum(begins, dtype=np.int64)


def shortest_of(steps_us: Int64, rises: Int64, stretch: Int64, exposure_us: int) -> Int64:
    """What a trigger takes at least around each interval: the exposure, if the card is right.

    A card is that of its cube's close: exposures were shorter if many intervals before or after one
    take less on average. However many frames wait for each other, together they take as long as
    their triggers, and none for longer than a stamp is late: so many are those of twice that time.
    ``exposure_us`` is the night's shortest one.
    """
    if not len(steps_us):
        return np.zeros(0, dtype=np.int64)
    # A pause is no exposure.
    taken_us = np.minimum(steps_us, exposure_us * rises)
    many = min(max(2 * APART_US // max(exposure_us, 1), _FEWEST_WAIT), _MOST_WAIT)
    sums_us, counts = (np.concatenate([[0], np.cumsum(part)]) for part in (taken_us, rises))
    at = np.arange(len(steps_us))
    first, last = np.searchsorted(stretch, stretch), np.searchsorted(stretch, stretch, "right")
    least_us = np.full_like(steps_us, exposure_us)
    for begin in (
        np.maximum(at + 1 - many, first),
        np.maximum(np.minimum(at, last - many), first),
    ):
        end = np.minimum(begin + many, last)
        mean_us = (sums_us[end] - sums_us[begin]) // (counts[end] - counts[begin])
        least_us = np.minimum(least_us, mean_us)
    return least_us


def cut_at_changes(
    steps_us: Int64, rises: Int64, stretch: Int64, documented_us: Int64, shortest_us: Int64
) -> Int64:
    """The stretches of intervals, cut where T changes within one; numbers from 0.

    Two intervals together are 2 T, whatever the states. Behind an interval T is another one where
    three such sums before it are alike, three after it too, and these are clearly others: by a
    32nd, and by more than stamps scatter. So the last frames of a setting, or its first ones, go by
    no median that is that of another. Frames that waited, or stand after missed ones, tell no T.
    """
    begins = np.diff(stretch, prepend=stretch[:1]) != 0
    size = 2 * _ALIKE + 3  # intervals: those of the sums of both sides, and the one between
    if len(steps_us) < size:
        return np.cumsum(begins, dtype=np.int64)
    sums_us = np.lib.stride_tricks.sliding_window_view(steps_us[1:] + steps_us[:-1], _ALIKE)
    least_us, most_us = sums_us.min(axis=1), sums_us.max(axis=1)
    before, behind = slice(0, len(steps_us) - size + 1), slice(_ALIKE + 2, None)
    at = np.arange(_ALIKE + 1, len(steps_us) - _ALIKE - 1)
    middle_us = (least_us + most_us) // 2
    change_us = np.abs(middle_us[behind] - middle_us[before])
    unlike_us = np.maximum((most_us - least_us)[before], (most_us - least_us)[behind])
    clear_us = np.maximum(unlike_us, 2 * documented_us[at]) * _CLEARLY
    part_us = np.minimum(least_us[before], least_us[behind]) // _PART_OF_T
    untold = (rises != 1) | (2 * steps_us <= shortest_us)
    sums = [np.concatenate([[0], np.cumsum(part)]) for part in (untold, begins)]
    first, last = at - _ALIKE - 1, at + _ALIKE + 2
    told = sums[0][last] - sums[0][first] == untold[at]
    # A gap of several triggers may be the first interval of its stretch.
    told &= sums[1][last] - sums[1][first + 1] == (begins[at] & (rises[at] != 1))
    cut = np.zeros(len(steps_us), dtype=np.bool_)
    cut[at[told & (change_us > np.maximum(clear_us, part_us))] + 1] = True
    # One change may be seen at two intervals beside each other.
    cut[1:] &= ~cut[:-1]
    return np.cumsum(begins | cut, dtype=np.int64)


def spread(values: Int64, at: Int64, stretch: Int64, unknown: int = 0) -> Int64:
    """Values at some positions, for all: each is that of the one before, else of the one after it.

    Within a stretch; ``unknown`` where it has none.
    """
    positions = np.arange(len(stretch))
    index = np.searchsorted(at, positions, side="right") - 1
    before = index.clip(0)
    after = (index + 1).clip(0, len(at) - 1)
    mine = (index >= 0) & (stretch[at[before]] == stretch)
    chosen = np.where(mine, before, after)
    known = stretch[at[chosen]] == stretch
    return np.where(known, values[chosen], unknown)


def fit_most(
    steps_us: Int64,
    rises: Int64,
    stretch: Int64,
    period_us: Int64,
    half_width_us: Int64,
    width_us: Int64,
) -> npt.NDArray[np.bool_]:
    """Whether most of the intervals of each one's stretch are T + J or T - J, or 2 T, to a width.

    Those of a few triggers; none of them tells nothing. T + J may be what T - J is by another T: of
    two of one trigger beside each other, most must be 2 T together. Nor are most of those that
    count one trigger of several: no camera misses every second one.
    """
    triggers = (steps_us + period_us // 2) // np.maximum(period_us, 1)
    chosen = np.flatnonzero((period_us > 0) & (triggers <= _MOST_TRIGGERS_TO_FIT))
    rest_us = np.abs(steps_us - triggers * period_us)
    rest_us = np.abs(rest_us - np.where(triggers % 2 == 1, half_width_us, 0))
    good = (rest_us <= width_us) & (triggers >= 1)
    single = (triggers == 1) & (period_us > 0)
    both = np.flatnonzero(single[1:] & single[:-1] & (stretch[1:] == stretch[:-1]))
    sums_us = steps_us[both] + steps_us[both + 1] - 2 * period_us[both]
    size = int(stretch[-1]) + 1 if len(stretch) else 1

    def count(at: Int64, which: npt.NDArray[np.bool_]) -> Int64:
        return np.bincount(stretch[at[which]], minlength=size)

    fits = 2 * count(chosen, good[chosen]) > count(chosen, chosen >= 0)
    fits &= 2 * count(both, np.abs(sums_us) > width_us[both]) <= count(both, both >= 0)
    ones = chosen[rises[chosen] == 1]
    fits &= 2 * count(ones, triggers[ones] > 1) <= count(ones, ones >= 0)
    return np.asarray(fits[stretch])


def leave_turns(
    times_us: Int64, count: Int64, stretch: Int64, period_us: Int64, half_width_us: Int64
) -> npt.NDArray[np.bool_]:
    """Whether each interval is a gap between stretches, where turns are left unfinished in such.

    ``period_us`` and ``half_width_us`` are those of intervals, all else is of one camera's frames.
    A stretch whose intervals alternate tells which counts are relaxed. If the next one differs, and
    as many were counted in between as there was time for, a turn was left unfinished.
    """
    steps_us, rises = np.diff(times_us), np.diff(count)
    single = (np.diff(stretch) == 0) & (rises == 1) & (half_width_us > 0) & (period_us > 0)
    excess = (steps_us - period_us)[single] * _PARTS // half_width_us[single]
    signed = np.clip(excess, -_PARTS, _PARTS) * (1 - 2 * (count[:-1][single] & 1))
    numbers = stretch[:-1][single]
    sums = np.bincount(numbers, weights=signed).astype(np.int64)
    most = np.bincount(numbers) * _PARTS
    told = np.flatnonzero((abs(sums) >= _FEWEST_TELLING * _PARTS) & (4 * abs(sums) >= 3 * most))
    first = np.searchsorted(stretch, told)
    counted = 2 * np.diff(count[first]) * period_us[first[1:]] > np.diff(times_us[first])
    unfinished = counted & (np.diff(np.sign(sums[told])) != 0)
    sums_of = [np.concatenate([[0], np.cumsum(part)]) for part in (unfinished, counted)]
    gap = np.searchsorted(told, stretch[1:])
    begin, end = (gap - _AROUND).clip(0, len(counted)), (gap + _AROUND).clip(0, len(counted))
    left, gaps = (part[end] - part[begin] for part in sums_of)
    return np.asarray((left > 1) & (_RARE * left > gaps) & (np.diff(stretch) != 0))


def shortest_beside(
    times_us: Int64, count: Int64, stretch: Int64, half_width_us: Int64, scatter_us: Int64
) -> Int64:
    """How long (us) the trigger takes at least around each interval, as those beside it show.

    It is as long with the FLC as without it: T - J. Of each side it is the shortest of three
    intervals of one trigger, and the longer one of both sides; 0 where no side has one, or frames
    waited for each other, or J is within the scatter in this interval and those beside it: where
    the FLC is switched, one side alone shows J. ``times_us``, ``count`` and ``stretch`` are those
    of the frames, J and its scatter those of the intervals.
    """
    steps_us, rises = np.diff(times_us), np.diff(count)
    single = (rises == 1) & (np.diff(stretch) == 0)
    nothing = np.full(_BESIDE, -1)
    place = np.concatenate([nothing, np.flatnonzero(single), nothing])
    before = np.cumsum(single) - single
    sides = []
    for first in (before, before + single + _BESIDE):
        shorter_us = np.full(len(steps_us), _NO_US, dtype=np.int64)
        for one in range(_BESIDE):
            beside = place[first + one]
            own = (beside >= 0) & (stretch[beside] == stretch[:-1])
            shorter_us = np.where(own, np.minimum(shorter_us, steps_us[beside]), shorter_us)
        sides.append(shorter_us)
    before_us, after_us = sides
    after_us = np.where(after_us < _NO_US, after_us, before_us)
    before_us = np.where(before_us < _NO_US, before_us, after_us)
    least_us = np.maximum(before_us, after_us)
    # What those after it are shorter by than those before, its frame was late.
    late_us = least_us - after_us
    known = (least_us < _NO_US) & (2 * late_us < least_us)
    shown = np.concatenate([[0], np.cumsum(half_width_us > _SHOWN_SCATTERS * scatter_us)])
    at = np.arange(len(steps_us))
    begin, end = (at - _SHOWN_BESIDE).clip(0), (at + _SHOWN_BESIDE + 1).clip(0, len(steps_us))
    return np.where(known & (shown[end] > shown[begin]), least_us + late_us, 0)
