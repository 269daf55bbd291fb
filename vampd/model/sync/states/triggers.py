"""Triggers: which one took each frame and in which state of the FLC, as the model infers it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vampd.model.cubes import RawCube
from vampd.model.sync.sequence import CameraSequence, is_flc_in_beam, is_switching
from vampd.model.sync.states.flc_states import (
    CERTAIN,
    CODE_A,
    CODE_B,
    CODE_D,
    CODE_NONE,
    Doubt,
    Labels,
)
from vampd.model.sync.states.pairs import Pairs, in_order, is_unbelievable
from vampd.model.sync.states.parts import split_at_pauses
from vampd.model.trigger import (
    ALONE,
    DRIVEN,
    NONE,
    RELAXED,
    UNKNOWN,
    Arrivals,
    Inference,
    Kernels,
    Margins,
    arrival_scatter_us,
    infer,
    measure_intervals,
)

Int32 = npt.NDArray[np.int32]
Int64 = npt.NDArray[np.int64]
Booleans = npt.NDArray[np.bool_]

_LARGEST_HALF_WIDTH_US = 10_000  # more than the trigger can be set to: nonsense
_LARGEST_RATIO = 1.5  # of the card's half width and the measured one, for the card to be right
_FEWEST_FRAMES = 4


@dataclass(frozen=True)
class Limits:
    """When a pair or a label is given: how likely it may be wrong, how far apart a pair may be."""

    largest_error: float
    largest_offset_us: int


@dataclass(frozen=True)
class Decided:
    """What is known of both cameras' frames between two steps of the clock.

    ``labels`` are CODE_*, one for both frames of a pair. ``far`` are the pairs that were refused
    because their offset is more than is believed. ``inferred`` is what the model gave.
    """

    pairs: Pairs
    far: Pairs
    labels: tuple[Labels, Labels]
    inferred: Inference


def decide_triggers(
    one: CameraSequence, two: CameraSequence, limits: Limits, kernels: Kernels
) -> Decided:
    """Pair and label the triggered frames of both cameras; either may have none."""
    found = _infer_in_parts(one, two, limits.largest_error, kernels)
    pairs = in_order(found.partners[0])
    differences_us = two.acquired_us[pairs.second] - one.acquired_us[pairs.first]
    refused = is_unbelievable(
        pairs,
        differences_us,
        one.acquired_us[pairs.first],
        one.exposure_us[pairs.first],
        limits.largest_offset_us,
    )
    kept = pairs.take(~refused)
    return Decided(kept, pairs.take(refused), _label((one, two), found, kept), found)


def _infer_in_parts(
    one: CameraSequence, two: CameraSequence, largest_error: float, kernels: Kernels
) -> Inference:
    nothing = np.empty(0, dtype=np.int64)
    partners: list[list[Int64]] = [[nothing], [nothing]]
    states: list[list[Int64]] = [[nothing], [nothing]]
    none = np.empty(0, dtype=np.int32)
    of_states: list[list[Int32]] = [[none], [none]]
    of_pairs: list[Int32] = [none]
    neither = np.empty(0, dtype=np.bool_)
    alternating: list[list[Booleans]] = [[neither], [neither]]
    odd: list[list[Booleans]] = [[neither], [neither]]
    by_ends: list[list[Booleans]] = [[neither], [neither]]
    for part in split_at_pauses(one, two):
        found = infer(
            arrivals_of(one.part(part[0])), arrivals_of(two.part(part[1])), largest_error, kernels
        )
        for own in (0, 1):
            known = found.partners[own]
            partners[own].append(np.where(known == ALONE, ALONE, known + part[1 - own].start))
            states[own].append(found.states[own])
            of_states[own].append(found.margins.states[own])
            alternating[own].append(found.alternating[own])
            odd[own].append(found.odd[own])
            by_ends[own].append(found.by_ends[own])
        of_pairs.append(found.margins.pairs)
    return Inference(
        (np.concatenate(partners[0]), np.concatenate(partners[1])),
        (np.concatenate(states[0]), np.concatenate(states[1])),
        Margins(
            (np.concatenate(of_states[0]), np.concatenate(of_states[1])), np.concatenate(of_pairs)
        ),
        (np.concatenate(alternating[0]), np.concatenate(alternating[1])),
        (np.concatenate(odd[0]), np.concatenate(odd[1])),
        (np.concatenate(by_ends[0]), np.concatenate(by_ends[1])),
    )


def arrivals_of(sequence: CameraSequence) -> Arrivals:
    """A camera's frames as the model takes them."""

    def per_frame(value: Callable[[RawCube], int]) -> Int64:
        return np.array([value(cube) for cube in sequence.cubes], dtype=np.int64)[sequence.cube]

    return Arrivals(
        acquired_us=sequence.acquired_us,
        cnt0=sequence.cnt0,
        fitted=per_frame(is_flc_in_beam).astype(np.bool_),
        switching=per_frame(is_switching).astype(np.bool_),
        half_width_us=per_frame(_half_width_us),
        exposure_us=sequence.exposure_us,
        scatter_us=per_frame(lambda cube: round(arrival_scatter_us(cube.cards.string("U_DETMOD")))),
    )


def find_doubts(sequence: CameraSequence, labels: Labels) -> npt.NDArray[np.uint8]:
    """Why the dubious frames of one camera's run are so: a Doubt each, 0 for all others."""
    doubts = np.zeros(len(labels), dtype=np.uint8)
    dubious = labels == CODE_D
    if not dubious.any():
        return doubts
    if len(labels) < _FEWEST_FRAMES:
        reason = Doubt.TOO_FEW_FRAMES
    elif np.isin(labels, CERTAIN).any():
        reason = Doubt.UNCLEAR
    else:
        reason = Doubt.NO_ALTERNATION
    doubts[dubious] = reason
    if reason is not Doubt.UNCLEAR:
        known = np.array([cube.cards.number("U_TRIGJT") is not None for cube in sequence.cubes])
        doubts[dubious & ~known[sequence.cube]] = Doubt.NO_JITTER_CARD
    return doubts


def count_neighbors(one_us: Int64, two_us: Int64, usual_us: float) -> int:
    """How many unpaired frames of camera 1 and 2 are each other's nearest, within an interval."""
    if not len(one_us) or not len(two_us):
        return 0
    there = _nearest(two_us, one_us)
    mutual = _nearest(one_us, two_us)[there] == np.arange(len(one_us))
    return int(np.count_nonzero(mutual & (np.abs(two_us[there] - one_us) < usual_us)))


def half_width_remarks(sequence: CameraSequence, labels: Labels) -> Iterator[str]:
    """One sentence for each value of U_TRIGJT that is not what a run's frames show."""
    labeled = np.isin(labels, CERTAIN)
    if not labeled.any():
        return
    shown_us = measure_intervals(arrivals_of(sequence)).half_width_us
    cards = [cube.cards.number("U_TRIGJT") for cube in sequence.cubes]
    for card_us in dict.fromkeys(cards):
        same = np.array([value == card_us for value in cards])[sequence.cube] & labeled
        own = np.flatnonzero(same & (shown_us > 0))
        if not len(own):
            continue
        measured_us = int(np.median(shown_us[own]))
        if card_us and 1 / _LARGEST_RATIO <= card_us / measured_us <= _LARGEST_RATIO:
            continue
        yield (
            f"U_TRIGJT is {'no number' if card_us is None else f'{card_us:g} us'} in"
            f" {sequence.cubes[int(sequence.cube[own[0]])].path}, and the intervals of"
            f" {len(own)} frames show {measured_us} us"
        )


def _label(
    sides: tuple[CameraSequence, CameraSequence], found: Inference, pairs: Pairs
) -> tuple[Labels, Labels]:
    """The states as labels, and what the cards say where frames show none."""
    own = [
        np.array([is_switching(c) & is_flc_in_beam(c) for c in side.cubes], np.bool_)[side.cube]
        for side in sides
    ]
    every = [said.copy() for said in own]
    some = [said.copy() for said in own]
    for camera, here, there in ((0, pairs.first, pairs.second), (1, pairs.second, pairs.first)):
        every[camera][here] &= own[1 - camera][there]
        some[camera][here] |= own[1 - camera][there]
    labels = [
        _go_by_cards(states, all_on, any_on)
        for states, all_on, any_on in zip(found.states, every, some, strict=True)
    ]
    # Pairs that were refused have states of their own; the two frames of the others have one label.
    unlike = labels[0][pairs.first] != labels[1][pairs.second]
    labels[0][pairs.first[unlike]] = labels[1][pairs.second[unlike]] = CODE_D
    return labels[0], labels[1]


_CODES = np.zeros(4, dtype=np.uint8)
_CODES[[UNKNOWN, NONE, RELAXED, DRIVEN]] = CODE_D, CODE_NONE, CODE_B, CODE_A


def _go_by_cards(states: Int64, all_on: Booleans, any_on: Booleans) -> Labels:
    """Labels of one camera's frames; where they show no state, the cards speak.

    Where all cards say that the FLC switches, frames have a state, though no one can tell it. Where
    none does, they have none, unless they are beside others that alternate.
    """
    labels = _CODES[states]
    labels[(states == NONE) & all_on] = CODE_D
    unknown = states == UNKNOWN
    if not (unknown & ~any_on).any():
        return labels
    piece = np.cumsum(np.concatenate([[0], np.diff(unknown.astype(np.int8)) != 0]))
    certain = np.isin(labels, CERTAIN)
    beside = np.zeros(len(labels), dtype=np.bool_)
    beside[1:] |= certain[:-1]
    beside[:-1] |= certain[1:]
    touched = np.bincount(piece, weights=beside & unknown) > 0
    labels[unknown & ~any_on & ~touched[piece]] = CODE_NONE
    return labels


def _nearest(times_us: Int64, wanted_us: Int64) -> Int64:
    after = np.searchsorted(times_us, wanted_us).clip(0, len(times_us) - 1)
    before = (after - 1).clip(0)
    nearer = np.abs(times_us[before] - wanted_us) < np.abs(times_us[after] - wanted_us)
    return np.where(nearer, before, after)


def _half_width_us(cube: RawCube) -> int:
    if not is_switching(cube):
        return 0
    value = cube.cards.number("U_TRIGJT")
    return round(value) if value is not None and 1 <= value <= _LARGEST_HALF_WIDTH_US else 0
