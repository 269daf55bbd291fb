"""Inference: which frames belong to one trigger, and in which state of the FLC they were taken."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vampd.model.trigger.arrivals import Arrivals, count_frames
from vampd.model.trigger.intervals import IntervalEvidence, is_queued, weigh_intervals
from vampd.model.trigger.lattice import NOTHING, PHASES, sweep
from vampd.model.trigger.neighbors import UNKNOWN_US, find_neighbors, of_second
from vampd.model.trigger.partners import PairEvidence, weigh_pairs
from vampd.model.trigger.stretches import begins_of
from vampd.model.trigger.tempo import share_tempo, tempo_of
from vampd.model.trigger.weights import (
    CARD_OFF_COST,
    CARD_ON_COST,
    CLASSES,
    LOG_ADD,
    LOG_ADD_STEP,
    NAT,
    NEVER,
    OFFSET_LIMIT,
    SHIFTS,
    offset_cost,
)

Int64 = npt.NDArray[np.int64]
Sweep = Callable[..., Int64]

ALONE = -1
UNKNOWN, NONE, RELAXED, DRIVEN = range(4)  # what is known of a frame's state


@dataclass(frozen=True)
class Inference:
    """Per frame of each camera: its partner's position (ALONE for none) and its state's code."""

    partners: tuple[Int64, Int64]
    states: tuple[Int64, Int64]


def infer(
    first: Arrivals, second: Arrivals, largest_error_nats: int, solve: Sweep = sweep
) -> Inference:
    """Pair and label both cameras' frames; either may have none.

    A pair or a label is given if the chance that it is wrong is below exp(-largest_error_nats).
    ``solve`` is ``lattice.sweep``, compiled or not.
    """
    least = largest_error_nats * NAT
    one, two = count_frames(first), count_frames(second)
    own, other = tempo_of(first, one), tempo_of(second, two)
    ends_us = one.times_us[1:], two.times_us[1:]
    own, other = (
        share_tempo(own, ends_us[0], other, ends_us[1]),
        share_tempo(other, ends_us[1], own, ends_us[0]),
    )
    evidence = weigh_intervals(first, one, own), weigh_intervals(second, two, other)
    period_us = np.concatenate([own.period_us[:1], own.period_us])
    if len(first) == 1:
        period_us = np.zeros(1, dtype=np.int64)
    neighbors = find_neighbors(one, two, first, period_us)
    queued = is_queued(one, own), is_queued(two, other)
    pairs = weigh_pairs(one, two, neighbors, queued)
    camera = np.repeat(np.array([0, 1], dtype=np.int64), [len(first), len(second)])
    counts = np.concatenate([one.count, two.count])
    references = np.concatenate([neighbors.reference, of_second(one, two, neighbors.reference)])
    times_us = np.concatenate([one.times_us, two.times_us])
    exposures_us = np.concatenate([first.exposure_us, second.exposure_us])
    order = np.lexsort((camera, times_us))
    begins = begins_of(times_us[order], exposures_us[order])
    scores = solve(
        camera[order],
        counts[order],
        references[order],
        begins.astype(np.int64),
        *(_both(evidence, name)[order] for name in ("missed", "alternating", "steady")),
        _weigh_offsets(pairs, order, begins),
        *(_both(evidence, name)[order] for name in ("flip", "switch", "recount")),
        _start(first, second),
        LOG_ADD,
        LOG_ADD_STEP,
        NEVER,
    )
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    scores = _log_sum(scores[rank].reshape(len(order), CLASSES, SHIFTS, PHASES), 1)
    states = _states(scores, camera, counts, references, least)
    states = np.where(np.concatenate([first.fitted, second.fitted]), states, NONE)
    shift, sure = _certain(_log_sum(scores, 2), least)
    # At the edge of the states, the truth may be beyond it.
    edge = (shift == 0) | (shift == SHIFTS - 1)
    states = np.where(sure & edge, UNKNOWN, states)
    partners = _choose(pairs.partners, shift, sure & ~edge, rank)
    first_states, second_states = states[: len(first)], states[len(first) :]
    _agree(first_states, second_states, partners[0])
    return Inference(partners, (first_states, second_states))


def _weigh_offsets(pairs: PairEvidence, order: Int64, begins: npt.NDArray[np.bool_]) -> Int64:
    """The pairs' weights in the order of inference, with each offset's cost once per stretch."""
    weights = np.concatenate(pairs.weights)[order]
    offsets_us = np.concatenate(pairs.offsets_us)[order]
    unknown = offsets_us == UNKNOWN_US
    costs = np.where(unknown, OFFSET_LIMIT, offset_cost(offsets_us))
    # Without a frame near in time nothing is known of the offset, and nothing is said against it.
    middle = CLASSES // 2
    costs[:, middle] = np.where(unknown[:, middle], 0, costs[:, middle])
    paired = _is_paired(pairs.partners, order, begins)
    weights[begins] -= costs[begins][:, :, None] * paired[:, None, :]
    return weights


def _both(evidence: tuple[IntervalEvidence, IntervalEvidence], name: str) -> Int64:
    return np.concatenate([getattr(side, name) for side in evidence])


def _is_paired(
    partners: tuple[Int64, Int64], order: Int64, begins: npt.NDArray[np.bool_]
) -> npt.NDArray[np.bool_]:
    """For each stretch and shift, whether any of its frames has a partner in it."""
    stretch = np.empty(len(order), dtype=np.int64)
    stretch[order] = np.cumsum(begins) - 1
    sizes = len(partners[0]), len(partners[1])
    own, other = stretch[: sizes[0]], stretch[sizes[0] :]
    together = np.zeros((int(begins.sum()), SHIFTS), dtype=np.bool_)
    if sizes[0] and sizes[1]:
        table = partners[0]
        inside = (table >= 0) & (other[table.clip(0)] == own[:, None])
        np.logical_or.at(together, own, inside)
    return together


def _start(first: Arrivals, second: Arrivals) -> Int64:
    heads = [side.switching[:1] for side in (first, second)]
    on = bool(np.concatenate(heads).any())
    return np.array(
        [0, 0, -CARD_ON_COST] if on else [-CARD_OFF_COST, -CARD_OFF_COST, 0], dtype=np.int64
    )


def _states(scores: Int64, camera: Int64, counts: Int64, references: Int64, least: int) -> Int64:
    """The codes of the states whose opposite is less probable than exp(-least)."""
    shifts = np.arange(SHIFTS) - SHIFTS // 2
    turned = counts[:, None] - np.where(
        camera[:, None] == 1, references[:, None] + shifts[None, :], 0
    )
    even = turned % 2 == 0
    relaxed = np.where(even, scores[:, :, 0], scores[:, :, 1])
    driven = np.where(even, scores[:, :, 1], scores[:, :, 0])
    summed = np.stack(
        [_log_sum(scores[:, :, NOTHING], 1), _log_sum(relaxed, 1), _log_sum(driven, 1)], axis=1
    )
    best, sure = _certain(summed, least)
    codes = np.array([NONE, RELAXED, DRIVEN])[best]
    return np.where(sure, codes, UNKNOWN)


def _certain(scores: Int64, least: int) -> tuple[Int64, npt.NDArray[np.bool_]]:
    """The most probable column of each row, and whether all others together are improbable."""
    best = np.argmax(scores, axis=1)
    others = scores.copy()
    rows = np.arange(len(scores))
    top = scores[rows, best]
    others[rows, best] = NEVER * 2
    return best, top - _log_sum(others, 1) > least


def _log_sum(values: Int64, axis: int) -> Int64:
    """The logarithm of the sum of probabilities along an axis, in integers."""
    moved = np.moveaxis(values, axis, 0)
    total: Int64 = moved[0]
    for value in moved[1:]:
        gap = np.minimum(np.abs(total - value) // LOG_ADD_STEP, len(LOG_ADD) - 1)
        total = np.maximum(total, value) + LOG_ADD[gap]
    return np.asarray(total)


def _choose(
    table: tuple[Int64, Int64], shift: Int64, sure: npt.NDArray[np.bool_], rank: Int64
) -> tuple[Int64, Int64]:
    """The pairs that the later frame of each is sure of; none of a frame that two others claim.

    ``rank`` is each frame's place in the order of inference.
    """
    sizes = len(table[0]), len(table[1])
    cut = slice(0, sizes[0]), slice(sizes[0], None)
    first, second = [], []
    for number in (0, 1):
        own, other = cut[number], cut[1 - number]
        partner = table[number][np.arange(sizes[number]), shift[own]]
        rows = np.flatnonzero((partner != ALONE) & sure[own])
        rows = rows[rank[other][partner[rows]] < rank[own][rows]]
        chosen = rows, partner[rows]
        first.append(chosen[number])
        second.append(chosen[1 - number])
    one, two = np.concatenate(first), np.concatenate(second)
    single = (np.bincount(one, minlength=sizes[0])[one] == 1) & (
        np.bincount(two, minlength=sizes[1])[two] == 1
    )
    partners = np.full(sizes[0], ALONE, np.int64), np.full(sizes[1], ALONE, np.int64)
    partners[0][one[single]] = two[single]
    partners[1][two[single]] = one[single]
    return partners


def _agree(own: Int64, other: Int64, partners: Int64) -> None:
    """Give both frames of a pair one state; none where the cameras are sure of different ones."""
    rows = np.flatnonzero(partners != ALONE)
    mine, theirs = own[rows], other[partners[rows]]
    known = np.where(mine == UNKNOWN, theirs, mine)
    common = np.where((mine != theirs) & (mine != UNKNOWN) & (theirs != UNKNOWN), UNKNOWN, known)
    own[rows] = common
    other[partners[rows]] = common
