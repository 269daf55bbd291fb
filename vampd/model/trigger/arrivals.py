"""Arrivals: one camera's frames in the order of taking, with what their cards say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from vampd.model.trigger.stretches import begins_of

Int64 = npt.NDArray[np.int64]
Booleans = npt.NDArray[np.bool_]

_MOST_FAULTS = 0.02  # of the steps: a counter with more of them counts nothing
_RESTARTS = 3  # of so many pauses one: by chance it is less behind every second one


@dataclass(frozen=True)
class Arrivals:
    """One camera's frames in the order of taking; arrays of shape (frames,).

    ``acquired_us`` are the stamps and ``cnt0`` the framegrabber's counter. By the cards: ``fitted``
    whether the FLC is in the beam, ``switching`` whether it switches, ``half_width_us`` is J (0
    where there is none), ``scatter_us`` the documented scatter of the arrivals.
    """

    acquired_us: Int64
    cnt0: Int64
    fitted: Booleans
    switching: Booleans
    half_width_us: Int64
    exposure_us: Int64
    scatter_us: Int64

    def __len__(self) -> int:
        return len(self.acquired_us)


@dataclass(frozen=True)
class Counted:
    """Stamps on one clock and counts that rise; arrays of shape (frames,).

    ``times_us`` rise: the steps of the host's clock are taken out. ``count`` rises by one or more;
    ``recounted`` says that the counter began anew before the frame. ``honest`` is whether it counts
    at all; else ``count`` numbers the frames.
    """

    times_us: Int64
    count: Int64
    recounted: Booleans
    honest: bool


def order_of_taking(first_us: Sequence[int], counts: Sequence[tuple[int, int]]) -> list[int]:
    """The order of cubes with these first stamps and first and last counts.

    By time; by the counter where that makes fewer steps back or joins more cubes without a gap,
    because the clock was set back.
    """
    by_time = sorted(range(len(first_us)), key=lambda cube: (first_us[cube], counts[cube]))
    by_count = sorted(range(len(first_us)), key=lambda cube: (counts[cube], first_us[cube]))
    back_in_count = sum(counts[b][0] <= counts[a][1] for a, b in pairwise(by_time))
    back_in_time = sum(first_us[b] < first_us[a] for a, b in pairwise(by_count))
    joined = [
        sum(counts[b][0] == counts[a][1] + 1 for a, b in pairwise(order))
        for order in (by_time, by_count)
    ]
    # Counts that overlap are of no one counter.
    overlapping = sum(counts[b][0] <= counts[a][1] for a, b in pairwise(by_count))
    # A counter that began anew makes one step back in either order, and joins no cubes.
    by_time_is_better = (back_in_count, -joined[0]) <= (back_in_time + overlapping, -joined[1])
    return by_time if by_time_is_better else by_count


def count_frames(arrivals: Arrivals) -> Counted:
    """Put a camera's frames on one clock and on one count."""
    frames = len(arrivals)
    rises = np.diff(arrivals.cnt0)
    steps_us = np.diff(arrivals.acquired_us)
    usual_us = int(np.sort(steps_us)[len(steps_us) // 4]) if len(steps_us) else 0
    back = rises < 1
    # More counts than there was time for; a clock that was set back says nothing.
    least_us = _least_us(steps_us, rises, arrivals.exposure_us[1:])
    hasty = (rises > 1) & (steps_us > 0)
    hasty &= _is_hasty(arrivals.acquired_us, arrivals.cnt0, least_us)
    # A process that restarts takes a while: what counts nothing goes back between any two frames.
    pauses = begins_of(arrivals.acquired_us, arrivals.exposure_us)[1:]
    faults = int((back & ~pauses).sum() + hasty.sum())
    honest = faults <= max(1, _MOST_FAULTS * frames)
    # A third of the pauses, rounded up: a few of them tell little.
    honest &= _RESTARTS * int((back & pauses).sum()) < int(pauses.sum()) + _RESTARTS
    if not honest:
        rises, back = np.ones_like(rises), np.zeros_like(back)
    rises = np.where(back, 1, rises)
    start = int(arrivals.cnt0[0]) if frames and honest else 0
    count = start + np.concatenate([[0], np.cumsum(rises)]).astype(np.int64)
    corrected_us = np.where(steps_us < 0, np.maximum(usual_us, 1) * rises, steps_us)
    first_us = int(arrivals.acquired_us[0]) if frames else 0
    times_us = first_us + np.concatenate([[0], np.cumsum(corrected_us)]).astype(np.int64)
    return Counted(
        times_us[:frames],
        count[:frames],
        np.concatenate([[False], back])[:frames].astype(np.bool_),
        honest,
    )


def _is_hasty(times_us: Int64, count: Int64, least_us: Int64) -> Booleans:
    """Whether each step counts more triggers than there was time for.

    For what waited, there was time since the frame before the one that it waited with.
    """
    at = np.arange(len(least_us))
    waited = 2 * np.diff(times_us) < least_us
    since = np.maximum.accumulate(np.where(waited, 0, at))
    taken_us, counted = (part[1:] - part[since] for part in (times_us, count))
    return np.asarray(5 * taken_us < 4 * counted * least_us)


def settings_change(arrivals: Arrivals) -> Booleans:
    """Whether the cards of exposure, J or readout mode change in each interval."""
    settings = arrivals.exposure_us, arrivals.half_width_us, arrivals.scatter_us
    return np.asarray(np.logical_or.reduce([np.diff(setting) != 0 for setting in settings]))


def _least_us(steps_us: Int64, rises: Int64, exposure_us: Int64) -> Int64:
    """How long a trigger takes at least around each interval: an exposure, if the card is right.

    A card is that of its cube's close. If the nearest intervals of one count are shorter, the
    exposure was.
    """
    single = np.flatnonzero((rises == 1) & (steps_us > 0))
    if not len(single):
        return exposure_us
    after = np.searchsorted(single, np.arange(len(steps_us)), side="right")
    nearest = [single[beside.clip(0, len(single) - 1)] for beside in (after - 1, after)]
    return np.asarray(np.minimum.reduce([exposure_us, *(steps_us[one] for one in nearest)]))
