"""Partners: what the other camera's frame of the same trigger says about the hidden states."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vampd.model.trigger.arrivals import Counted
from vampd.model.trigger.neighbors import NEAR_US, Neighbors, of_second
from vampd.model.trigger.weights import (
    APART_COST,
    APART_US,
    CLASSES,
    LOST_COST,
    PAIR_LIMIT,
    QUEUED_LIMIT,
    SHIFTS,
    misfit,
)

Int64 = npt.NDArray[np.int64]


@dataclass(frozen=True)
class PairEvidence:
    """Of both cameras, per frame: see ``lattice.sweep``.

    ``weights`` have the shape (frames, CLASSES, SHIFTS); ``partners`` (frames, SHIFTS) are
    positions in the other camera's frames, -1 for none. ``offsets_us`` (frames, CLASSES) is camera
    2 minus camera 1 around the frame, UNKNOWN_US where no pair of the stretch tells it.
    """

    weights: tuple[Int64, Int64]
    partners: tuple[Int64, Int64]
    offsets_us: tuple[Int64, Int64]


def weigh_pairs(
    one: Counted,
    two: Counted,
    neighbors: Neighbors,
    queued: tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]],
) -> PairEvidence:
    """What the partners say; a pair's weight belongs to the later of its two frames in time."""
    reference, offsets, width_us = (
        neighbors.reference,
        neighbors.offsets_us,
        neighbors.width_us,
    )
    partners = (
        _positions(two.count, one.count + reference, 1),
        _positions(one.count, two.count - of_second(one, two, reference), -1),
    )
    weights = tuple(
        np.zeros((len(side.times_us), CLASSES, SHIFTS), dtype=np.int64) for side in (one, two)
    )
    second_offsets = of_second(one, two, offsets)
    second_width_us = of_second(one, two, width_us)
    for own, other, partner, weight, offset, width, sign, waited, others_waited in (
        (one, two, partners[0], weights[0], offsets, width_us, 1, *queued),
        (two, one, partners[1], weights[1], second_offsets, second_width_us, -1, *queued[::-1]),
    ):
        if not len(other.times_us):
            continue
        difference_us = sign * (other.times_us[partner.clip(0)] - own.times_us[:, None])
        later = sign * difference_us < 0 if sign > 0 else difference_us >= 0
        counts = (partner >= 0) & later
        limit = np.where(waited[:, None] | others_waited[partner.clip(0)], QUEUED_LIMIT, PAIR_LIMIT)
        for number in range(CLASSES):
            # How pairs scatter tells nothing: the trigger waits for the very lag that a stamp has.
            excess_us = np.abs(difference_us - offset[:, number, None]) - 2 * width[:, None]
            cost = misfit(
                np.maximum(excess_us, 0),
                np.broadcast_to(width[:, None], excess_us.shape),
                limit,
            )
            cost += np.where(excess_us > APART_US, APART_COST, 0)
            weight[:, number] -= np.where(counts, cost, 0)
        at = np.searchsorted(other.times_us, own.times_us - NEAR_US)
        until = np.searchsorted(other.times_us, own.times_us + NEAR_US, side="right")
        lost = (partner < 0) & (until > at)[:, None]
        weight -= np.where(lost, LOST_COST, 0)[:, None, :]
    return PairEvidence((weights[0], weights[1]), partners, (offsets, second_offsets))


def _positions(counts: Int64, expected: Int64, sign: int) -> Int64:
    """For each expected count and shift, the position of the frame with that count, else -1."""
    result = np.full((len(expected), SHIFTS), -1, dtype=np.int64)
    if len(counts):
        for shift in range(SHIFTS):
            wanted = expected + sign * (shift - SHIFTS // 2)
            there = np.searchsorted(counts, wanted).clip(0, len(counts) - 1)
            result[:, shift] = np.where(counts[there] == wanted, there, -1)
    return result
