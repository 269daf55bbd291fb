"""Evidence: what each frame of a night says about the hidden states, some thousand at a time."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from vampd.model.trigger.arrivals import Arrivals, Counted
from vampd.model.trigger.intervals import IntervalEvidence, weigh_intervals
from vampd.model.trigger.kernels import Kernels
from vampd.model.trigger.neighbors import UNKNOWN_US
from vampd.model.trigger.night import Camera, Night
from vampd.model.trigger.tempo import Tempo, at_frames
from vampd.model.trigger.weights import (
    CLASSES,
    NEAR_US,
    OFFSET_JUMPS_COST,
    OFFSET_LIMIT,
    OTHER_CLASS_COST,
    PAIR_COSTS,
    SHIFTS,
    offset_cost,
)

Int64 = npt.NDArray[np.int64]
_CALM_SCATTERS = 3
_JUMP_WIDTHS = 2  # a median of so many hardly moves from frame to frame
_Record = TypeVar("_Record", Arrivals, Counted, Tempo)


@dataclass(frozen=True)
class Evidence:
    """What the frames from ``start`` to before ``stop`` say: see ``lattice.sweep``.

    ``partners`` (frames, shifts) are rows of the other camera, -1 for none.
    """

    intervals: IntervalEvidence
    pairs: Int64
    partners: Int64
    other_class: Int64


def gather_evidence(night: Night, start: int, stop: int, kernels: Kernels) -> Evidence:
    """The evidence of these frames of the night."""
    camera, row = night.camera[start:stop], night.row[start:stop]
    rows = [_range_of(row[camera == number]) for number in (0, 1)]
    sides = [_weigh(night, number, rows[number], kernels) for number in (0, 1)]
    merged = [
        _merge(camera, [getattr(side.intervals, field.name) for side in sides])
        for field in fields(IntervalEvidence)
    ]
    pairs, partners, offsets_us, paired = (
        _merge(camera, [getattr(side, name) for side in sides])
        for name in ("pairs", "partners", "offsets_us", "paired")
    )
    begins = np.flatnonzero(night.begins[start:stop])
    if len(begins):
        # Without a pair in it, a stretch has no offset.
        together = np.logical_or.reduceat(paired, begins, axis=0)
        pairs[begins] -= _offset_costs(offsets_us[begins])[:, :, None] * together[:, None, :]
    width_us, piece = (
        _merge(
            camera,
            [getattr(side, name)[part] for side, part in zip(night.cameras, rows, strict=True)],
        )
        for name in ("width_us", "piece")
    )
    return Evidence(
        IntervalEvidence(*merged),
        pairs,
        partners,
        _cost_of_other_class(offsets_us, width_us, piece),
    )


@dataclass(frozen=True)
class _Weighed:
    """Of one camera; ``paired`` is where the partner lies in the same stretch."""

    intervals: IntervalEvidence
    pairs: Int64
    partners: Int64
    offsets_us: Int64
    paired: Int64


def _weigh(night: Night, number: int, rows: slice, kernels: Kernels) -> _Weighed:
    own, other = night.cameras[number], night.cameras[1 - number]
    # With the frame before, whose interval ends at the first.
    since = slice(max(rows.start - 1, 0), rows.stop)
    intervals = slice(since.start, max(since.start, since.stop - 1))
    evidence = weigh_intervals(
        _part(own.arrivals, since),
        _part(own.counted, since),
        _part(own.tempo, intervals),
        own.missed[intervals],
        own.alone[intervals],
        own.since_us[since],
        own.late_us[since],
        own.may_be_us[since],
        own.saved[intervals],
        own.leaving[intervals],
        own.command[intervals],
        own.unshown[intervals],
    )
    if since.start < rows.start:
        evidence = IntervalEvidence(
            *(getattr(evidence, field.name)[1:] for field in fields(evidence))
        )
    frames = rows.stop - rows.start
    weights = np.zeros((frames, CLASSES, SHIFTS), dtype=np.int64)
    partners = np.full((frames, SHIFTS), -1, dtype=np.int64)
    expected = own.expected[rows]
    near = _around(other, own.came_us[rows], expected)
    period_us = at_frames(own.tempo.period_us)[rows]
    kernels.weigh_partners(
        own.came_us,
        own.counted.times_us,
        own.expected,
        rows.start,
        own.queued[rows],
        other.came_us[near],
        other.counted.times_us[near],
        other.counted.count[near],
        other.queued[near],
        own.offsets_us[rows],
        own.width_us[rows],
        period_us,
        at_frames(own.tempo.half_width_us)[rows],
        np.where(period_us > 0, period_us, own.arrivals.exposure_us[rows]),
        _is_calm(own)[rows],
        1 - 2 * number,
        SHIFTS,
        PAIR_COSTS,
        weights,
        partners,
    )
    partners[partners >= 0] += near.start
    paired = partners >= 0
    if len(other):
        paired &= other.stretch[partners.clip(0)] == own.stretch[rows][:, None]
    return _Weighed(evidence, weights, partners, own.offsets_us[rows], paired.astype(np.int64))


def _is_calm(camera: Camera) -> Int64:
    """Whether the intervals around each frame scatter as documented: none is late in a burst."""
    scatter_us = at_frames(camera.tempo.scatter_us)[: len(camera)]
    known = at_frames(camera.tempo.period_us)[: len(camera)] > 0
    calm = scatter_us <= _CALM_SCATTERS * camera.arrivals.scatter_us
    return (known & calm).astype(np.int64)


def _around(other: Camera, times_us: Int64, expected: Int64) -> slice:
    """The other camera's frames that are near in time or by count."""
    if not len(times_us):
        return slice(0, 0)
    begin = np.searchsorted(other.came_us, times_us[0] - NEAR_US)
    end = np.searchsorted(other.came_us, times_us[-1] + NEAR_US, side="right")
    least = np.searchsorted(other.counted.count, expected.min() - SHIFTS)
    most = np.searchsorted(other.counted.count, expected.max() + SHIFTS, side="right")
    return slice(int(min(begin, least)), int(max(end, most)))


def _range_of(rows: Int64) -> slice:
    return slice(int(rows[0]), int(rows[-1]) + 1) if len(rows) else slice(0, 0)


def _part(record: _Record, rows: slice) -> _Record:
    values = {field.name: getattr(record, field.name) for field in fields(record)}
    parts: dict[str, Any] = {
        name: value[rows] for name, value in values.items() if isinstance(value, np.ndarray)
    }
    return replace(record, **parts)


def _merge(camera: Int64, sides: list[npt.NDArray[np.int64]]) -> Int64:
    merged = np.empty((len(camera), *sides[0].shape[1:]), dtype=sides[0].dtype)
    for number in (0, 1):
        merged[camera == number] = sides[number]
    return merged


def _offset_costs(offsets_us: Int64) -> Int64:
    """What each class costs a stretch (frames, CLASSES) by its offset."""
    unknown = offsets_us == UNKNOWN_US
    costs = np.where(unknown, OFFSET_LIMIT, offset_cost(offsets_us))
    # Without a frame near in time nothing is known of the offset, and nothing is said against it.
    middle = CLASSES // 2
    costs[:, middle] = np.where(unknown[:, middle], 0, costs[:, middle])
    return costs


def _cost_of_other_class(offsets_us: Int64, width_us: Int64, piece: Int64) -> Int64:
    """What it costs to take to each class at each frame."""
    middle_us = offsets_us[:, CLASSES // 2]
    jumps = np.zeros(len(middle_us), dtype=np.bool_)
    jumps[1:] = np.abs(np.diff(middle_us)) > _JUMP_WIDTHS * width_us[1:]
    costs = _offset_costs(offsets_us)
    # With another exposure, the offset is another one, as small as any: the least one is free. A
    # clock that was set is off by whatever.
    renewed = np.diff(piece, prepend=piece[:1]) != 0
    jumped = OFFSET_JUMPS_COST + renewed[:, None] * (costs - costs.min(axis=1, keepdims=True))
    return np.where(jumps[:, None], jumped, OTHER_CLASS_COST + costs)
