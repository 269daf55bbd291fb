"""Explanation: what the model compared for one frame, and what each item of evidence counted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vampd.model.trigger.arrivals import Arrivals
from vampd.model.trigger.evidence import Evidence
from vampd.model.trigger.inference import (
    DRIVEN,
    NONE,
    RELAXED,
    Weighed,
    read_states,
    weigh,
)
from vampd.model.trigger.kernels import PLAIN, Kernels
from vampd.model.trigger.lattice import PHASES
from vampd.model.trigger.night import Night, is_far, is_untold_pair, survey
from vampd.model.trigger.partners import ALONE, is_at_edge
from vampd.model.trigger.tempo import at_frames
from vampd.model.trigger.weights import CLASSES, LOG_ADD, LOG_ADD_BITS, NAT, NEVER, SHIFTS

Int64 = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Terms:
    """What each item of evidence counts (nats) for a hypothesis, and all other frames together."""

    interval_before: float
    interval_after: float
    pair: float
    other_frames: float


@dataclass(frozen=True)
class Hypothesis:
    """A frame's partner (row of the other camera, or ALONE) and state (NONE, RELAXED or DRIVEN).

    ``behind`` is how much less likely it is than the likeliest one, in nats.
    """

    partner: int
    state: int
    behind: float
    terms: Terms


@dataclass(frozen=True)
class Explanation:
    """What the model knows around a frame (us; 0: nothing), and its hypotheses, likeliest first.

    ``pair_margin`` and ``state_margin`` are by how much (nats) the partner, and the state, are
    likelier than all others together, less what `doubt_at_misses` takes. ``offset_us`` is None
    where no pair is near. ``at_edge`` says that the cameras' counts may differ by more than is
    compared, ``too_far`` that the likeliest partner is farther away than so few frames prove:
    nothing, or no pair, is given then. ``untold`` says that the frame may as well be late as the
    next trigger missed, ``pair_untold`` that it or its likeliest partner may: no state, or no pair,
    is given then.
    """

    period_us: int
    half_width_us: int
    scatter_us: int
    offset_us: int | None
    pair_margin: float
    state_margin: float
    at_edge: bool
    too_far: bool
    untold: bool
    pair_untold: bool
    hypotheses: tuple[Hypothesis, ...]


def explain_frame(
    first: Arrivals, second: Arrivals, camera: int, row: int, kernels: Kernels = PLAIN
) -> Explanation:
    """Explain one frame of camera 0 or 1 by the inference that decided about it."""
    night = survey(first, second)
    position = int(np.flatnonzero((night.camera == camera) & (night.row == row))[0])
    piece = next(p for p in weigh(night, kernels) if p.begin <= position < p.end)
    own = night.cameras[camera]
    read = read_states(night, piece, kernels)[position - piece.begin]
    found = _group(night, piece, position)
    best = max(total for total, _ in found.values())
    known = len(own.tempo.period_us) > 0
    offset_us = int(own.offsets_us[row, CLASSES // 2])
    partner = int(piece.evidence.partners[position - piece.start, read[0]])
    pair = np.array([row]), np.array([partner])
    return Explanation(
        period_us=int(at_frames(own.tempo.period_us)[row]),
        half_width_us=int(at_frames(own.tempo.half_width_us)[row]),
        scatter_us=int(at_frames(own.tempo.scatter_us)[row]) if known else 0,
        offset_us=offset_us if abs(offset_us) < _UNKNOWN_US else None,
        pair_margin=int(read[1]) / NAT,
        state_margin=int(read[3]) / NAT,
        at_edge=is_at_edge(int(read[0])),
        too_far=partner != ALONE and bool(is_far(night, pair[camera], pair[1 - camera])[0]),
        untold=bool(own.untold[row]),
        pair_untold=bool(own.untold[row])
        or (partner != ALONE and bool(is_untold_pair(night, pair[camera], pair[1 - camera])[0])),
        hypotheses=tuple(
            sorted(
                (
                    Hypothesis(
                        partner,
                        code,
                        (best - total) / NAT,
                        _terms(night, piece, position, state, code, total - best),
                    )
                    for (partner, code), (total, state) in found.items()
                ),
                key=lambda each: (each.behind, each.partner, each.state),
            )
        ),
    )


_UNKNOWN_US = 10**11
_FARTHEST = 60 * NAT  # behind the likeliest: no one asks for these


def _group(
    night: Night, piece: Weighed, position: int
) -> dict[tuple[int, int], tuple[int, tuple[int, int, int]]]:
    """By partner and state: the log-likelihood, and the likeliest (class, shift, phase) of it."""
    here = position - piece.start
    totals = (piece.forward[here] + piece.backward[here]).reshape(PHASES, SHIFTS, CLASSES).T
    camera = int(night.camera[position])
    found: dict[tuple[int, int], tuple[int, tuple[int, int, int]]] = {}
    heights: dict[tuple[int, int], int] = {}
    least = int(totals.max()) - _FARTHEST
    for number, shift, phase in np.argwhere(totals > least).tolist():
        total = int(totals[number, shift, phase])
        turned = int(night.count[position])
        if camera == 1:
            turned -= int(night.reference[position]) + shift - SHIFTS // 2
        code = NONE if phase == PHASES - 1 else RELAXED + ((turned + phase) & 1)
        key = int(piece.evidence.partners[here, shift]), code
        known, state = found.get(key, (2 * NEVER, (number, shift, phase)))
        if total > heights.get(key, 2 * NEVER):
            heights[key], state = total, (number, shift, phase)
        found[key] = _add(known, total), state
    return found


def _terms(
    night: Night, piece: Weighed, position: int, state: tuple[int, int, int], code: int, total: int
) -> Terms:
    number, shift, _ = state
    here, evidence = position - piece.start, piece.evidence
    mine = np.flatnonzero(
        night.camera[piece.start :][: len(evidence.pairs)] == night.camera[position]
    )
    place = int(np.searchsorted(mine, here))
    before = after = 0
    if place > 0:
        rise = int(night.count[position] - night.previous[position])
        before = max(_before(evidence, here, code, rise))
    if place + 1 < len(mine):
        following = int(mine[place + 1])
        after = int(_after(evidence, following, code).max())
    pair = int(evidence.pairs[here, number, shift])
    partner = int(evidence.partners[here, shift])
    if partner != ALONE:
        theirs = (night.camera != night.camera[position]) & (night.row == partner)
        there = int(np.flatnonzero(theirs)[0])
        turned = shift + int(night.reference[position] - night.reference[there])
        if position < there < piece.start + len(evidence.pairs) and 0 <= turned < SHIFTS:
            # A pair's weight belongs to the later of its two frames.
            pair = int(evidence.pairs[there - piece.start, number, turned])
    rest = total - before - after - pair
    return Terms(before / NAT, after / NAT, pair / NAT, rest / NAT)


def _before(evidence: Evidence, frame: int, code: int, rise: int) -> Iterator[int]:
    """What the interval before the frame counts, by the triggers that were missed in it."""
    for option, gone in enumerate(evidence.intervals.missed[frame].tolist()):
        if code == NONE:
            yield int(evidence.intervals.steady[frame, option])
        else:
            same = (rise + gone) % 2 == 0
            relaxed = (code == RELAXED) == same
            yield int(evidence.intervals.alternating[frame, int(relaxed), option])


def _after(evidence: Evidence, following: int, code: int) -> Int64:
    """What the interval to the camera's next frame counts, by the triggers missed in it."""
    if code == NONE:
        return np.asarray(evidence.intervals.steady[following])
    return np.asarray(evidence.intervals.alternating[following, int(code != DRIVEN)])


def _add(one: int, two: int) -> int:
    """The logarithm of a sum, as in ``lattice``."""
    high, gap = max(one, two), abs(one - two)
    return high + int(LOG_ADD[gap >> LOG_ADD_BITS]) if gap < len(LOG_ADD) << LOG_ADD_BITS else high
