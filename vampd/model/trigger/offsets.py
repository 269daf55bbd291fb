"""Offsets: what the classes cost, of which each is an offset between the cameras."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from vampd.model.trigger.neighbors import UNKNOWN_US
from vampd.model.trigger.weights import (
    CLASSES,
    OFFSET_JUMPS_COST,
    OFFSET_LIMIT,
    OTHER_CLASS_COST,
    offset_cost,
)

Int64 = npt.NDArray[np.int64]

_JUMP_WIDTHS = 2  # a median of so many hardly moves from frame to frame


def offset_costs(offsets_us: Int64) -> Int64:
    """What each class costs a stretch (frames, CLASSES) by its offset."""
    unknown = offsets_us == UNKNOWN_US
    costs = np.where(unknown, OFFSET_LIMIT, offset_cost(offsets_us))
    # Without a frame near in time nothing is known of the offset, and nothing is said against it.
    middle = CLASSES // 2
    costs[:, middle] = np.where(unknown[:, middle], 0, costs[:, middle])
    return costs


def cost_of_other_class(offsets_us: Int64, width_us: Int64, piece: Int64) -> Int64:
    """What it costs to take to each class at each frame."""
    middle_us = offsets_us[:, CLASSES // 2]
    jumps = np.zeros(len(middle_us), dtype=np.bool_)
    jumps[1:] = np.abs(np.diff(middle_us)) > _JUMP_WIDTHS * width_us[1:]
    costs = offset_costs(offsets_us)
    # With another exposure, the offset is another one, as small as any: the least one is free. A
    # clock that was set is off by whatever.
    renewed = np.diff(piece, prepend=piece[:1]) != 0
    jumped = OFFSET_JUMPS_COST + renewed[:, None] * (costs - costs.min(axis=1, keepdims=True))
    return np.where(jumps[:, None], jumped, OTHER_CLASS_COST + costs)
