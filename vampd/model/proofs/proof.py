"""How a product is proven before it gets its name."""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal

# full: every frame is decoded and compared; sample: some are, of the others the coded bytes are
# compared; none: the file is only hashed. It is read back from the disk in any case.
Verification = Literal["full", "sample", "none"]

# About 6 %. A prime, so that it resonates with no rhythm of the instrument or of the reading.
_SAMPLE_STEP = 17


def frames_to_decode(frames: int, verify: Verification) -> Collection[int]:
    """Which of so many frames are decoded again: a sample has the first, the last and every 17th.

    Always the same ones, so that a product that failed its proof fails it again.
    """
    match verify:
        case "full":
            return range(frames)
        case "sample":
            return frozenset((*range(0, frames, _SAMPLE_STEP), frames - 1))
        case "none":
            return ()
