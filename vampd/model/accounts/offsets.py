"""The offset between the cameras around each pair of a run, and how pairs lie about it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vampd.model.accounts.frame_fates import NightFrames
from vampd.model.accounts.night_runs import in_order_of_taking
from vampd.model.trigger import running_median

Int64 = npt.NDArray[np.int64]
# The offset is constant in runs of fewer pairs, and where its running median ranges over no
# more than this many times the jitter: of a steady offset it ranges over one to two.
_PAIRS_TO_FOLLOW = 100
_CLEAR_WANDER = 3.0


@dataclass(frozen=True, eq=False)
class PairOffsets:
    """Camera 2 minus camera 1 of each pair, in time order, and the offset around each of them."""

    differences_us: Int64
    offsets_us: Int64

    @property
    def residuals_us(self) -> Int64:
        """How far each pair is from the offset around it."""
        return np.asarray(self.differences_us - self.offsets_us)

    @property
    def typical_us(self) -> int | None:
        """The median, None without pairs."""
        return round(float(np.median(self.differences_us))) if len(self.differences_us) else None

    @property
    def range_us(self) -> tuple[int, int] | None:
        """The range over which the offset wanders, None without pairs."""
        if not len(self.offsets_us):
            return None
        return int(self.offsets_us.min()), int(self.offsets_us.max())


def pair_offsets(frames: NightFrames, positions: Int64) -> PairOffsets:
    """The offsets of the pairs among these frames of one run."""
    first = in_order_of_taking(frames, positions, 1)
    differences_us = frames.difference_us[first[frames.synchronized[first]]]
    typical_us = round(float(np.median(differences_us))) if len(differences_us) else 0
    if len(differences_us) >= _PAIRS_TO_FOLLOW:
        followed_us = running_median(differences_us, np.zeros_like(differences_us))
        jitter_us = max(1.0, float(np.std(differences_us - followed_us)))
        if np.ptp(followed_us) > _CLEAR_WANDER * jitter_us:
            return PairOffsets(differences_us, followed_us)
    return PairOffsets(differences_us, np.full_like(differences_us, typical_us))
