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
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from vampd.model.cubes import CubeAccount, Generation, RawCube, SetAside, SyncCounts
from vampd.model.nights import CAMERA_STREAMS, Stream, format_clock
from vampd.model.sync.cameras import arrange_cubes, chain_piece, take_triggered
from vampd.model.sync.cards.header_mismatches import Mismatch, find_mismatches, tell_mismatches
from vampd.model.sync.partners.missing_partners import count_unpaired
from vampd.model.sync.pieces import split_night
from vampd.model.sync.products import (
    Cut,
    Draft,
    count_products,
    draft_products,
    name_products,
)
from vampd.model.sync.run_cuts import DecidedRun, cut_free_cubes, cut_run, split_at_runs, within
from vampd.model.sync.runs import number_runs
from vampd.model.sync.sequence import CameraSequence
from vampd.model.sync.states.alternation import find_alternating
from vampd.model.sync.states.flc_states import count_doubts
from vampd.model.sync.states.pairs import Pairs
from vampd.model.sync.states.triggers import (
    Limits,
    count_neighbors,
    decide_triggers,
    find_doubts,
    half_width_remarks,
)
from vampd.model.trigger import PLAIN, Kernels

Int64 = npt.NDArray[np.int64]
_Value = TypeVar("_Value", bound=np.generic)
_NAMED_ROWS = 5
_PAIRED, _FEW_NEIGHBORS = 4, 10  # a run with one unpaired neighbor to so many pairs is remarked on
_FARTHEST_US = 100_000.0  # of single frames of one trigger: no stamp is as late


@dataclass(frozen=True)
class SyncRules:
    """What the configuration says about synchronization (see its [sync] table)."""

    gap_us: int
    span_us: int
    cut_on: tuple[str, ...]
    limits: Limits


def synchronize(
    cubes: Sequence[RawCube],
    set_aside: Sequence[SetAside],
    rules: SyncRules,
    *,
    number: int,
    version: str,
    taken_names: Iterable[str] = (),
    kernels: Kernels = PLAIN,
) -> Generation:
    """Decide, for all these cubes at once, which product each frame belongs to.

    ``taken_names`` are the names of products of earlier generations; ``kernels`` the loops of the
    model, which give the same numbers whether or not they are compiled.
    """
    arranged = arrange_cubes(cubes)
    usable, aside = arranged.usable, [*set_aside, *arranged.set_aside]
    found = _Decisions()
    steps: list[str] = []
    for piece in split_night(usable, rules.gap_us):
        clocks = chain_piece(piece, rules.cut_on)
        for clock, cameras in enumerate(clocks):
            found.add(cameras, clock, rules, kernels)
        steps += _step_remarks(clocks)
    found.remarks += [*tell_mismatches(found.mismatches), *steps]
    alone = {
        stream: np.sort(np.concatenate([np.empty(0, np.int64), *times]))
        for stream, times in found.alone_us.items()
    }
    loose = [_without_times(cube) for cube in usable if not cube.good.all()]
    products = name_products(found.drafts, set(taken_names))
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

    drafts: list[Draft] = field(default_factory=list)
    dubious: Counter[str] = field(default_factory=Counter)
    remarks: list[str] = field(default_factory=list)
    mismatches: list[Mismatch] = field(default_factory=list)
    alone_us: dict[Stream, list[Int64]] = field(
        default_factory=lambda: {stream: [] for stream in CAMERA_STREAMS}
    )

    def add(
        self,
        cameras: tuple[CameraSequence, CameraSequence],
        clock: int,
        rules: SyncRules,
        kernels: Kernels,
    ) -> None:
        """Decide about frames between two steps of the clock."""
        for sequence in cameras:
            self._draft(cut_free_cubes(sequence), clock)
        one, two = take_triggered(cameras, rules.cut_on)
        decided = decide_triggers(one, two, rules.limits, kernels)
        pairs = decided.pairs
        runs = number_runs(one, two, rules.gap_us)
        # Both frames of a pair are of one run.
        runs[1][pairs.second] = runs[0][pairs.first]
        for positions in split_at_runs(runs):
            left, right = one.take(positions[0]), two.take(positions[1])
            run = DecidedRun(
                (left, right),
                within(pairs, positions),
                _taken(decided.labels, positions),
                decided.inferred.margins.take(*positions),
                find_alternating(
                    _taken(decided.inferred.states, positions),
                    _taken(decided.inferred.alternating, positions),
                    (left.acquired_us, right.acquired_us),
                ),
            )
            self._draft(cut_run(run, rules.gap_us, rules.span_us), clock)
            self._describe_run(run, rules)
        self._remark_far(one, runs[0], decided.far, rules)

    def _draft(self, cuts: Iterable[Cut], clock: int) -> None:
        self.drafts += [draft_products(replace(cut, clock=clock)) for cut in cuts]

    def _describe_run(self, run: DecidedRun, rules: SyncRules) -> None:
        (one, two), pairs = run.cameras, run.pairs
        for sequence, labels in zip(run.cameras, run.labels, strict=True):
            self.dubious += count_doubts(labels, find_doubts(sequence, labels))
            self.remarks += half_width_remarks(sequence, labels)
        left, right = one.take(pairs.first), two.take(pairs.second)
        self.mismatches += find_mismatches(left, right, rules.cut_on)
        # Also where the other camera has none at all: a trigger is for both.
        alone = [
            np.delete(sequence.acquired_us, paired)
            for sequence, paired in ((one, pairs.first), (two, pairs.second))
        ]
        for sequence, times_us in zip(run.cameras, alone, strict=True):
            self.alone_us[sequence.stream].append(times_us)
        self._remark_neighbors(run, alone)

    def _remark_neighbors(self, run: DecidedRun, alone: Sequence[Int64]) -> None:
        steps_us = np.concatenate([np.diff(side.acquired_us) for side in run.cameras])
        usual_us = float(np.median(steps_us)) if len(steps_us) else _FARTHEST_US
        neighbors = count_neighbors(alone[0], alone[1], usual_us)
        # In few frames, some are alone by chance.
        if neighbors <= max(len(run.pairs) // _PAIRED, min(len(run.pairs), _FEW_NEIGHBORS)):
            return
        begin = format_clock(int(min(s.acquired_us[0] for s in run.cameras if len(s))), 0)
        self.remarks.append(
            f"frames not paired in the run from {begin} UT: {neighbors} of each camera have a"
            " neighbor in the other one, and which of its frames is of their trigger is not certain"
        )

    def _remark_far(self, one: CameraSequence, runs: Int64, far: Pairs, rules: SyncRules) -> None:
        for run in np.unique(runs[far.first]).tolist():
            refused = far.first[runs[far.first] == run]
            begin = format_clock(int(one.acquired_us[np.searchsorted(runs, run)]), 0)
            self.remarks.append(
                f"frames not paired in the run from {begin} UT: {len(refused)} pairs would have an"
                f" offset beyond {rules.limits.largest_offset_us} us, and no long stretch shows it"
            )


def _taken(
    sides: tuple[npt.NDArray[_Value], npt.NDArray[_Value]], positions: tuple[Int64, Int64]
) -> tuple[npt.NDArray[_Value], npt.NDArray[_Value]]:
    """What is known of some frames of each camera."""
    return sides[0][positions[0]], sides[1][positions[1]]


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
