"""Why a frame has its partner and its FLC state, or none: the hypotheses that were compared."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from vampd.model.sync.sequence import CameraSequence
from vampd.model.sync.states.flc_states import FlcState
from vampd.model.sync.states.frame_outcome import FrameOutcome, judge_frame
from vampd.model.sync.states.parts import split_at_pauses
from vampd.model.sync.states.triggers import Limits, arrivals_of, decide_triggers
from vampd.model.trigger import (
    ALONE,
    DRIVEN,
    RELAXED,
    Explanation,
    Kernels,
    explain_frame,
    margin_of,
)

_STATES = {RELAXED: FlcState.B, DRIVEN: FlcState.A}
_NAT = 1024.0


@dataclass(frozen=True)
class FrameName:
    """A frame of a raw cube, and its acquisition time."""

    cube: str
    index: int
    acquired_us: int


@dataclass(frozen=True)
class ComparedHypothesis:
    """A frame's partner (None: it has none) and FLC state (None: nothing alternates).

    ``behind_nats`` is how much less likely it is than the likeliest one; ``terms`` add up to that.
    """

    partner: FrameName | None
    state: FlcState | None
    behind_nats: float
    terms: tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class FrameExplanation:
    """What sync compared for one frame; margins are how much likelier than all others together.

    The model gives a partner and a state that exceed ``needed_nats``; ``outcome`` is what sync made
    of them, with ``partner`` the frame that it names.
    """

    frame: FrameName
    outcome: FrameOutcome
    partner: FrameName | None
    found: Explanation
    needed_nats: float
    hypotheses: tuple[ComparedHypothesis, ...]


def explain(
    clocks: Sequence[tuple[CameraSequence, CameraSequence]],
    cube: str,
    index: int,
    limits: Limits,
    kernels: Kernels,
) -> FrameExplanation | None:
    """Explain a frame among triggered ones between steps of the clock; None if it is not there."""
    for cameras in clocks:
        for number, side in enumerate(cameras):
            names = [each.path for each in side.cubes]
            if cube not in names:
                continue
            at = (side.cube == names.index(cube)) & (side.frame == index)
            if at.any():
                row = int(at.argmax())
                return _explain(cameras, number, row, limits, kernels)
    return None


def _explain(
    cameras: tuple[CameraSequence, CameraSequence],
    number: int,
    row: int,
    limits: Limits,
    kernels: Kernels,
) -> FrameExplanation:
    part = next(p for p in split_at_pauses(*cameras) if row < p[number].stop)
    one, two = (side.part(own) for side, own in zip(cameras, part, strict=True))
    found = explain_frame(
        arrivals_of(one), arrivals_of(two), number, row - part[number].start, kernels
    )
    needed_nats = margin_of(limits.largest_error) / _NAT
    decided = decide_triggers(*cameras, limits, kernels)
    likeliest = found.hypotheses[0].partner
    if likeliest != ALONE:
        likeliest += part[1 - number].start
    outcome = judge_frame(decided, number, row, likeliest, found, needed_nats)
    name = _namer((two, one)[number])
    return FrameExplanation(
        frame=_namer(cameras[number])(row),
        outcome=outcome,
        partner=(None if outcome.partner is None else _namer(cameras[1 - number])(outcome.partner)),
        found=found,
        needed_nats=needed_nats,
        hypotheses=tuple(
            ComparedHypothesis(
                None if each.partner == ALONE else name(each.partner),
                _STATES.get(each.state),
                each.behind,
                (
                    ("pair", each.terms.pair),
                    ("interval_before", each.terms.interval_before),
                    ("interval_after", each.terms.interval_after),
                    ("other_frames", each.terms.other_frames),
                ),
            )
            for each in found.hypotheses
        ),
    )


def _namer(side: CameraSequence) -> Callable[[int], FrameName]:
    def name(row: int) -> FrameName:
        cube = side.cubes[int(side.cube[row])].path
        return FrameName(cube, int(side.frame[row]), int(side.acquired_us[row]))

    return name
