"""Inference: which frames belong to one trigger, and in which state of the FLC they were taken."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vampd.model.trigger.arrivals import Arrivals
from vampd.model.trigger.evidence import Evidence, gather_evidence
from vampd.model.trigger.kernels import PLAIN, Kernels
from vampd.model.trigger.lattice import PHASES
from vampd.model.trigger.neighbors import is_detour
from vampd.model.trigger.night import Night, is_far, is_untold_pair, later_camera, survey
from vampd.model.trigger.partners import (
    ALONE,
    agree,
    choose_pairs,
    doubt_at_misses,
    is_at_edge,
    is_odd,
    is_told_by_ends,
)
from vampd.model.trigger.tempo import at_frames
from vampd.model.trigger.weights import (
    CARD_OFF_COST,
    CARD_ON_COST,
    CLASSES,
    LARGEST_MARGIN,
    LOG_ADD,
    LOG_ADD_BITS,
    NEVER,
    SHIFTS,
    TOLD_BY_ENDS,
    Margins,
    margin_of,
)

Int32 = npt.NDArray[np.int32]
Int64 = npt.NDArray[np.int64]
Booleans = npt.NDArray[np.bool_]

UNKNOWN, NONE, RELAXED, DRIVEN = range(4)  # what is known of a frame's state

# Frames weighed at a time, and looked ahead at: far more than it takes to be certain.
_CHUNK = 16_384
_AHEAD = 4_096


@dataclass(frozen=True)
class Inference:
    """Per frame of each camera: its partner's position (ALONE for none) and its state's code.

    ``margins`` are by how much each exceeds all others, in 1 / NAT nat; 0 where none is given.
    ``alternating`` is whether the likeliest state, however unlikely, is one of an alternation,
    ``odd`` whether a pair of the frame was off by a trigger from those beside it, ``by_ends``
    whether it was one that only the ends of a stretch tell.
    """

    partners: tuple[Int64, Int64]
    states: tuple[Int64, Int64]
    margins: Margins
    alternating: tuple[Booleans, Booleans]
    odd: tuple[Booleans, Booleans]
    by_ends: tuple[Booleans, Booleans]


def infer(
    first: Arrivals, second: Arrivals, largest_error: float, kernels: Kernels = PLAIN
) -> Inference:
    """Pair and label both cameras' frames; either may have none.

    A pair or a label is given if the model's chance that it is wrong is below ``largest_error``.
    """
    least = margin_of(largest_error)
    night = survey(first, second)
    sizes = len(first), len(second)
    states = tuple(np.zeros(size, dtype=np.int64) for size in sizes)
    of_shift = tuple(np.zeros(size, dtype=np.int32) for size in sizes)
    of_state = tuple(np.zeros(size, dtype=np.int32) for size in sizes)
    alternating = tuple(np.zeros(size, dtype=np.bool_) for size in sizes)
    doubted = tuple(np.zeros(size, dtype=np.bool_) for size in sizes)
    claims: list[tuple[Int64, Int64]] = []
    for piece in weigh(night, kernels):
        begin, end = piece.begin, piece.end
        read = read_states(night, piece, kernels)
        shift, sure = read[:, 0], read[:, 1] > least
        edge = sure & is_at_edge(shift)
        codes = np.where((read[:, 3] > least) & ~edge, read[:, 2] + NONE, UNKNOWN)
        camera, row = night.camera[begin:end], night.row[begin:end]
        for number in (0, 1):
            mine = camera == number
            untold = night.cameras[number].untold[row[mine]]
            states[number][row[mine]] = np.where(untold, UNKNOWN, codes[mine])
            alternating[number][row[mine]] = read[mine, 2] > 0
            doubted[number][row[mine]] = read[mine, 1] <= least + TOLD_BY_ENDS
            of_shift[number][row[mine]] = np.minimum(read[mine, 1], LARGEST_MARGIN)
            of_state[number][row[mine]] = np.minimum(read[mine, 3], LARGEST_MARGIN)
        table = piece.evidence.partners[piece.own]
        claims.append(_claim(night, begin, table, shift, sure & ~edge))
        del piece, table
    partners = choose_pairs(claims, sizes)
    odd = _part_odd(night, partners)
    by_ends = _part_by_ends(
        night, partners, [d & ~a for d, a in zip(doubted, alternating, strict=True)]
    )
    fitted = [side.fitted.copy() for side in (first, second)]
    paired = np.flatnonzero(partners[0] != ALONE)
    # A card may be a cube late: the camera that says IN is believed for both frames of a pair.
    fitted[0][paired] |= second.fitted[partners[0][paired]]
    fitted[1][partners[0][paired]] |= first.fitted[paired]
    for own, codes, of_codes in zip(fitted, states, of_state, strict=True):
        of_codes[~own | (codes == UNKNOWN)] = 0
        codes[~own] = NONE
    agree((states[0], states[1]), (of_state[0], of_state[1]), partners[0], UNKNOWN)
    others = partners[0][paired]
    of_pair = np.zeros(sizes[0], dtype=np.int32)
    later = later_camera(night, paired, others)
    of_pair[paired] = np.where(later == 0, of_shift[0][paired], of_shift[1][others])
    margins = Margins((of_state[0], of_state[1]), of_pair)
    return Inference(
        partners, (states[0], states[1]), margins, (alternating[0], alternating[1]), odd, by_ends
    )


@dataclass(frozen=True)
class Weighed:
    """The night's frames from ``begin`` to before ``end``, weighed; arrays begin at ``start``.

    ``forward`` (until ``end``) and ``backward`` are those of ``lattice.sweep``.
    """

    start: int
    begin: int
    end: int
    evidence: Evidence
    forward: Int32
    backward: Int32

    @property
    def own(self) -> slice:
        """Where the arrays hold these frames."""
        return slice(self.begin - self.start, self.end - self.start)


def weigh(night: Night, kernels: Kernels) -> Iterator[Weighed]:
    """All frames of the night, some thousand at a time."""
    entry: Int32 | None = None
    for begin in range(0, len(night), _CHUNK):
        piece = _weigh_piece(night, begin, entry, kernels)
        entry = piece.forward[piece.end - 1 - piece.start].copy()
        yield piece
        del piece  # before the next one is made: it takes 80 MB


def _weigh_piece(night: Night, begin: int, entry: Int32 | None, kernels: Kernels) -> Weighed:
    end = min(begin + _CHUNK, len(night))
    # With the frame before, which was weighed already.
    start, stop = max(begin - 1, 0), min(end + _AHEAD, len(night))
    evidence = gather_evidence(night, start, stop, kernels)
    forward, backward = _solve(night, start, end - start, evidence, entry, kernels)
    return Weighed(start, begin, end, evidence, forward, backward)


def read_states(night: Night, piece: Weighed, kernels: Kernels) -> Int64:
    """The likeliest shift and state of each frame, and by how much: see ``lattice.read_off``."""
    frames = slice(piece.begin, piece.end)
    read = np.asarray(
        kernels.read_off(
            night.camera[frames],
            night.count[frames],
            night.reference[frames],
            piece.forward[piece.own],
            piece.backward[piece.own],
            SHIFTS,
            LOG_ADD,
            LOG_ADD_BITS,
            NEVER,
        )
    )
    evidence = piece.evidence.pairs[piece.own], piece.evidence.partners[piece.own]
    camera, row = night.camera[frames], night.row[frames]
    queued = np.zeros(len(camera), dtype=np.int64)
    for number, side in enumerate(night.cameras):
        queued[camera == number] = side.queued[row[camera == number]]
    order = camera, row, night.reference[frames], night.begins[frames], queued
    doubt = np.where(read[:, 2] > 0, doubt_at_misses(*order, *evidence, read[:, 0]), 0)
    read[:, 1::2] -= doubt[:, None]
    return read


def _solve(
    night: Night, start: int, until: int, evidence: Evidence, entry: Int32 | None, kernels: Kernels
) -> tuple[Int32, Int32]:
    """The log-probabilities of each state by what came until each of ``until`` frames, and after.

    ``entry`` are those of the first frame, none at the beginning of the night.
    """
    span = slice(start, start + len(evidence.pairs))
    # Frames behind those only look ahead.
    forward = np.empty((until, PHASES * SHIFTS * CLASSES), dtype=np.int32)
    backward = np.empty((len(evidence.pairs), forward.shape[1]), dtype=np.int32)
    backward[-1:] = 0
    weights = evidence.pairs[0].T[None, :, :] + _start(night)[:, None, None]
    forward[0] = weights.reshape(-1) if entry is None else entry
    intervals = evidence.intervals
    kernels.sweep(
        night.camera[span],
        night.previous[span],
        night.count[span],
        night.reference[span],
        night.begins[span],
        intervals.missed,
        intervals.alternating,
        intervals.steady,
        evidence.pairs,
        intervals.flip,
        intervals.switch,
        intervals.recount,
        evidence.other_class,
        forward,
        backward,
        LOG_ADD,
        LOG_ADD_BITS,
        NEVER,
    )
    return forward, backward


def _start(night: Night) -> Int64:
    heads = [side.arrivals.switching[:1] for side in night.cameras]
    on = bool(np.concatenate(heads).any())
    return np.array(
        [0, 0, -CARD_ON_COST] if on else [-CARD_OFF_COST, -CARD_OFF_COST, 0], dtype=np.int64
    )


def _claim(
    night: Night, begin: int, table: Int64, shift: Int64, sure: npt.NDArray[np.bool_]
) -> tuple[Int64, Int64]:
    """The pairs (row of camera 1, row of camera 2) that the later frame of each is sure of."""
    partner = table[np.arange(len(table)), shift]
    at = np.flatnonzero((partner != ALONE) & sure)
    camera, row, other = night.camera[begin + at], night.row[begin + at], partner[at]
    first = np.where(camera == 0, row, other)
    second = np.where(camera == 0, other, row)
    mine = (camera == later_camera(night, first, second)) & ~is_far(night, first, second)
    mine &= ~is_untold_pair(night, first, second)
    return first[mine], second[mine]


def _part_odd(night: Night, partners: tuple[Int64, Int64]) -> tuple[Booleans, Booleans]:
    """Take away pairs that are off by a trigger from those before and after; whose these were.

    Each camera may have missed another trigger there; a late frame is told by those after it.
    """
    one, two = night.cameras
    first = np.flatnonzero(partners[0] != ALONE)
    second = partners[0][first]
    offset_us = two.counted.times_us[second] - one.counted.times_us[first]
    period_us = at_frames(one.tempo.period_us)[first]
    late_us = one.late_us[first], two.late_us[second]
    odd = is_odd(offset_us, one.stretch[first], period_us, late_us)
    odd |= is_detour(two.counted.count[second] - one.counted.count[first], one.stretch[first])
    return _part(partners, first[odd], second[odd])


def _part_by_ends(
    night: Night, partners: tuple[Int64, Int64], doubted: list[Booleans]
) -> tuple[Booleans, Booleans]:
    """Take away pairs that only the ends of a stretch tell, where one miss may deceive."""
    one, two = night.cameras
    first = np.flatnonzero(partners[0] != ALONE)
    second = partners[0][first]
    offset_us = two.counted.times_us[second] - one.counted.times_us[first]
    later = later_camera(night, first, second)
    by_ends = np.where(later == 0, doubted[0][first], doubted[1][second])
    by_ends &= is_told_by_ends(offset_us, one.stretch[first], at_frames(one.tempo.period_us)[first])
    return _part(partners, first[by_ends], second[by_ends])


def _part(partners: tuple[Int64, Int64], first: Int64, second: Int64) -> tuple[Booleans, Booleans]:
    """Take away the pairs of these frames; whose these were."""
    parted = tuple(np.zeros(len(own), dtype=np.bool_) for own in partners)
    for own, gone, rows in zip(partners, parted, (first, second), strict=True):
        own[rows], gone[rows] = ALONE, True
    return parted[0], parted[1]
