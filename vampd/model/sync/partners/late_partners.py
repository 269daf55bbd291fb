"""Late partners: late frames that belong to frames which are in products already.

A finished product never changes, so such frames stay apart: each in a product of its own camera.
Whether that is wanted, only a person can say.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence

import numpy as np
import numpy.typing as npt

from vampd.model.cubes import Generation, RawCube
from vampd.model.nights import CAMERA_STREAMS
from vampd.model.sync.duplicate_cubes import GoneSpan
from vampd.model.sync.sequence import (
    CameraSequence,
    chain_cubes,
    is_triggered,
    set_aside_overlaps,
    split_clocks,
)
from vampd.model.sync.states.triggers import Limits, decide_triggers
from vampd.model.trigger import PLAIN, Kernels


def count_late_partners(
    late: Sequence[RawCube],
    used: Sequence[RawCube],
    *,
    limits: Limits,
    kernels: Kernels = PLAIN,
) -> int:
    """How many frames of ``used`` cubes would have a partner among the ``late`` ones.

    Paired with all of both: a used frame that has its partner already keeps it.
    """
    if not used:
        return 0
    cubes = [cube for cube in (*late, *used) if is_triggered(cube)]
    one, two = (
        chain_cubes(stream, set_aside_overlaps([c for c in cubes if c.stream is stream])[0], ())
        for stream in CAMERA_STREAMS
    )
    late_paths = {cube.path for cube in late}
    found = 0
    for left, right in split_clocks(one, two):
        pairs = decide_triggers(left, right, limits, kernels).pairs
        first, second = _are_of(left, late_paths), _are_of(right, late_paths)
        found += int(np.count_nonzero(first[pairs.first] != second[pairs.second]))
    return found


def count_gone_partners(late: Sequence[RawCube], gone: Iterable[GoneSpan]) -> int:
    """How many ``late`` frames are from the time of solo products of the other camera.

    The raw cubes of these are gone, and their times with them: each of the frames may be a partner.
    """
    spans = [span for span in gone if span.is_solo]
    found = 0
    for cube in filter(is_triggered, late):
        times = cube.timing.acquired_us
        within = np.zeros(len(times), dtype=bool)
        for span in spans:
            if span.stream is not cube.stream:
                within |= (span.first_us <= times) & (times <= span.last_us)
        found += int(np.count_nonzero(within))
    return found


def pending_late_partners(
    generations: Iterable[Generation], bound: Container[str]
) -> tuple[Generation, ...]:
    """The generations with late partners of which some product has no frame ID yet.

    ``bound`` holds the identities that have one.
    """
    return tuple(
        generation
        for generation in generations
        if generation.counts.late_partners
        and any(product.identity not in bound for product in generation.products)
    )


def _are_of(frames: CameraSequence, paths: Container[str]) -> npt.NDArray[np.bool_]:
    """For each frame, whether its cube is one of these."""
    return np.array([cube.path in paths for cube in frames.cubes], dtype=bool)[frames.cube]
