"""What sync made of one frame, and why: by the model's figures, or by what comes after it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from vampd.model.sync.states.flc_states import CERTAIN, CODE_NONE, STATE_OF_CODE, FlcState
from vampd.model.sync.states.triggers import Decided
from vampd.model.trigger import ALONE, NONE, UNKNOWN, Explanation


class PairReason(StrEnum):
    """Why a frame has its partner, or none."""

    GIVEN = "given"
    NO_PARTNER = "no_partner"  # which is likeliest
    UNCERTAIN = "uncertain"
    EDGE = "edge"
    SHORT_STRETCH = "short_stretch"
    LATE_OR_MISSED = "late_or_missed"  # one of the two, which its time does not tell
    ODD = "odd"  # off by a trigger from the pairs before and after it
    BY_ENDS = "by_ends"  # alone of their stretch tell it from the nearer frame
    OTHER_TRIGGER = "other_trigger"  # took the frame that was counted alike: it has a partner
    OTHER_UNCERTAIN = "other_uncertain"  # the frame that is later decides
    CROSSING = "crossing"
    LARGE_OFFSET = "large_offset"


class StateReason(StrEnum):
    """Why a frame has its FLC state, D, or none."""

    GIVEN = "given"
    BY_PARTNER = "by_partner"
    UNCERTAIN = "uncertain"
    EDGE = "edge"
    LATE_OR_MISSED = "late_or_missed"
    PARTNER_DIFFERS = "partner_differs"
    NOT_SHOWN = "not_shown"  # though the cards say that the FLC switches
    NO_ALTERNATION = "no_alternation"
    NOT_IN_BEAM = "not_in_beam"
    CARDS_SAY_OFF = "cards_say_off"


@dataclass(frozen=True)
class FrameOutcome:
    """A frame's partner (row of the other camera) and FLC state, None for none; and why."""

    partner: int | None
    pair_reason: PairReason
    state: FlcState | None
    state_reason: StateReason


def judge_frame(
    decided: Decided, camera: int, row: int, likeliest: int, found: Explanation, needed_nats: float
) -> FrameOutcome:
    """What became of a frame of camera 0 or 1, explained by ``found``; it needs so many nats.

    ``likeliest`` is the row of its likeliest partner, or ALONE.
    """
    partner = _partner(decided, camera, row)
    label = int(decided.labels[camera][row])
    return FrameOutcome(
        partner,
        PairReason.GIVEN
        if partner is not None
        else _why_alone(decided, camera, row, likeliest, found, needed_nats),
        STATE_OF_CODE[label],
        _why_labeled(decided, camera, row, found, needed_nats),
    )


def _partner(decided: Decided, camera: int, row: int) -> int | None:
    own, other = decided.pairs.first, decided.pairs.second
    if camera == 1:
        own, other = other, own
    at = np.flatnonzero(own == row)
    return int(other[at[0]]) if len(at) else None


def _why_alone(
    decided: Decided, camera: int, row: int, likeliest: int, found: Explanation, needed_nats: float
) -> PairReason:
    far = decided.far.first if camera == 0 else decided.far.second
    if row in far:
        return PairReason.LARGE_OFFSET
    if decided.inferred.partners[camera][row] != ALONE:
        return PairReason.CROSSING
    if decided.inferred.odd[camera][row]:
        return PairReason.ODD
    if decided.inferred.by_ends[camera][row]:
        return PairReason.BY_ENDS
    # However uncertain the counts are, if none of them has a frame.
    if all(each.partner == ALONE for each in found.hypotheses):
        return PairReason.NO_PARTNER
    if found.pair_margin <= needed_nats:
        return PairReason.UNCERTAIN
    if found.at_edge:
        return PairReason.EDGE
    if likeliest == ALONE:
        return PairReason.NO_PARTNER
    if _partner(decided, 1 - camera, likeliest) is not None:
        return PairReason.OTHER_TRIGGER
    if found.too_far:
        return PairReason.SHORT_STRETCH
    return PairReason.LATE_OR_MISSED if found.pair_untold else PairReason.OTHER_UNCERTAIN


def _why_labeled(
    decided: Decided, camera: int, row: int, found: Explanation, needed_nats: float
) -> StateReason:
    label, state = decided.labels[camera][row], decided.inferred.states[camera][row]
    is_edge = found.at_edge and found.pair_margin > needed_nats
    is_sure = found.state_margin > needed_nats and not (is_edge or found.untold)
    if label in CERTAIN:
        return StateReason.GIVEN if is_sure else StateReason.BY_PARTNER
    if label == CODE_NONE:
        if state == UNKNOWN:
            return StateReason.CARDS_SAY_OFF
        likeliest = found.hypotheses[0].state
        return StateReason.NO_ALTERNATION if likeliest == NONE else StateReason.NOT_IN_BEAM
    if state == NONE:
        return StateReason.NOT_SHOWN
    if is_sure:
        return StateReason.PARTNER_DIFFERS
    if is_edge:
        return StateReason.EDGE
    is_untold = found.untold and found.state_margin > needed_nats
    return StateReason.LATE_OR_MISSED if is_untold else StateReason.UNCERTAIN
