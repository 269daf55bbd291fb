"""Stamps: which acquisition times of a cube are times of its frames, by its own two clocks.

Column 5 (acquisition, the framegrabber's) is held against column 4 (logging, the host's), which is
some hundred us later, or 37 s more where newer loggers write TAI. One bad row costs its frame.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from vampd.errors import MalformedCube
from vampd.model.cubes.timing import Int64, Timing

Booleans = npt.NDArray[np.bool_]

TAI_US = 37_000_000  # TAI - UTC since 2017
EARLIEST_LAG_US = -5_000  # nothing is logged before it is taken; one host's clock stamps both
LATEST_LAG_US = 2_000_000  # of a logger that waits for its disk
# A logger may be late by what its ring of frames holds, and is never early.
_LATEST_LEAP_US = 5_000_000
_EARLIEST_LEAP_US = -50_000  # a stamp may be late by some ms, though its frame was logged in time
_FEW_BAD = 0.1  # of a cube's rows; where more are bad, which ones are good is no longer known
_MOST_STEPS = 16  # of a clock within one cube; one that goes back more often tells no time
_SAME_STEP_US = 20_000  # the loggers' delays, between which one step of the clock shows in both


def lags_us(timing: Timing) -> Int64:
    """By how much each frame was logged after its acquisition time."""
    return np.asarray(timing.logged_ns // 1_000 - timing.acquired_us, dtype=np.int64)


def beyond_tai_us(lag_us: Int64) -> Int64:
    """The lags without TAI's 37 s, where these bring them nearer to nothing."""
    shorter = lag_us - TAI_US
    return np.where(np.abs(shorter) < np.abs(lag_us), shorter, lag_us)


def usual_lag_us(timing: Timing) -> int | None:
    """The lag of the cube where its logger was quick; None if no acquisition time is present.

    The tenth percentile of the lags that a logger may have; of all, where none of them is such.
    """
    return _usual_us(lags_us(timing), timing.acquired_us)


def _usual_us(lags: Int64, acquired_us: Int64) -> int | None:
    present = acquired_us > 0
    if not present.any():
        return None
    lags = lags[present]
    possible = beyond_tai_us(lags)
    fine = np.sort(lags[(possible >= EARLIEST_LAG_US) & (possible <= LATEST_LAG_US)])
    return int(fine[len(fine) // 10]) if len(fine) else int(np.sort(lags)[len(lags) // 2])


def find_good_rows(timing: Timing) -> Booleans:
    """For each row, whether its acquisition time can be its frame's.

    It is present, not after its logging and not seconds before it, beyond the cube's usual
    lag; and it is later than the row before, unless the host's clock was set back there: then both
    columns go back alike.
    """
    acquired_us, lags = timing.acquired_us, lags_us(timing)
    usual_us = _usual_us(lags, acquired_us)
    if usual_us is None:
        return np.zeros(len(timing), dtype=np.bool_)
    leaps_us = lags - usual_us
    good: Booleans = acquired_us > 0
    good &= (leaps_us >= _EARLIEST_LEAP_US) & (leaps_us <= _LATEST_LEAP_US)
    while _are_few_bad(good):
        rows = np.flatnonzero(good)
        back = np.diff(acquired_us[rows]) <= 0
        if not back.any():
            break
        bad = np.flatnonzero(back & ~_is_clock_step(timing, rows))
        if not len(bad):
            break
        # Of two rows in the wrong order, the one whose clocks differ more.
        before, after = rows[bad], rows[bad + 1]
        is_before = np.abs(leaps_us[before]) > np.abs(leaps_us[after])
        good[np.where(is_before, before, after)] = False
    return good


def check_stamps(timing: Timing) -> None:
    """Refuse a cube of which more than single rows have no acquisition time of their frames.

    Raises MalformedCube ``acquisition_time_absurd``, or ``timing_backwards`` where times are only
    in the wrong order.
    """
    good = find_good_rows(timing)
    if _are_few_bad(good):
        return
    absent = int(np.count_nonzero(timing.acquired_us == 0))
    if absent:
        raise MalformedCube(
            "acquisition_time_absurd",
            f"{absent} of {len(timing)} rows have no acquisition time (column 5 is 0.0)",
        )
    raise MalformedCube(
        "timing_backwards",
        f"acquisition times (column 5) go backwards, or leap from the logging times (column 4), in"
        f" {np.count_nonzero(~good)} of {len(timing)} rows",
    )


def _are_few_bad(good: Booleans) -> bool:
    bad = int(np.count_nonzero(~good))
    return bad < len(good) and bad <= max(1, int(_FEW_BAD * len(good)))


def find_clock_steps(timing: Timing, rows: Int64) -> Int64:
    """The positions in ``rows``, which are good ones, of the frames before which time goes back."""
    return (np.flatnonzero(np.diff(timing.acquired_us[rows]) <= 0) + 1).astype(np.int64)


def _is_clock_step(timing: Timing, rows: Int64) -> Booleans:
    """Per step between these rows, whether both clocks go back by the same."""
    acquired = np.diff(timing.acquired_us[rows])
    logged = np.diff(timing.logged_ns[rows]) // 1_000
    counted = np.diff(timing.cnt0[rows]) > 0
    alike = np.abs(logged - acquired) <= _SAME_STEP_US
    back = (acquired < 0) & (logged < 0) & alike & counted
    return np.asarray(back & (np.count_nonzero(back) <= _MOST_STEPS))
