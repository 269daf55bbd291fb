"""Stretches: frames between which nothing stood still for long."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Int64 = npt.NDArray[np.int64]

_LONGEST_US = 300_000  # beyond two exposures: the trigger, or the loggers, stood still


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
