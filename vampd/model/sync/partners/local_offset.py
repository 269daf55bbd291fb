"""How the offset between two cameras wanders within a run: clocks drift, and sometimes jump.

A running median over neighboring pairs follows a drift and keeps the edge of a jump sharp; single
late stamps do not move it.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Int64 = npt.NDArray[np.int64]

_WINDOW = 31  # pairs; odd
_CHUNK = 65536  # windows whose medians are taken at once, to bound the memory


def running_median(values: Int64) -> Int64:
    """The median of each value's neighborhood, same shape; at the ends of what exists.

    The window shrinks to the number of values if that is smaller.
    """
    window = min(_WINDOW, len(values) - 1 + len(values) % 2)
    if window < 3:
        return np.full(len(values), int(np.median(values)) if len(values) else 0, dtype=np.int64)
    half = window // 2
    windows = np.lib.stride_tricks.sliding_window_view(values, window)
    inner = np.concatenate(
        [
            np.partition(windows[start : start + _CHUNK], half, axis=1)[:, half]
            for start in range(0, len(windows), _CHUNK)
        ]
    )
    # The first and last windows serve for the values without a whole window of their own.
    return np.concatenate(
        [np.full(half, inner[0]), inner, np.full(len(values) - len(inner) - half, inner[-1])]
    ).astype(np.int64)


def find_steps(offsets_us: Int64, least_us: float) -> Int64:
    """Positions i where the offset jumps between i - 1 and i by more than ``least_us``."""
    return (np.flatnonzero(np.abs(np.diff(offsets_us)) > least_us) + 1).astype(np.int64)
