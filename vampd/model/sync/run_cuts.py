"""Cuts: the frames of a run, paired and solo, in pieces that become products."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from vampd.model.sync.cutting import cut_cubes
from vampd.model.sync.products import Cut
from vampd.model.sync.runs import number_alike
from vampd.model.sync.sequence import CameraSequence, is_triggered, window_rows
from vampd.model.sync.states.flc_states import CODE_NONE, Labels
from vampd.model.sync.states.pairs import Pairs, measure_offsets
from vampd.model.trigger import Margins, rows_tolerance_us

Int32 = npt.NDArray[np.int32]
Int64 = npt.NDArray[np.int64]
Booleans = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class DecidedRun:
    """A run's frames of each camera, with their pairs and labels, and how sure these are.

    ``alternating`` is whether the FLC switched at each frame.
    """

    cameras: tuple[CameraSequence, CameraSequence]
    pairs: Pairs
    labels: tuple[Labels, Labels]
    margins: Margins
    alternating: tuple[Booleans, Booleans]


def split_at_runs(runs: tuple[Int64, Int64]) -> Iterator[tuple[Int64, Int64]]:
    """The positions of each run's frames of both cameras, in time order."""
    orders = [np.argsort(own, kind="stable").astype(np.int64) for own in runs]
    numbers = np.unique(np.concatenate(runs))
    edges = [
        np.searchsorted(own[order], numbers, side="right")
        for own, order in zip(runs, orders, strict=True)
    ]
    for parts in zip(
        *(np.split(o, e[:-1]) for o, e in zip(orders, edges, strict=True)), strict=True
    ):
        yield parts[0], parts[1]


def within(pairs: Pairs, positions: tuple[Int64, Int64]) -> Pairs:
    """The pairs of a run, as positions among its frames."""
    begin = np.searchsorted(pairs.first, positions[0])
    first = (
        np.flatnonzero(pairs.first[begin.clip(max=max(len(pairs) - 1, 0))] == positions[0])
        if len(pairs)
        else np.empty(0, np.int64)
    )
    second = np.searchsorted(positions[1], pairs.second[begin[first]])
    return Pairs(first.astype(np.int64), second.astype(np.int64))


def cut_run(run: DecidedRun, gap_us: int, span_us: int) -> Iterator[Cut]:
    """The cuts of a run: pairs where a gap, a header or ``span_us`` ends one, and solo frames."""
    (one, two), pairs = run.cameras, run.pairs
    if len(pairs):
        left, right = one.take(pairs.first), two.take(pairs.second)
        # One trigger has one setting, and switched the FLC or did not.
        right = replace(right, setting=left.setting)
        switched = run.alternating[0][pairs.first].astype(np.int64)
        common_us = (left.acquired_us + right.acquired_us) // 2
        labels = run.labels[0][pairs.first]
        of_labels, of_pairs = run.margins.states[0][pairs.first], run.margins.pairs[pairs.first]
        offsets = measure_offsets(right.acquired_us - left.acquired_us, _tolerance_us(one, two))
        for part in cut_cubes(
            common_us,
            left.exposure_us,
            (left.header, right.header, left.setting, switched),
            gap_us=gap_us,
            span_us=span_us,
        ):
            yield Cut(
                common_us[part],
                (left.take(part), right.take(part)),
                labels[part],
                of_labels[part],
                of_pairs[part],
                int(np.median(offsets.offsets_us[part])),
                offsets.tolerance_us,
            )
    for number, sequence, paired in ((0, one, pairs.first), (1, two, pairs.second)):
        alone = np.setdiff1d(np.arange(len(sequence)), paired)
        yield from _cut_solo(
            sequence.take(alone),
            run.labels[number][alone],
            run.margins.states[number][alone],
            run.alternating[number][alone],
        )


def _tolerance_us(one: CameraSequence, two: CameraSequence) -> float:
    """The documented distance of a pair's frames in a run of both cameras."""
    cubes = one.cubes[int(one.cube[0])], two.cubes[int(two.cube[0])]
    rows = min(window_rows(cube) for cube in cubes)
    return max(rows_tolerance_us(rows, cube.cards.string("U_DETMOD")) for cube in cubes)


def _cut_solo(
    frames: CameraSequence, labels: Labels, margins: Int32, alternating: Booleans
) -> Iterator[Cut]:
    """One cut per header and UT day, however scattered the frames are: each cube costs an ID."""
    shared = np.stack([frames.header, frames.setting, alternating.astype(np.int64)])
    _, alike = number_alike(shared)
    for header in np.unique(alike):
        same = np.flatnonzero(alike == header)
        part = frames.take(same)
        no_gap_us = int(np.iinfo(np.int64).max)
        for piece in cut_cubes(
            part.acquired_us, part.exposure_us, (), gap_us=no_gap_us, span_us=None
        ):
            chosen = same[piece]
            yield Cut(part.acquired_us[piece], (part.take(piece),), labels[chosen], margins[chosen])


def cut_free_cubes(frames: CameraSequence) -> Iterator[Cut]:
    """The cuts of the cubes that no trigger took, each for itself."""
    for number, cube in enumerate(frames.cubes):
        if not is_triggered(cube):
            own = frames.take(np.flatnonzero(frames.cube == number))
            none = np.full(len(own), CODE_NONE, dtype=np.uint8)
            stands = np.zeros(len(own), dtype=np.bool_)
            yield from _cut_solo(own, none, np.zeros(len(own), dtype=np.int32), stands)
