"""Alternation: which of a run's frames were taken while the FLC switched, and which while it stood.

Around a switch nothing may tell the state of a frame, and still the model has a likeliest one.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from vampd.model.trigger import NONE, UNKNOWN

Int64 = npt.NDArray[np.int64]
Booleans = npt.NDArray[np.bool_]


def find_alternating(
    states: tuple[Int64, Int64], likeliest: tuple[Booleans, Booleans], times_us: tuple[Int64, Int64]
) -> tuple[Booleans, Booleans]:
    """Whether the FLC switched at each frame of both cameras.

    By ``states`` where they are known. Between a frame that alternates and one that does not, all
    others are before or after one switch, as most of them ``likeliest`` are. If no two frames
    differ, there is none.
    """
    size = len(times_us[0])
    order = np.argsort(np.concatenate(times_us), kind="stable")
    known = np.concatenate(states)[order]
    guessed = np.concatenate(likeliest)[order].astype(np.int64)
    sure = np.flatnonzero(known != UNKNOWN)
    value = np.zeros(len(order), dtype=np.bool_)
    if len(sure):
        shown = known[sure] != NONE
        value = shown[np.searchsorted(sure, np.arange(len(order)), side="right").clip(1) - 1]
        for before in np.flatnonzero(np.diff(shown)).tolist():
            between = slice(int(sure[before]) + 1, int(sure[before + 1]))
            # How many more are as the frame before than as the one after, up to each place.
            turns = np.where(shown[before], 2 * guessed[between] - 1, 1 - 2 * guessed[between])
            last = int(np.argmax(np.concatenate([[0], np.cumsum(turns)])))
            value[between.start + last : between.stop] = shown[before + 1]
    result = np.empty_like(value)
    result[order] = value
    return result[:size], result[size:]
