"""The pairs of one run: which of its frames were taken together by both cameras."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from vampd.model.sync.partners.pairing import Pairs, pair_frames, rows_tolerance_us
from vampd.model.sync.sequence import CameraSequence, exposure_us, window_rows

# An offset of more than is usual is believed where so many pairs follow each other without a pause
# of either camera, and it is no small part of their interval: single frames show no interval.
_LONG_STRETCH = 25
_LONGEST_STEP_US = 500_000
_SMALL_PART = 0.02


def pair_run(one: CameraSequence, two: CameraSequence, largest_offset_us: int) -> Pairs:
    """Pair a run's frames of camera 1 and camera 2; one of them may have none.

    An offset beyond ``largest_offset_us`` is believed only where a long stretch shows it.
    """
    if not len(one) or not len(two):
        return pair_frames(one.acquired_us, two.acquired_us, 0.0)
    cubes = one.cubes[int(one.cube[0])], two.cubes[int(two.cube[0])]
    rows = min(window_rows(cube) for cube in cubes)
    tolerance_us = max(rows_tolerance_us(rows, cube.cards.string("U_DETMOD")) for cube in cubes)
    shortest_us = min(int(one.exposure_us[0]), int(two.exposure_us[0]))
    pairs = pair_frames(one.acquired_us, two.acquired_us, tolerance_us, shortest_us)
    # Exposures of different length end together only by chance, and then not as precisely; but a
    # camera's header may record a change a cube late.
    unlike = _carded_us(one)[pairs.first] != _carded_us(two)[pairs.second]
    pairs = pairs.without(unlike & ~pairs.is_close(one.acquired_us, two.acquired_us))
    refused = _is_unbelievable(pairs, one.acquired_us[pairs.first], largest_offset_us)
    if not refused.any():
        return pairs
    doubts = [pairs.doubt] if pairs.doubt else []
    doubts.append(
        f"{np.count_nonzero(refused)} pairs would have an offset beyond"
        f" {largest_offset_us} us, and no long stretch shows it"
    )
    return pairs.without(refused, doubt="; ".join(doubts))


def _carded_us(frames: CameraSequence) -> npt.NDArray[np.int64]:
    """The exposure times by each frame's own card."""
    return np.array([exposure_us(cube) for cube in frames.cubes], dtype=np.int64)[frames.cube]


def _is_unbelievable(
    pairs: Pairs, times_us: npt.NDArray[np.int64], largest_us: int
) -> npt.NDArray[np.bool_]:
    """Per pair, whether its offset is beyond the largest one, and too few around it agree."""
    beyond = np.abs(pairs.offsets_us) > largest_us
    refused = np.zeros(len(beyond), dtype=np.bool_)
    if not beyond.any():
        return refused
    # Each stamp is late by its own, so that a stretch whose usual offset is about the largest one
    # has pairs on either side of it.
    large = np.abs(pairs.offsets_us) > largest_us // 2
    steps_us = np.diff(times_us)
    cuts = np.flatnonzero((np.diff(large) != 0) | (steps_us > _LONGEST_STEP_US)) + 1
    pieces = [each for each in np.split(np.arange(len(beyond)), cuts) if beyond[each].any()]
    typical_us = [float(np.median(pairs.offsets_us[piece])) for piece in pieces]
    shown_us = np.array(
        [
            offset_us
            for piece, offset_us in zip(pieces, typical_us, strict=True)
            if len(piece) >= _LONG_STRETCH
            and abs(offset_us) >= _SMALL_PART * np.median(np.diff(times_us[piece]))
        ]
    )
    for piece, offset_us in zip(pieces, typical_us, strict=True):
        # A few frames between two losses have the offset that the run shows elsewhere.
        if not (np.abs(shown_us - offset_us) <= largest_us // 2).any():
            refused[piece] = beyond[piece]
    return refused
