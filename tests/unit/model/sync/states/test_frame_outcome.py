"""What is said of a frame is what sync made of it, and the reason is the one that decided."""

from dataclasses import replace

import numpy as np
import pytest

from tests.support.builders.frames import Night, expose, trigger_train
from vampd.fits.trigger import compiled_kernels
from vampd.model.cubes import RawCube
from vampd.model.nights import Stream
from vampd.model.sync import (
    CODE_D,
    FrameExplanation,
    Limits,
    arrange_cubes,
    chain_piece,
    explain,
    split_night,
    take_triggered,
)
from vampd.model.sync.states.frame_outcome import PairReason, StateReason, judge_frame
from vampd.model.sync.states.triggers import Decided, decide_triggers
from vampd.model.trigger import ALONE

LIMITS = Limits(1e-6, 2_000)
SWITCHING = trigger_train(60, flc_us=100)


def explained(
    night: Night, index: int, limits: Limits = LIMITS, camera: int = 1
) -> FrameExplanation:
    (piece,) = split_night(arrange_cubes(night.cubes).usable, 3_000_000)
    clocks = [take_triggered(each, ()) for each in chain_piece(piece, ())]
    cube: RawCube = night.of(Stream.VCAM1)[0]
    found = explain(clocks, cube.path, index, limits, compiled_kernels())
    assert found is not None
    return found


def reasons(found: FrameExplanation) -> tuple[str, str]:
    return str(found.outcome.pair_reason), str(found.outcome.state_reason)


def test_what_is_likeliest_by_more_than_is_needed_is_given() -> None:
    night = expose(SWITCHING)
    found = explained(night, 17)
    assert reasons(found) == ("given", "given")
    assert found.partner is not None
    assert (found.partner.cube, found.partner.index) == (night.of(Stream.VCAM2)[0].path, 17)
    assert found.outcome.state == night.state[night.of(Stream.VCAM1)[0].path, 17]


def test_what_is_not_certain_enough_is_not_given() -> None:
    found = explained(expose(trigger_train(1, flc_us=100), cameras=(1,)), 0)
    assert reasons(found) == ("no_partner", "uncertain")
    assert found.outcome.state == "D"
    assert found.found.state_margin <= found.needed_nats


def test_a_frame_that_the_other_camera_lost_has_no_partner() -> None:
    for lost, why in ((((), {30}), "other_trigger"), (((), {*range(60)}), "no_partner")):
        assert reasons(explained(expose(SWITCHING, lost=lost), 30)) == (why, "given")


def test_a_pair_beyond_the_largest_offset_is_refused_for_that() -> None:
    night = expose(trigger_train(12, period_us=20_000), offset_us=7_000, jitter_us=5)
    found = explained(night, 6, Limits(1e-3, 2_000))
    assert found.partner is None
    assert reasons(found)[0] in {"large_offset", "short_stretch"}
    assert reasons(explained(night, 6, Limits(1e-3, 20_000)))[0] != "large_offset"


def test_where_nothing_alternates_the_cards_give_the_reason() -> None:
    assert reasons(explained(expose(trigger_train(60)), 17)) == ("given", "no_alternation")
    on = expose(trigger_train(60), changes={"U_FLCEN": True})
    assert reasons(explained(on, 17)) == ("given", "not_shown")
    out = expose(SWITCHING, changes={"U_FLCST": "OUT"})
    assert reasons(explained(out, 17)) == ("given", "not_in_beam")


@pytest.fixture
def decided() -> tuple[Decided, FrameExplanation]:
    night = expose(SWITCHING)
    (piece,) = split_night(arrange_cubes(night.cubes).usable, 3_000_000)
    (cameras,) = (take_triggered(each, ()) for each in chain_piece(piece, ()))
    return decide_triggers(*cameras, LIMITS, compiled_kernels()), explained(night, 17)


def outcome(
    decided: Decided, found: FrameExplanation, likeliest: int = 17, **changed: object
) -> tuple[str, str]:
    told = replace(found.found, **changed)  # type: ignore[arg-type]
    judged = judge_frame(decided, 0, 17, likeliest, told, found.needed_nats)
    return str(judged.pair_reason), str(judged.state_reason)


def test_what_comes_after_the_model_has_reasons_of_its_own(
    decided: tuple[Decided, FrameExplanation],
) -> None:
    whole, found = decided
    others = np.arange(60) != 17
    without = replace(whole, pairs=whole.pairs.take(others))
    # The model gave the pair, and it is not among those that keep the order.
    assert outcome(without, found)[0] == PairReason.CROSSING
    assert outcome(replace(without, far=whole.pairs.take(~others)), found)[0] == (
        PairReason.LARGE_OFFSET
    )
    partners = np.where(others, whole.inferred.partners[0], ALONE), whole.inferred.partners[1]
    alone = replace(without, inferred=replace(whole.inferred, partners=partners))
    assert outcome(alone, found)[0] == PairReason.OTHER_UNCERTAIN
    parted = replace(alone.inferred, odd=(~others, whole.inferred.odd[1]))
    assert outcome(replace(alone, inferred=parted), found)[0] == PairReason.ODD
    by_ends = replace(alone.inferred, by_ends=(~others, whole.inferred.by_ends[1]))
    assert outcome(replace(alone, inferred=by_ends), found)[0] == PairReason.BY_ENDS
    assert outcome(alone, found, likeliest=18)[0] == PairReason.OTHER_TRIGGER
    assert outcome(alone, found, likeliest=ALONE)[0] == PairReason.NO_PARTNER
    assert outcome(alone, found, too_far=True)[0] == PairReason.SHORT_STRETCH
    assert outcome(alone, found, pair_untold=True)[0] == PairReason.LATE_OR_MISSED
    assert outcome(alone, found, at_edge=True)[0] == PairReason.EDGE
    assert outcome(alone, found, pair_margin=1.0)[0] == PairReason.UNCERTAIN
    # The partner was certain of what this frame alone was not.
    assert outcome(whole, found, state_margin=1.0)[1] == StateReason.BY_PARTNER
    dubious = whole.labels[0].copy()
    dubious[17] = CODE_D
    unlike = replace(whole, labels=(dubious, whole.labels[1]))
    assert outcome(unlike, found)[1] == StateReason.PARTNER_DIFFERS
    assert outcome(unlike, found, at_edge=True)[1] == StateReason.EDGE
    assert outcome(unlike, found, untold=True)[1] == StateReason.LATE_OR_MISSED
    assert outcome(unlike, found, untold=True, state_margin=1.0)[1] == StateReason.UNCERTAIN
    assert outcome(whole, found, untold=True)[1] == StateReason.BY_PARTNER
