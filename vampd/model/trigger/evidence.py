"""Evidence: what each frame of a night says about the hidden states, some thousand at a time."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from vampd.model.trigger.arrivals import Arrivals, Counted
from vampd.model.trigger.intervals import (
    IntervalEvidence,
    doubt_settings,
    is_queued,
    is_untold,
    saved_on_misses,
    weigh_intervals,
)
from vampd.model.trigger.kernels import Kernels
from vampd.model.trigger.neighbors import Neighbors, of_second
from vampd.model.trigger.offsets import cost_of_other_class, offset_costs
from vampd.model.trigger.stretches import begins_of, leave_turns, pieces_of
from vampd.model.trigger.tempo import Tempo, at_frames
from vampd.model.trigger.unlate import missed_alone
from vampd.model.trigger.weights import CLASSES, NEAR_US, PAIR_COSTS, SHIFTS

Int64 = npt.NDArray[np.int64]
_CALM_SCATTERS = 3
_EVER_US = 10**12  # before the first frame of a night
_Record = TypeVar("_Record", Arrivals, Counted, Tempo)


@dataclass(frozen=True)
class Camera:
    """One camera's frames with all that is known of each; arrays of shape (frames, ...).

    ``expected`` is the other camera's count in the middle shift, ``piece`` what of camera 1 has one
    exposure, ``since_us`` the time since any frame of either camera; ``missed``,
    ``alone``, ``saved`` and ``leaving`` have one value per interval, as ``tempo`` has.
    """

    arrivals: Arrivals
    counted: Counted
    tempo: Tempo
    missed: Int64
    alone: Int64
    saved: Int64
    leaving: npt.NDArray[np.bool_]
    late_us: Int64
    may_be_us: Int64
    queued: Int64
    untold: npt.NDArray[np.bool_]
    reference: Int64
    expected: Int64
    offsets_us: Int64
    width_us: Int64
    stretch: Int64
    piece: Int64
    since_us: Int64

    def __len__(self) -> int:
        return len(self.arrivals)


@dataclass(frozen=True)
class Night:
    """Both cameras' frames in the order of inference; arrays of shape (frames,).

    ``camera`` is 0 or 1, ``row`` the position among that camera's frames, ``begins`` whether a
    stretch begins, ``previous`` that camera's count before; ``frames_of_stretch`` by number.
    """

    cameras: tuple[Camera, Camera]
    camera: Int64
    row: Int64
    count: Int64
    reference: Int64
    previous: Int64
    begins: Int64
    frames_of_stretch: Int64

    def __len__(self) -> int:
        return len(self.camera)


@dataclass(frozen=True)
class Evidence:
    """What the frames from ``start`` to before ``stop`` say: see ``lattice.sweep``.

    ``partners`` (frames, shifts) are rows of the other camera, -1 for none.
    """

    intervals: IntervalEvidence
    pairs: Int64
    partners: Int64
    other_class: Int64


def order_night(
    arrivals: tuple[Arrivals, Arrivals],
    counted: tuple[Counted, Counted],
    tempos: tuple[Tempo, Tempo],
    neighbors: Neighbors,
) -> Night:
    """Put both cameras' frames in time order."""
    sizes = [len(side) for side in arrivals]
    camera = np.repeat(np.array([0, 1], dtype=np.int64), sizes)
    times_us = np.concatenate([side.times_us for side in counted])
    order = np.lexsort((camera, times_us))
    exposure_us = np.concatenate([side.exposure_us for side in arrivals])[order]
    begins = begins_of(times_us[order], exposure_us)
    stretch = np.empty(len(order), dtype=np.int64)
    stretch[order] = np.cumsum(begins)
    since_us = np.empty(len(order), dtype=np.int64)
    since_us[order] = np.diff(times_us[order], prepend=times_us[order][:1] - _EVER_US)
    count = np.concatenate([side.count for side in counted])
    previous = np.concatenate(
        [np.concatenate([np.zeros(1, np.int64), side.count])[: len(side.count)] for side in counted]
    )
    offsets_us = neighbors.offsets_us, of_second(*counted, neighbors.offsets_us)
    width_us = neighbors.width_us, of_second(*counted, neighbors.width_us)
    piece = pieces_of(counted[0].times_us, arrivals[0].exposure_us)
    pieces = piece, of_second(*counted, piece)
    parts = slice(0, sizes[0]), slice(sizes[0], None)
    cameras = tuple(
        Camera(
            arrivals[number],
            counted[number],
            doubt_settings(counted[number], tempos[number], neighbors.late_us[number]),
            neighbors.missed[number],
            missed_alone(count[own], stretch[own], count[other], stretch[other]),
            saved_on_misses(counted[number], tempos[number]),
            leave_turns(
                counted[number].times_us,
                counted[number].count,
                stretch[own],
                tempos[number].period_us,
                tempos[number].half_width_us,
            ),
            neighbors.late_us[number],
            neighbors.may_be_us[number],
            is_queued(counted[number], tempos[number]),
            is_untold(counted[number], tempos[number], arrivals[number].scatter_us),
            neighbors.references[number],
            counted[number].count + (1 - 2 * number) * neighbors.references[number],
            offsets_us[number],
            width_us[number],
            stretch[own],
            pieces[number],
            since_us[own],
        )
        for number, own, other in ((0, *parts), (1, *reversed(parts)))
    )
    return Night(
        (cameras[0], cameras[1]),
        camera[order],
        np.concatenate([np.arange(size) for size in sizes])[order],
        count[order],
        np.concatenate(neighbors.references)[order],
        previous[order],
        begins.astype(np.int64),
        np.bincount(stretch),
    )


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
        pairs[begins] -= offset_costs(offsets_us[begins])[:, :, None] * together[:, None, :]
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
        cost_of_other_class(offsets_us, width_us, piece),
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
    )
    if since.start < rows.start:
        evidence = IntervalEvidence(
            *(getattr(evidence, field.name)[1:] for field in fields(evidence))
        )
    frames = rows.stop - rows.start
    weights = np.zeros((frames, CLASSES, SHIFTS), dtype=np.int64)
    partners = np.full((frames, SHIFTS), -1, dtype=np.int64)
    expected = own.expected[rows]
    near = _around(other, own.counted.times_us[rows], expected)
    period_us = at_frames(own.tempo.period_us)[rows]
    kernels.weigh_partners(
        own.counted.times_us,
        own.expected,
        rows.start,
        own.queued[rows],
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
    begin = np.searchsorted(other.counted.times_us, times_us[0] - NEAR_US)
    end = np.searchsorted(other.counted.times_us, times_us[-1] + NEAR_US, side="right")
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
