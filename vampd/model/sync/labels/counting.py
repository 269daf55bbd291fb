"""Counting triggers: how many lie between one frame of a camera and its next.

Time determines it if a step is a multiple of the mean interval T. The framegrabber's counter (cnt0)
rises by one for each frame that the camera gave; a trigger gives one frame at most, so that the
counter never rises by more than the triggers, and by less only if the camera itself missed some.

So the counter rules out a number that is too small (a clock was set back), and confirms others
where time alone is unclear: if a camera's times imply K triggers between two frames, and the
counter rises by exactly K, then the camera missed none of them, and each frame in between is where
the counter says, however late its own time-stamp is; likewise over a gap that is too long to be
counted by a slightly inexact mean interval. A counter that rises by less than the time implies
gives no number.

Nothing guarantees that a counter is one: it may be stuck, restart, or be nonsense in one file of
many. It is believed only where it agrees with the time on steps nearby, and contradicts none.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vampd.model.sync.labels.modulation import allowance_us

Int64 = npt.NDArray[np.int64]
Booleans = npt.NDArray[np.bool_]

_LARGEST_STEP = 64  # more triggers than this cannot be counted reliably from the mean interval
_STEPS_TO_MEASURE = 16  # fewer steps do not show their own scatter
_MEDIAN_TO_WIDTH = 3.4  # of the differences of two uniform lags, which are triangular
_NEARBY = 64  # steps on either side
_FEWEST_AGREEING = 3  # of them
_INTERVAL_ERROR_US = 0.5  # of the mean interval, whatever the number of frames
_CLEAR_PART_OF_INTERVAL = 0.25  # by which a long gap may be off
_LONGEST_UNCLEAR = 4  # consecutive steps between two frames that the counter may resolve


@dataclass(frozen=True, eq=False)
class Steps:
    """The steps from each frame to the next; all arrays of shape (frames - 1,).

    ``triggers`` follows from the time, ``residuals_us`` is what the step exceeds as many mean
    intervals by, ``misfit_us`` how far that is from what the modulation predicts; ``linked`` says
    whether the number is certain by the time alone. ``scatter_us`` is the arrivals' own.
    """

    triggers: Int64
    residuals_us: npt.NDArray[np.float64]
    misfit_us: npt.NDArray[np.float64]
    linked: Booleans
    scatter_us: float


def count_by_time(
    acquired_us: Int64, interval_us: float, jitter_us: float, scatter_us: float
) -> Steps:
    """The steps between frames according to their times; ``scatter_us`` is the documented one."""
    steps = np.diff(acquired_us)
    triggers = np.rint(steps / interval_us).astype(np.int64)
    residuals_us = steps - triggers * interval_us
    misfit_us = _misfit_us(triggers, residuals_us, jitter_us)
    singles = misfit_us[triggers == 1]
    if len(singles) >= _STEPS_TO_MEASURE:
        scatter_us = max(scatter_us, _MEDIAN_TO_WIDTH * float(np.median(singles)))
    fits = misfit_us <= allowance_us(scatter_us)
    linked = (triggers >= 1) & (triggers <= _LARGEST_STEP) & fits
    return Steps(triggers, residuals_us, misfit_us, linked, scatter_us)


def forbid_by_counter(steps: Steps, cnt0: Int64) -> Booleans:
    """``steps.linked`` without the steps for which a counter that is one rose by too much."""
    rises = np.diff(cnt0)
    too_many = rises > steps.triggers
    return np.asarray(steps.linked & ~(too_many & _is_believed(steps, rises)))


def count_by_counter(
    acquired_us: Int64,
    cnt0: Int64,
    steps: Steps,
    *,
    interval_us: float,
    jitter_us: float,
) -> tuple[Int64, Booleans]:
    """The triggers of each step and whether their number is certain, by time and counter together.

    Only adds to what the time alone determines.
    """
    rises = np.diff(cnt0)
    believed = _is_believed(steps, rises)
    linked = forbid_by_counter(steps, cnt0)
    triggers = steps.triggers.copy()
    error_us = _INTERVAL_ERROR_US + steps.scatter_us / max(1, len(cnt0) - 2) ** 0.5
    slack_us = allowance_us(steps.scatter_us) + error_us * triggers
    linked |= (
        believed
        & (rises == triggers)
        & (triggers > _LARGEST_STEP)
        & (steps.misfit_us <= slack_us)
        & (slack_us <= _CLEAR_PART_OF_INTERVAL * interval_us)
    )
    first, last = _unclear(linked)
    span = np.rint((acquired_us[last + 1] - acquired_us[first]) / interval_us).astype(np.int64)
    residuals_us = acquired_us[last + 1] - acquired_us[first] - span * interval_us
    counted = np.concatenate([[0], np.cumsum(rises < 1)])
    confirmed = (
        (_misfit_us(span, residuals_us, jitter_us) <= allowance_us(steps.scatter_us))
        & (cnt0[last + 1] - cnt0[first] == span)
        & (span <= _LARGEST_STEP)
        & (counted[last + 1] == counted[first])
        & believed[first]
        & believed[last]
    )
    for begin, end in zip(first[confirmed].tolist(), last[confirmed].tolist(), strict=True):
        triggers[begin : end + 1] = rises[begin : end + 1]
        linked[begin : end + 1] = True
    return triggers, linked


def _misfit_us(
    triggers: Int64, residuals_us: npt.NDArray[np.float64], jitter_us: float
) -> npt.NDArray[np.float64]:
    odd = triggers % 2 == 1
    return np.where(odd, np.abs(np.abs(residuals_us) - jitter_us), np.abs(residuals_us))


def _is_believed(steps: Steps, rises: Int64) -> Booleans:
    """For each step, whether the counter agrees with the other steps nearby."""
    agreeing = steps.linked & (rises == steps.triggers)
    contradicting = steps.linked & ((rises < 1) | (rises > steps.triggers))
    return np.asarray(
        (_others_nearby(agreeing) >= _FEWEST_AGREEING) & (_others_nearby(contradicting) == 0)
    )


def _others_nearby(steps: Booleans) -> Int64:
    sums = np.concatenate([[0], np.cumsum(steps)])
    position = np.arange(len(steps))
    begin = np.maximum(position - _NEARBY, 0)
    end = np.minimum(position + _NEARBY + 1, len(steps))
    return np.asarray(sums[end] - sums[begin] - steps)


def _unclear(linked: Booleans) -> tuple[Int64, Int64]:
    """First and last step of each short stretch of several that are unclear."""
    edges = np.flatnonzero(np.diff(np.concatenate([[True], linked, [True]]).astype(np.int8)))
    first, last = edges[::2].astype(np.int64), edges[1::2].astype(np.int64) - 1
    several = (last > first) & (last - first < _LONGEST_UNCLEAR)
    return first[several], last[several]
