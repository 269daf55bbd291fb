"""Whether pairing could be off by one frame: what the ends of a run and its gaps show.

Equal intervals look the same shifted by one period. What breaks the symmetry is where both cameras
begin and end: if the first frames would pair under an offset of one period more, and the last ones
as well, while under the offset that was found neither do, then both cameras saw every trigger and
the offset is wrong. A clock that jumps by about a period looks like a frame that the camera missed
and a small step of the offset; then one end of the run fits and the other is one frame off. (A jump
by exactly a period cannot be distinguished from a missed frame.)
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Int64 = npt.NDArray[np.int64]

_NEAR_PART_OF_PERIOD = 0.3
# A step of the offset that could be the neighbor's step with the other sign.
CLEAR_STEP_PART_OF_PERIOD = 0.1


def end_shift(difference_us: float, offset_us: float, period_us: float) -> int | None:
    """How many periods the two cameras' end frames are apart, beyond the offset.

    None if that is not a whole number: one camera began or ended differently.
    """
    if not np.isfinite(period_us) or period_us <= 0:
        return None
    periods = (difference_us - offset_us) / period_us
    nearest = round(periods)
    return nearest if abs(periods - nearest) < _NEAR_PART_OF_PERIOD else None


def gap_positions(times_us: Int64, period_us: float) -> Int64:
    """Positions after a gap of about two periods or more."""
    return (np.flatnonzero(np.diff(times_us) > (2 - _NEAR_PART_OF_PERIOD) * period_us) + 1).astype(
        np.int64
    )


def trusted_segments(
    bounds: list[tuple[int, int]], begin_shift: int | None, final_shift: int | None
) -> list[bool]:
    """Which segments between jumps of the offset may be paired.

    ``bounds`` are (begin, end) positions in the pairs. The first and the last segment are trusted
    if the run's own begin or end fits; if neither is conclusive, the longest one is, unless an
    end of its own speaks against it. A run without jumps is one segment, and trusted.
    """
    if len(bounds) == 1:
        return [True]
    trusted = [False] * len(bounds)
    trusted[0] |= begin_shift == 0
    trusted[-1] |= final_shift == 0
    if not any(trusted):
        longest = max(range(len(bounds)), key=lambda i: bounds[i][1] - bounds[i][0])
        against = (longest == 0 and abs(begin_shift or 0) == 1) or (
            longest == len(bounds) - 1 and abs(final_shift or 0) == 1
        )
        trusted[longest] = not against
    return trusted
