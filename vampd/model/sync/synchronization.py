"""Synchronization: from the raw cubes of a night to a generation of products.

Every frame of every usable cube lands in exactly one product: with its partner in a synchronized
one, without in a solo one. Nothing here depends on the order in which cubes are given.
One module, although long: its steps share the names and the cubes that are used up already.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vampd.model.cubes import (
    CubeAccount,
    Generation,
    Product,
    ProductOrder,
    RawCube,
    SetAside,
    SyncCounts,
)
from vampd.model.nights import CAMERA_STREAMS, Stream, format_clock
from vampd.model.sync.cutting import cut_cubes
from vampd.model.sync.flc import (
    CODE_NONE,
    STATE_OF_CODE,
    Labels,
    combine_labels,
    is_contradictory,
)
from vampd.model.sync.header_mismatches import find_disagreements
from vampd.model.sync.labeling import Labeled, count_doubts, label_frames
from vampd.model.sync.missing_partners import count_unpaired
from vampd.model.sync.pairing import Pairs
from vampd.model.sync.products import count_products, stem_of
from vampd.model.sync.run_pairs import pair_run
from vampd.model.sync.runs import split_runs
from vampd.model.sync.sequence import (
    CameraSequence,
    chain_cubes,
    is_triggered,
    set_aside_overlaps,
)

Int64 = npt.NDArray[np.int64]
_NAME_DECIMALS = 6


@dataclass(frozen=True)
class SyncRules:
    """What the configuration says about synchronization (see its [sync] table)."""

    gap_us: int
    span_us: int
    cut_on: tuple[str, ...]


@dataclass(frozen=True)
class _Cut:
    """One cut of frames, before it is split into products of one camera and state each."""

    acquired_us: Int64
    sides: tuple[CameraSequence, ...]  # one camera, or both, frame by frame
    labels: Labels
    offset_us: int = 0
    tolerance_us: int = 0

    @property
    def synchronized(self) -> bool:
        return len(self.sides) == 2


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
    free = [cube for cube in usable if not is_triggered(cube)]
    first, second = (
        chain_cubes(
            stream, [c for c in usable if c.stream is stream and is_triggered(c)], rules.cut_on
        )
        for stream in CAMERA_STREAMS
    )
    cuts: list[_Cut] = []
    remarks: list[str] = []
    dubious: Counter[str] = Counter()
    alone_us: dict[Stream, list[Int64]] = {stream: [] for stream in CAMERA_STREAMS}
    for one, two in split_runs(first, second, rules.gap_us):
        pairs = pair_run(one, two)
        if pairs.doubt:
            clock = format_clock(int(one.acquired_us[0]), 0)
            remarks.append(f"frames not paired in the run from {clock} UT: {pairs.doubt}")
        labeled = label_frames(one), label_frames(two)
        run_cuts, doubts = _cut_run((one, two), labeled, pairs, rules)
        cuts += run_cuts
        dubious += doubts
        remarks += [remark for side in labeled for remark in side.remarks]
        left, right = one.take(pairs.first), two.take(pairs.second)
        remarks += find_disagreements(left, right, rules.cut_on)
        # Also where the other camera has none at all: a trigger is for both.
        alone_us[first.stream].append(np.delete(one.acquired_us, pairs.first))
        alone_us[second.stream].append(np.delete(two.acquired_us, pairs.second))
    alone = {
        stream: np.sort(np.concatenate([np.empty(0, np.int64), *times]))
        for stream, times in alone_us.items()
    }
    for cube in free:
        cuts += _cut_free_cube(cube, rules)
    products = _name_products(cuts, set(taken_names))
    aside.sort(key=lambda cube: cube.path)
    return Generation(
        number=number,
        version=version,
        cubes=tuple(sorted(_accounts(usable, aside), key=lambda account: account.fits.path)),
        products=tuple(products),
        set_aside=tuple(aside),
        counts=_count_frames(products, usable, aside, count_unpaired(alone, usable, aside)),
        dubious=dict(sorted(dubious.items())),
        remarks=tuple(remarks),
    )


def _accounts(cubes: Iterable[RawCube], aside: Iterable[SetAside]) -> Iterator[CubeAccount]:
    for cube in cubes:
        yield CubeAccount(cube.fits, cube.timing_file, cube.frames)
    for bad in aside:
        yield CubeAccount(bad.fits, bad.timing_file, bad.frames)


def _cut_run(
    cameras: tuple[CameraSequence, CameraSequence],
    labeled: tuple[Labeled, Labeled],
    pairs: Pairs,
    rules: SyncRules,
) -> tuple[list[_Cut], Counter[str]]:
    """The cuts of a run, and how many of its frames are dubious for which reason."""
    one, two = cameras
    first, second = labeled
    # Both frames of a pair have one state; where the cameras are certain of different ones, none.
    contradictory = is_contradictory(first.labels[pairs.first], second.labels[pairs.second])
    pairs = pairs.without(contradictory)
    left, right = one.take(pairs.first), two.take(pairs.second)
    common_us = (left.acquired_us + right.acquired_us) // 2
    labels = combine_labels(first.labels[pairs.first], second.labels[pairs.second])
    doubts = count_doubts(labels, first.doubts[pairs.first], second.doubts[pairs.second])
    doubts += doubts  # a pair is a frame of each camera
    cuts = [
        _Cut(
            common_us[part],
            (left.take(part), right.take(part)),
            labels[part],
            int(np.median(pairs.offsets_us[part])),
            pairs.tolerance_us,
        )
        for part in cut_cubes(
            common_us,
            left.exposure_us,
            (left.header, right.header),
            gap_us=rules.gap_us,
            span_us=rules.span_us,
        )
    ]
    for sequence, own, paired in ((one, first, pairs.first), (two, second, pairs.second)):
        alone = np.setdiff1d(np.arange(len(sequence)), paired)
        doubts += count_doubts(own.labels[alone], own.doubts[alone])
        cuts += _cut_solo(sequence.take(alone), own.labels[alone])
    return cuts, doubts


def _cut_solo(frames: CameraSequence, labels: Labels) -> Iterator[_Cut]:
    """One cut per header and UT day, however scattered the frames are: each cube costs an ID."""
    for header in np.unique(frames.header):
        same = np.flatnonzero(frames.header == header)
        part = frames.take(same)
        no_gap_us = int(np.iinfo(np.int64).max)
        for piece in cut_cubes(
            part.acquired_us, part.exposure_us, (), gap_us=no_gap_us, span_us=None
        ):
            yield _Cut(part.acquired_us[piece], (part.take(piece),), labels[same][piece])


def _cut_free_cube(cube: RawCube, rules: SyncRules) -> Iterator[_Cut]:
    frames = chain_cubes(cube.stream, [cube], rules.cut_on)
    yield from _cut_solo(frames, np.full(len(frames), CODE_NONE, dtype=np.uint8))


def _name_products(cuts: Iterable[_Cut], taken: set[str]) -> list[Product]:
    """Products in their order, named by the UT of their cut's first frame.

    The folder may hold two days, so a time of day can occur twice: then ``_2`` and so on is
    appended, the same for all siblings.
    """
    products: list[Product] = []
    stems = {stem_of(name) for name in taken}
    for cut in sorted(cuts, key=lambda c: (int(c.acquired_us[0]), len(c.sides), c.sides[0].stream)):
        clock = format_clock(int(cut.acquired_us[0]), _NAME_DECIMALS)
        prefix = "vsync" if cut.synchronized else str(cut.sides[0].stream)
        base, count = f"{prefix}_{clock}", 1
        while (stem := base if count == 1 else f"{base}_{count}") in stems:
            count += 1
        stems.add(stem)
        products.extend(_split_cut(cut, stem))
    return sorted(products, key=lambda product: (product.order, product.name))


def _split_cut(cut: _Cut, stem: str) -> Iterator[Product]:
    for number, side in enumerate(cut.sides):
        for code in np.unique(cut.labels):
            state = STATE_OF_CODE[int(code)]
            chosen = np.flatnonzero(cut.labels == code)
            name = f"{stem}.cam{side.stream.camera}" if cut.synchronized else stem
            yield Product(
                name=f"{name}.{state}" if state else name,
                order=ProductOrder(int(cut.acquired_us[0]), side.stream.camera, state or ""),
                synchronised=cut.synchronized,
                ranges=side.take(chosen).ranges(),
                partners=cut.sides[1 - number].take(chosen).ranges() if cut.synchronized else (),
                first_us=int(cut.acquired_us[0]),
                middle_us=int(cut.acquired_us[len(cut.acquired_us) // 2]),
                last_us=int(cut.acquired_us[-1]),
                offset_us=cut.offset_us,
                tolerance_us=cut.tolerance_us,
            )


def _count_frames(
    products: Iterable[Product],
    cubes: Iterable[RawCube],
    aside: Sequence[SetAside],
    unpaired: int,
) -> SyncCounts:
    return SyncCounts(
        raw=sum(cube.frames for cube in cubes) + sum(bad.frames for bad in aside),
        unpaired=unpaired,
        set_aside=sum(bad.frames for bad in aside),
        **count_products(products),
    )


def find_unexpected(
    counts: SyncCounts,
    *,
    cubes: int,
    aside: int,
    max_unpaired: float,
    max_dubious: float,
    max_set_aside: float,
) -> str | None:
    """What to review before IDs are taken, or None; thresholds are fractions.

    ``aside`` of the ``cubes`` are set aside: how many frames these have may be unknown.
    """
    if cubes and aside == cubes:
        return f"all {cubes} cubes were set aside" if cubes > 1 else "the only cube was set aside"
    findings = [
        f"{part} of {whole} {unit} {what} (limit {100 * limit:g}%)"
        for part, whole, limit, unit, what in (
            (
                counts.unpaired,
                counts.synchronised + counts.unpaired,
                max_unpaired,
                "frames",
                "should have a partner and have none",
            ),
            (
                counts.dubious,
                counts.deinterleaved,
                max_dubious,
                "frames",
                "have no certain FLC state",
            ),
            (counts.set_aside, counts.raw, max_set_aside, "frames", "were set aside"),
            (aside, cubes, max_set_aside, "cubes", "were set aside"),
        )
        if whole and part > limit * whole
    ]
    return "; ".join(findings) or None
