"""Synchronization: from the raw cubes of a night to a generation of products.

Every frame of every usable cube lands in exactly one product: with its partner in a synchronized
one, without in a solo one. The few whose times cannot be theirs are set aside. Nothing here depends
on the order in which cubes are given.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from vampd.model.cubes import CubeAccount, Generation, RawCube, SetAside, SyncCounts
from vampd.model.nights import CAMERA_STREAMS, Stream, format_clock
from vampd.model.sync.cutting import cut_cubes
from vampd.model.sync.header_mismatches import Mismatch, find_mismatches, tell_mismatches
from vampd.model.sync.labels.flc import CODE_NONE, Labels, combine_labels, is_contradictory
from vampd.model.sync.labels.labeling import Labeled, count_doubts, label_frames
from vampd.model.sync.partners.missing_partners import count_unpaired
from vampd.model.sync.partners.pairing import Pairs
from vampd.model.sync.partners.run_pairs import pair_run
from vampd.model.sync.products import Cut, count_products, name_products
from vampd.model.sync.runs import split_runs
from vampd.model.sync.sequence import (
    CameraSequence,
    chain_cubes,
    is_triggered,
    set_aside_overlaps,
    split_clocks,
)
from vampd.model.sync.settings import SETTLED, settle_cards

Int64 = npt.NDArray[np.int64]
_NAMED_ROWS = 5


@dataclass(frozen=True)
class SyncRules:
    """What the configuration says about synchronization (see its [sync] table)."""

    gap_us: int
    span_us: int
    cut_on: tuple[str, ...]
    largest_offset_us: int


def synchronize(
    cubes: Sequence[RawCube],
    set_aside: Sequence[SetAside],
    rules: SyncRules,
    *,
    number: int,
    version: str,
    taken_names: Iterable[str] = (),
) -> Generation:
    """Decide, for all these cubes at once, which product each frame belongs to.

    ``taken_names`` are the names of products of earlier generations.
    """
    usable: list[RawCube] = []
    aside = list(set_aside)
    for stream in CAMERA_STREAMS:
        kept, overlapping = set_aside_overlaps([c for c in cubes if c.stream is stream])
        usable += kept
        aside += overlapping
    first, second = (
        chain_cubes(
            stream,
            [c for c in usable if c.stream is stream],
            [keyword for keyword in rules.cut_on if keyword not in SETTLED],
        )
        for stream in CAMERA_STREAMS
    )
    found = _Decisions()
    clocks = split_clocks(first, second)
    for clock, cameras in enumerate(clocks):
        found.add(cameras, clock, rules)
    found.remarks += [*tell_mismatches(found.mismatches), *_step_remarks(clocks)]
    alone = {
        stream: np.sort(np.concatenate([np.empty(0, np.int64), *times]))
        for stream, times in found.alone_us.items()
    }
    loose = [_without_times(cube) for cube in usable if not cube.good.all()]
    products = name_products(found.cuts, set(taken_names))
    accounts = _accounts(usable, aside)
    aside = sorted([*aside, *loose], key=lambda cube: cube.path)
    return Generation(
        number=number,
        version=version,
        cubes=tuple(sorted(accounts, key=lambda account: account.fits.path)),
        products=tuple(products),
        set_aside=tuple(aside),
        counts=SyncCounts(
            raw=sum(account.frames for account in accounts),
            unpaired=count_unpaired(alone, usable, aside),
            set_aside=sum(bad.frames for bad in aside),
            **count_products(products),
        ),
        dubious=dict(sorted(found.dubious.items())),
        remarks=tuple(found.remarks),
    )


@dataclass
class _Decisions:
    """What is decided so far; ``alone_us`` holds the times of the frames without a partner."""

    cuts: list[Cut] = field(default_factory=list)
    dubious: Counter[str] = field(default_factory=Counter)
    remarks: list[str] = field(default_factory=list)
    mismatches: list[Mismatch] = field(default_factory=list)
    alone_us: dict[Stream, list[Int64]] = field(
        default_factory=lambda: {stream: [] for stream in CAMERA_STREAMS}
    )

    def add(
        self, cameras: tuple[CameraSequence, CameraSequence], clock: int, rules: SyncRules
    ) -> None:
        """Decide about frames between two steps of the clock."""
        cuts: list[Cut] = []
        for sequence in cameras:
            cuts += _cut_free_cubes(sequence)
        one, two = (each.triggered() for each in cameras)
        one, two = settle_cards(one, two, rules.cut_on)
        for run in split_runs(one, two, rules.gap_us):
            cuts += self._decide_run(run, rules)
        self.cuts += [replace(cut, clock=clock) for cut in cuts]

    def _decide_run(
        self, run: tuple[CameraSequence, CameraSequence], rules: SyncRules
    ) -> list[Cut]:
        one, two = run
        pairs = pair_run(one, two, rules.largest_offset_us)
        if pairs.doubt:
            clock = format_clock(int(min(s.acquired_us[0] for s in run if len(s))), 0)
            self.remarks.append(f"frames not paired in the run from {clock} UT: {pairs.doubt}")
        labeled = label_frames(one), label_frames(two)
        cuts, doubts = _cut_run(run, labeled, pairs, rules)
        self.dubious += doubts
        self.remarks += [remark for side in labeled for remark in side.remarks]
        left, right = one.take(pairs.first), two.take(pairs.second)
        self.mismatches += find_mismatches(left, right, rules.cut_on)
        # Also where the other camera has none at all: a trigger is for both.
        for sequence, paired in ((one, pairs.first), (two, pairs.second)):
            self.alone_us[sequence.stream].append(np.delete(sequence.acquired_us, paired))
        return cuts


def _step_remarks(
    clocks: Sequence[tuple[CameraSequence, CameraSequence]],
) -> Iterator[str]:
    """One sentence for each step back of the host's clock."""
    ends_us = [
        (
            min(int(side.acquired_us[0]) for side in cameras if len(side)),
            max(int(side.acquired_us[-1]) for side in cameras if len(side)),
        )
        for cameras in clocks
        if any(map(len, cameras))
    ]
    for (_, last_us), (first_us, _) in pairwise(ends_us):
        yield (
            f"the host's clock was set back: frames of {format_clock(first_us, 6)} UT were taken"
            f" after those of {format_clock(last_us, 6)} UT"
        )


def _without_times(cube: RawCube) -> SetAside:
    """The frames of a cube whose rows hold no time of theirs."""
    rows = np.flatnonzero(~cube.good)
    named = ", ".join(map(str, rows[:_NAMED_ROWS].tolist()))
    more = ", ..." if len(rows) > _NAMED_ROWS else ""
    reason = (
        f"{len(rows)} of its {cube.frames} frames have no acquisition time that can be theirs"
        f" (column 5 of rows {named}{more}); the others are in products"
    )
    return SetAside(cube.fits, cube.timing_file, len(rows), "acquisition_time_absurd", reason)


def _accounts(cubes: Iterable[RawCube], aside: Iterable[SetAside]) -> list[CubeAccount]:
    used = [CubeAccount(cube.fits, cube.timing_file, cube.frames) for cube in cubes]
    return used + [CubeAccount(bad.fits, bad.timing_file, bad.frames) for bad in aside]


def _cut_run(
    cameras: tuple[CameraSequence, CameraSequence],
    labeled: tuple[Labeled, Labeled],
    pairs: Pairs,
    rules: SyncRules,
) -> tuple[list[Cut], Counter[str]]:
    """The cuts of a run, and how many of its frames are dubious for which reason."""
    one, two = cameras
    first, second = labeled
    # Both frames of a pair have one state; where the cameras are certain of different ones, none.
    contradictory = is_contradictory(first.labels[pairs.first], second.labels[pairs.second])
    pairs = pairs.without(contradictory)
    left, right = one.take(pairs.first), two.take(pairs.second)
    # One trigger has one setting.
    right = replace(right, setting=left.setting)
    common_us = (left.acquired_us + right.acquired_us) // 2
    labels = combine_labels(first.labels[pairs.first], second.labels[pairs.second])
    doubts = count_doubts(labels, first.doubts[pairs.first], second.doubts[pairs.second])
    doubts += doubts  # a pair is a frame of each camera
    cuts = [
        Cut(
            common_us[part],
            (left.take(part), right.take(part)),
            labels[part],
            int(np.median(pairs.offsets_us[part])),
            pairs.tolerance_us,
        )
        for part in cut_cubes(
            common_us,
            left.exposure_us,
            (left.header, right.header, left.setting),
            gap_us=rules.gap_us,
            span_us=rules.span_us,
        )
    ]
    for sequence, own, paired in ((one, first, pairs.first), (two, second, pairs.second)):
        alone = np.setdiff1d(np.arange(len(sequence)), paired)
        doubts += count_doubts(own.labels[alone], own.doubts[alone])
        cuts += _cut_solo(sequence.take(alone), own.labels[alone])
    return cuts, doubts


def _cut_solo(frames: CameraSequence, labels: Labels) -> Iterator[Cut]:
    """One cut per header and UT day, however scattered the frames are: each cube costs an ID."""
    _, alike = np.unique(np.stack([frames.header, frames.setting]), axis=1, return_inverse=True)
    alike = alike.reshape(-1)
    for header in np.unique(alike):
        same = np.flatnonzero(alike == header)
        part = frames.take(same)
        no_gap_us = int(np.iinfo(np.int64).max)
        for piece in cut_cubes(
            part.acquired_us, part.exposure_us, (), gap_us=no_gap_us, span_us=None
        ):
            yield Cut(part.acquired_us[piece], (part.take(piece),), labels[same][piece])


def _cut_free_cubes(frames: CameraSequence) -> Iterator[Cut]:
    """The cuts of the cubes that no trigger took, each for itself."""
    for number, cube in enumerate(frames.cubes):
        if not is_triggered(cube):
            own = frames.take(np.flatnonzero(frames.cube == number))
            yield from _cut_solo(own, np.full(len(own), CODE_NONE, dtype=np.uint8))
