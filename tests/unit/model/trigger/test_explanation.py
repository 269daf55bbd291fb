"""An explanation has the very numbers of the inference that it explains."""

import numpy as np
import pytest

from tests.unit.model.trigger.test_inference import (
    HALF_US,
    LARGEST_ERROR,
    OFFSET_US,
    arrivals,
    nothing,
    solve,
    train,
)
from vampd.fits.trigger import compiled_kernels
from vampd.model.trigger import ALONE, NONE, UNKNOWN, explain_frame, margin_of
from vampd.model.trigger.weights import NAT


def explain(one, two, camera, row):
    return explain_frame(one, two, camera, row, compiled_kernels())


@pytest.mark.parametrize("row", [0, 1, 17, 30, 58])
@pytest.mark.parametrize("camera", [0, 1])
def test_what_is_likeliest_is_what_was_decided(camera, row):
    times = train(60)
    one, two = arrivals(times, kept=[*range(30), *range(31, 60)]), arrivals(times + OFFSET_US)
    found = solve(one, two)
    told = explain(one, two, camera, row)
    likeliest = told.hypotheses[0]
    needed = margin_of(LARGEST_ERROR) / NAT

    if told.state_margin > needed:
        assert found.states[camera][row] == likeliest.state
    else:
        assert camera == 1 or found.states[camera][row] == UNKNOWN
    if told.pair_margin > needed:
        assert likeliest.partner == found.partners[camera][row] or found.partners[camera][row] < 0
    assert told.period_us == pytest.approx(3_000, abs=2)
    assert told.half_width_us == pytest.approx(HALF_US, abs=4)


def test_the_terms_of_a_hypothesis_add_up_to_how_far_it_is_behind():
    times = train(60)
    told = explain(arrivals(times), arrivals(times + OFFSET_US), 0, 30)

    for each in told.hypotheses:
        terms = each.terms
        total = terms.pair + terms.interval_before + terms.interval_after + terms.other_frames
        assert total == pytest.approx(-each.behind)
    assert [each.behind for each in told.hypotheses] == sorted(e.behind for e in told.hypotheses)
    # With no alternation, the long interval is as unlike T as the short one.
    steady = next(each for each in told.hypotheses if each.state == NONE)
    assert steady.terms.interval_after < told.hypotheses[0].terms.interval_after


def test_one_camera_alone_is_explained_without_a_partner():
    told = explain(arrivals(train(60)), nothing(), 0, 20)

    assert {each.partner for each in told.hypotheses} == {ALONE}
    assert told.offset_us is None


def test_an_error_is_a_margin_in_the_unit_of_weights():
    assert margin_of(np.exp(-14)) == 14 * NAT
    assert margin_of(1e-6) > 13.8 * NAT
    # A chance of one in three takes more than a likelihood three times as large.
    assert margin_of(0.3) > 7 * NAT
