"""Labeling: the FLC state of each frame of a run, and why a frame is dubious."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from vampd.model.cubes import RawCube
from vampd.model.sync.cutting import split_at
from vampd.model.sync.labels.flc import CODE_D, CODE_NONE, Labels, assign_flc_states
from vampd.model.sync.labels.modulation import Modulation, Source, find_modulation
from vampd.model.sync.partners.pairing import arrival_scatter_us
from vampd.model.sync.sequence import CameraSequence, is_deinterleaved


class Doubt(IntEnum):
    """Why frames carry no certain state."""

    NO_JITTER_CARD = 1  # U_TRIGJT is missing or not a number, and the intervals do not show J
    TOO_FEW_FRAMES = 2  # of one configuration in the run
    NO_ALTERNATION = 3  # the intervals do not alternate by U_TRIGJT, nor clearly by anything else
    UNCLEAR = 4  # gaps or late stamps around these frames


@dataclass(frozen=True)
class Labeled:
    """One FLC code and one Doubt (0: none) per frame of a camera's run.

    ``remarks`` name each stretch for which U_TRIGJT was not trusted.
    """

    labels: Labels
    doubts: npt.NDArray[np.uint8]
    remarks: tuple[str, ...] = ()


_FEWEST_FRAMES = 4


def label_frames(sequence: CameraSequence) -> Labeled:
    """The FLC states of one camera's run; CODE_NONE where frames do not alternate.

    Neighboring cubes are labeled together as long as their configuration stays the same.
    """
    labels = np.full(len(sequence), CODE_NONE, dtype=np.uint8)
    doubts = np.zeros(len(sequence), dtype=np.uint8)
    if not len(sequence):
        return Labeled(labels, doubts)
    configurations: dict[tuple[bool, float | None, float], int] = {}
    of_cube = np.array(
        [configurations.setdefault(_configuration(c), len(configurations)) for c in sequence.cubes],
        np.int64,
    )
    numbers = of_cube[sequence.cube]
    remarks: list[str] = []
    for piece in split_at(np.diff(numbers) != 0, len(sequence)):
        switching, card_us, scatter_us = list(configurations)[int(numbers[piece[0]])]
        if not switching:
            continue
        acquired_us = sequence.acquired_us[piece]
        modulation = find_modulation(acquired_us, card_us, scatter_us)
        found = assign_flc_states(acquired_us, sequence.cnt0[piece], modulation, scatter_us)
        labels[piece] = found
        doubts[piece] = np.where(found == CODE_D, _doubt(found, card_us, modulation), 0)
        if modulation and modulation.source is Source.INTERVALS:
            remarks.append(
                f"U_TRIGJT is {'no number' if card_us is None else f'{card_us:g} us'} in"
                f" {sequence.cubes[int(sequence.cube[piece[0]])].path}, and the intervals of"
                f" {len(piece)} frames show {modulation.jitter_us:.0f} us"
            )
    return Labeled(labels, doubts, tuple(remarks))


def count_doubts(labels: Labels, *doubts: npt.NDArray[np.uint8]) -> Counter[str]:
    """How many frames are dubious for which reason; the first reason of each frame counts."""
    if not doubts or not len(labels):
        return Counter()
    reasons = np.zeros(len(labels), dtype=np.uint8)
    for codes in reversed(doubts):
        reasons = np.where(codes > 0, codes, reasons)
    numbers = np.bincount(reasons[labels == CODE_D], minlength=len(Doubt) + 1)
    return Counter({doubt.name.lower(): int(numbers[doubt]) for doubt in Doubt if numbers[doubt]})


def _doubt(labels: Labels, card_us: float | None, modulation: Modulation | None) -> Doubt:
    if card_us is None and modulation is None:
        return Doubt.NO_JITTER_CARD
    if len(labels) < _FEWEST_FRAMES:
        return Doubt.TOO_FEW_FRAMES
    return Doubt.NO_ALTERNATION if (labels == CODE_D).all() else Doubt.UNCLEAR


def _configuration(cube: RawCube) -> tuple[bool, float | None, float]:
    """What decides how a cube's frames are labeled: FLC use, U_TRIGJT, scatter of the arrivals."""
    return (
        is_deinterleaved(cube),
        cube.cards.number("U_TRIGJT"),
        arrival_scatter_us(cube.cards.string("U_DETMOD")),
    )
