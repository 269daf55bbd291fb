"""What the intervals between one camera's frames show: lost frames, and the FLC's alternation.

With T the mean interval and J half the FLC's modulation, the interval after a frame of state B is
T + J, that after an A is T - J.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vampd.model.accounts.frame_fates import FrameKind, NightFrames
from vampd.model.trigger import Arrivals, Measured, measure_intervals

Int64 = npt.NDArray[np.int64]
Float64 = npt.NDArray[np.float64]
Booleans = npt.NDArray[np.bool_]

# Below, a frame is dubious: of the mean over the intervals around it, in units of J.
LABEL_THRESHOLD = 0.4
_WINDOW = 12  # intervals around a frame
_SLACK_PART = 0.05  # of the interval: how far estimates of it may differ


@dataclass(frozen=True, eq=False)
class Losses:
    """For each interval between a camera's frames, how many frames are missing there, by whom.

    The framegrabber's counter rises by one for each frame that the camera gave, so that a jump in
    it shows what the logger dropped; what only the other camera has, this one missed. ``paused`` is
    where neither has a frame and the counter went on: the trigger stood still, and nothing is lost.
    """

    by_camera: Int64
    by_logger: Int64
    paused: Booleans


def find_losses(
    acquired_us: Int64,
    cnt0: Int64,
    excused: Booleans,
    period_us: float | Float64,
    half_width_us: float | Float64 = 0.0,
    others_us: Int64 | None = None,
) -> Losses:
    """The losses between the frames of one camera and run, in time order.

    ``excused`` are the intervals whose frames are elsewhere (set aside, late): nothing is lost
    there. ``period_us`` and ``half_width_us`` are T and J, of all intervals or of each; J is 0 if
    the FLC does not switch. ``others_us`` are the times of the other camera's frames without a
    partner: what it has and this one has not, the camera lost.
    """
    missing = _count_missing(np.diff(acquired_us), period_us, half_width_us)
    missing[excused] = 0
    counted = np.diff(cnt0) - 1
    by_logger = np.clip(counted, 0, missing)
    between = np.zeros_like(missing)
    if others_us is not None and len(acquired_us):
        between = np.diff(np.searchsorted(others_us, acquired_us))
    by_camera = np.maximum(np.minimum(between, missing) - by_logger, 0)
    # No camera has these frames, and no counter counted them: the trigger stood still.
    paused = (missing > 0) & (by_logger == 0) & (between == 0) & (counted == 0)
    return Losses(by_camera, by_logger, paused)


def _count_missing(
    steps_us: Int64, period_us: float | Float64, half_width_us: float | Float64
) -> Int64:
    """How many triggers had no frame within each interval: as many as explain its length best.

    One more than an odd number of them is a whole number of turns, of 2 T; else J is left over.
    """
    odd = 2 * np.maximum(np.rint((steps_us / period_us - 2) / 2), 0) + 1
    best, distance_us = odd, np.abs(steps_us - (odd + 1) * period_us)
    for left_us in (half_width_us, -half_width_us):
        even = 2 * np.maximum(np.rint(((steps_us - left_us) / period_us - 1) / 2), 0)
        apart_us = np.abs(steps_us - (even + 1) * period_us - left_us)
        best = np.where(apart_us <= distance_us, even, best)
        distance_us = np.minimum(apart_us, distance_us)
    return best.astype(np.int64)


def mean_interval_us(acquired_us: Int64, modulation_us: float) -> float:
    """The mean interval between triggers; infinite for fewer than two frames.

    ``modulation_us`` is J, 0 if the FLC does not switch.
    """
    if len(acquired_us) < 2:
        return float("inf")
    steps = np.diff(acquired_us)
    single_us = _typical_small(steps)
    if len(steps) == 1:
        return single_us
    # Two intervals together are 2 T whichever state comes first, so they show T best, unless frames
    # are missing regularly: then only the small ones among the intervals count.
    double_us = _typical_small(acquired_us[2:] - acquired_us[:-2]) / 2
    expected_us = single_us + modulation_us + _SLACK_PART * double_us
    return double_us if double_us <= expected_us else single_us


def typical_us(values_us: Int64) -> int | None:
    """The median of what is known (above 0), None if nothing is."""
    known_us = values_us[values_us > 0]
    return int(np.median(known_us)) if len(known_us) else None


def measure_run(frames: NightFrames, own: Int64) -> Measured:
    """T and J at each of these frames of one camera, in order of taking."""
    shared = [frames.configurations[number] for number in frames.configuration[own].tolist()]
    size = len(own)
    every = np.ones(size, dtype=np.bool_)
    return measure_intervals(
        Arrivals(
            acquired_us=frames.acquired_us[own],
            cnt0=frames.cnt0[own],
            fitted=every,
            switching=every,
            half_width_us=np.array([round(c.jitter_us or 0) for c in shared], dtype=np.int64),
            exposure_us=np.array([c.exposure_us for c in shared], dtype=np.int64),
            scatter_us=np.array([round(c.scatter_us) for c in shared], dtype=np.int64),
        )
    )


def sum_both(first: Int64, second: Int64) -> tuple[int, int]:
    """How many there are in the intervals of each camera."""
    return int(first.sum()), int(second.sum())


def missing_times(frames: NightFrames) -> dict[int, Int64]:
    """For each camera when frames begin that are in no run: set aside or late."""
    late = frames.where_origin(lambda origin: origin.kind is FrameKind.LATE)
    return {
        camera: np.sort(
            np.concatenate(
                [
                    np.array(
                        [
                            c.time_us
                            for c in frames.counted
                            if c.camera == camera and c.time_us is not None
                        ],
                        np.int64,
                    ),
                    frames.acquired_us[late & (frames.camera == camera)],
                ]
            )
        )
        for camera in (1, 2)
    }


def _typical_small(steps: Int64) -> float:
    small = float(np.percentile(steps, 25, method="lower"))
    return max(1.0, float(np.median(steps[steps <= 1.25 * small])))


def alternation(acquired_us: Int64, jitter_us: float | None) -> Float64:
    """How clearly the intervals around each frame alternate: +1 for B, -1 for A, in units of J.

    The mean over up to twelve intervals without a lost frame between them; NaN for a frame that
    has none. ``jitter_us`` is J; None: taken from the intervals, however unclear they are.
    """
    response = np.full(len(acquired_us), np.nan)
    if len(acquired_us) < 3:
        return response
    steps = np.diff(acquired_us)
    period_us = mean_interval_us(acquired_us, jitter_us or float("inf"))
    residuals = steps - period_us
    single = np.abs(residuals) < period_us / 2
    if jitter_us is None:
        jitter_us = float(np.median(np.abs(residuals[single]))) if single.any() else 0.0
    if jitter_us == 0:
        return response
    count = len(steps)
    sign = np.where(np.arange(count + 1) % 2 == 0, 1.0, -1.0)
    sums = np.concatenate([[0.0], np.cumsum(np.where(single, sign[:-1] * residuals, 0.0))])
    # Each frame's mean reaches as far as its window and the nearest losses on both sides allow.
    breaks = np.flatnonzero(~single)
    frame = np.arange(count + 1)
    before = np.searchsorted(breaks, frame, side="left")
    first = np.maximum(np.concatenate([[0], breaks + 1])[before], frame - _WINDOW // 2)
    last = np.minimum(np.concatenate([breaks, [count]])[before], frame + _WINDOW // 2)
    known = last > first
    response[known] = (sign * (sums[last] - sums[first]))[known] / (last - first)[known]
    return response / jitter_us
