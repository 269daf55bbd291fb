"""Parts: a long night is inferred piece by piece, from one long pause to another.

What is known of each frame before any is weighed takes half a kilobyte a frame. Behind a long pause
the trigger may have done anything, so that hardly any evidence is lost there.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from vampd.model.sync.sequence import CameraSequence

_FEWEST_FRAMES = 250_000  # of both cameras in a part
_PAUSE_US = 5_000_000


def split_at_pauses(one: CameraSequence, two: CameraSequence) -> Iterator[tuple[slice, slice]]:
    """The positions of each part's frames in camera 1 and 2, in time order; at least one part."""
    times_us = np.sort(np.concatenate([one.acquired_us, two.acquired_us]))
    begin = (0, 0)
    taken = 0
    for frame in (np.flatnonzero(np.diff(times_us) > _PAUSE_US) + 1).tolist():
        if min(frame - taken, len(times_us) - frame) < _FEWEST_FRAMES:
            continue
        taken = frame
        end = (
            int(np.searchsorted(one.acquired_us, times_us[frame])),
            int(np.searchsorted(two.acquired_us, times_us[frame])),
        )
        yield slice(begin[0], end[0]), slice(begin[1], end[1])
        begin = end
    yield slice(begin[0], len(one)), slice(begin[1], len(two))
