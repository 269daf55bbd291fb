"""The pairs of one run: which of its frames were taken together by both cameras."""

from __future__ import annotations

from vampd.model.sync.pairing import Pairs, pair_frames, rows_tolerance_us
from vampd.model.sync.sequence import CameraSequence, window_rows


def pair_run(one: CameraSequence, two: CameraSequence) -> Pairs:
    """Pair a run's frames of camera 1 and camera 2; one of them may have none."""
    if not len(one) or not len(two):
        return pair_frames(one.acquired_us, two.acquired_us, 0.0)
    cubes = one.cubes[int(one.cube[0])], two.cubes[int(two.cube[0])]
    rows = min(window_rows(cube) for cube in cubes)
    tolerance_us = max(rows_tolerance_us(rows, cube.cards.string("U_DETMOD")) for cube in cubes)
    exposure_us = min(int(one.exposure_us[0]), int(two.exposure_us[0]))
    pairs = pair_frames(one.acquired_us, two.acquired_us, tolerance_us, exposure_us)
    # Exposures of different length end together only by chance, and then not as precisely; but a
    # camera's header may record a change a cube late.
    unlike = one.exposure_us[pairs.first] != two.exposure_us[pairs.second]
    return pairs.without(unlike & ~pairs.is_close(one.acquired_us, two.acquired_us))
