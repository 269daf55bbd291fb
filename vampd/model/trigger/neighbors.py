"""Neighbors: the references that the hidden shift and offset are counted from."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from vampd.model.trigger.arrivals import Arrivals, Counted
from vampd.model.trigger.stretches import stretches_of
from vampd.model.trigger.tempo import running_median, spread
from vampd.model.trigger.weights import CLASSES, SHIFTS

Int64 = npt.NDArray[np.int64]

UNKNOWN_US = 10**12  # an offset that no pair tells
NEAR_US = 20_000
_REFERENCE_WINDOW = 65
_OFFSET_WINDOW = 151  # longer: an offset wanders, and does not follow a reference that is off


@dataclass(frozen=True)
class Neighbors:
    """For each frame of camera 1 what the frames of camera 2 near in time suggest.

    ``reference`` is the count of camera 2 minus its own, ``offsets_us`` (frames, CLASSES) what
    camera 2 is later by if that is the nearest frame's trigger or one before or after it;
    ``width_us`` is the scatter of these.
    """

    reference: Int64
    offsets_us: Int64
    width_us: Int64


def find_neighbors(one: Counted, two: Counted, arrivals: Arrivals, period_us: Int64) -> Neighbors:
    """The reference for the hidden shift: medians of many frames, since single stamps are late.

    ``period_us`` is T at each frame of camera 1, 0 where it is not known.
    """
    frames = len(one.times_us)
    unknown = np.full((frames, CLASSES), UNKNOWN_US, dtype=np.int64)
    if not frames or not len(two.times_us):
        return Neighbors(np.zeros(frames, dtype=np.int64), unknown, arrivals.scatter_us)
    nearest = _nearest(two.times_us, one.times_us)
    # Each other's nearest: a frame whose trigger the other camera missed has none.
    mutual = _nearest(one.times_us, two.times_us)[nearest] == np.arange(frames)
    shift = two.count[nearest] - one.count
    apart_us = np.abs(two.times_us[nearest] - one.times_us)
    near = np.flatnonzero(mutual & (apart_us <= NEAR_US))
    if not len(near):
        return Neighbors(shift, unknown, arrivals.scatter_us)
    stretch = stretches_of(one.times_us, arrivals.exposure_us)
    trend = _trend(shift[near], stretch[near])
    smooth = running_median(shift[near] - trend, stretch[near], _REFERENCE_WINDOW) + trend
    index = np.searchsorted(near, np.arange(frames), side="right") - 1
    difference_us = two.times_us[nearest[near]] - one.times_us[near]
    around_us = running_median(difference_us, stretch[near], _OFFSET_WINDOW)
    unlike_us = np.abs(difference_us - around_us)
    # A frame whose trigger the other camera missed has a neighbor of another trigger.
    same = (3 * unlike_us < period_us[near]) | (period_us[near] == 0)
    alike = near[same]
    scatter_us = running_median(unlike_us[same], stretch[alike], _OFFSET_WINDOW)
    middle_us = spread(around_us, near, stretch, UNKNOWN_US)
    turns = np.arange(CLASSES) - CLASSES // 2
    known = (middle_us != UNKNOWN_US)[:, None] & ((period_us > 0)[:, None] | (turns == 0))
    offsets_us = np.where(known, middle_us[:, None] + turns * period_us[:, None], UNKNOWN_US)
    width_us = arrivals.scatter_us
    if len(alike):
        width_us = np.maximum(5 * spread(scatter_us, alike, stretch) // 2, width_us)
    return Neighbors(smooth[index.clip(0)], offsets_us, width_us)


def _nearest(times_us: Int64, wanted_us: Int64) -> Int64:
    after = np.searchsorted(times_us, wanted_us).clip(0, len(times_us) - 1)
    before = (after - 1).clip(0)
    nearer = np.abs(times_us[before] - wanted_us) < np.abs(times_us[after] - wanted_us)
    return np.where(nearer, before, after)


def _trend(shift: Int64, stretch: Int64) -> Int64:
    """How the shift grows within each stretch, where a camera keeps one of several triggers."""
    trend = np.zeros_like(shift)
    edges = [0, *(np.flatnonzero(np.diff(stretch)) + 1).tolist(), len(shift)]
    for begin, end in pairwise(edges):
        part = shift[begin:end]
        if len(part) > 2 * _REFERENCE_WINDOW:
            grown = np.sort(part[_REFERENCE_WINDOW:] - part[:-_REFERENCE_WINDOW])
            slope = int(grown[len(grown) // 2])
            if abs(slope) > SHIFTS:
                trend[begin:end] = slope * np.arange(len(part)) // _REFERENCE_WINDOW
    return trend


def of_second(one: Counted, two: Counted, values: Int64) -> Int64:
    """Values of camera 1's frames for camera 2's: those of the last frame before."""
    if not len(one.times_us):
        return np.full((len(two.times_us), *values.shape[1:]), UNKNOWN_US, dtype=np.int64)
    last = np.searchsorted(one.times_us, two.times_us, side="right") - 1
    return np.asarray(values[last.clip(0)])
