"""Runs: stretches of both cameras' frames without a pause, with one exposure time."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from vampd.model.sync.cutting import gaps_before
from vampd.model.sync.sequence import CameraSequence

Int64 = npt.NDArray[np.int64]


def number_runs(one: CameraSequence, two: CameraSequence, gap_us: int) -> tuple[Int64, Int64]:
    """For each frame of camera 1 and of camera 2 its run, numbered from 0 in time order.

    A run ends where both cameras were idle for longer than ``gap_us`` or where the exposure time
    changes.
    """
    acquired_us = np.concatenate([one.acquired_us, two.acquired_us])
    exposure_us = np.concatenate([one.exposure_us, two.exposure_us])
    side = np.repeat([0, 1], [len(one), len(two)])
    order = np.argsort(acquired_us, kind="stable")
    boundaries = gaps_before(acquired_us[order], exposure_us[order], gap_us)
    boundaries |= _exposure_changes(acquired_us[order], exposure_us[order], side[order], gap_us)
    runs = np.empty(len(order), dtype=np.int64)
    runs[order] = np.cumsum(np.concatenate([[False], boundaries])[: len(order)])
    return runs[: len(one)], runs[len(one) :]


def number_alike(columns: Int64) -> tuple[Int64, Int64]:
    """The different columns of a table, in order, and which of them each one is.

    Those beside each other are mostly alike: of these, only the first is sorted.
    """
    begins = np.ones(columns.shape[1], dtype=np.bool_)
    begins[1:] = (np.diff(columns) != 0).any(axis=0)
    different, which = np.unique(columns[:, begins], axis=1, return_inverse=True)
    return different, which.reshape(-1).astype(np.int64)[np.cumsum(begins) - 1]


def _exposure_changes(
    acquired_us: Int64, exposure_us: Int64, side: Int64, gap_us: int
) -> npt.NDArray[np.bool_]:
    """For each frame of both cameras but the first, whether the exposure time changes there.

    Each camera is compared with itself, as one header may record a change later than the other or
    never; following the other camera is no change. A change begins with the trigger: before the
    other camera's frame if that came less than half a frame interval before and its header is late.
    """
    positions = np.arange(len(side))
    begins = np.zeros(len(side), dtype=bool)
    for own in (0, 1):
        mine = np.flatnonzero(side == own)
        others = np.maximum.accumulate(np.where(side == own, -1, positions))
        changed = np.diff(exposure_us[mine]) != 0
        before, here = mine[:-1][changed], mine[1:][changed]
        other = others[here]
        followed = (other >= 0) & (exposure_us[other] == exposure_us[here])
        before, here, other = before[~followed], here[~followed], other[~followed]
        steps_us = np.append(np.diff(acquired_us[mine]), gap_us)
        half_us = np.minimum(steps_us[:-1], steps_us[1:])[changed][~followed] / 2
        together = (other > before) & (acquired_us[here] - acquired_us[other] < half_us)
        # A frame whose own header changes right after it was the last of the old ones.
        theirs = np.append(np.flatnonzero(side != own), len(side))
        following = theirs[np.searchsorted(theirs, other) + 1 - (other < 0)]
        known = np.append(exposure_us, -1)
        together &= known[following] == known[other]
        begins[np.where(together, other, here)] = True
    return begins[1:]
