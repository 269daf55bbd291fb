"""Margins: by how much what the model gives is likelier than all else."""

import numpy as np
import pytest

from tests.unit.model.trigger.test_inference import (
    LARGEST_ERROR,
    OFFSET_US,
    arrivals,
    nothing,
    solve,
    train,
)
from vampd.model.trigger import ALONE, DRIVEN, RELAXED, UNKNOWN, chance_of, margin_of
from vampd.model.trigger.partners import agree


@pytest.mark.parametrize("error", [0.3, 0.01, 1e-6, 1e-10])
def test_a_margin_states_the_chance_that_asks_for_it(error):
    assert chance_of(margin_of(error)) <= error < chance_of(margin_of(error) - 1)


def test_a_margin_that_proves_nothing_states_that_all_may_be_wrong():
    assert chance_of(margin_of(1.0)) == chance_of(0) == 1.0
    assert chance_of(margin_of(1.0) + 1) < 1.0


def test_what_is_given_has_more_than_the_margin_that_is_asked_for_and_what_is_not_has_none():
    times = train(60)
    kept = np.delete(np.arange(60), [7, 8, 31])
    found = solve(arrivals(times, kept), arrivals(times + OFFSET_US, count=77))
    least = margin_of(LARGEST_ERROR)
    for states, margins in zip(found.states, found.margins.states, strict=True):
        assert ((margins > least) == np.isin(states, (RELAXED, DRIVEN))).all()
        assert set(margins[margins <= least].tolist()) <= {0}
    paired = found.partners[0] != ALONE
    assert paired.any()
    assert (found.margins.pairs[paired] > least).all()


def test_frames_without_a_partner_have_no_margin_of_a_pair():
    times = train(60)
    alone = solve(arrivals(times), nothing())
    assert not alone.margins.pairs.any()
    assert alone.margins.states[0].all()
    other = np.delete(np.arange(60), [20, 21])
    found = solve(arrivals(times), arrivals(times + OFFSET_US, other))
    assert np.flatnonzero(found.margins.pairs == 0).tolist() == [20, 21]


def test_frames_that_the_cards_exempt_have_no_margin_of_a_state():
    times = train(60)
    sides = [arrivals(times, fitted=False), arrivals(times + OFFSET_US, fitted=False)]
    assert not any(margins.any() for margins in solve(*sides).margins.states)


def test_both_frames_of_a_pair_have_the_margin_of_the_surer_one():
    first = np.array([RELAXED, UNKNOWN, RELAXED, RELAXED])
    second = np.array([DRIVEN, DRIVEN, RELAXED, UNKNOWN])
    margins = np.array([5, 0, 7, 9], np.int32), np.array([8, 6, 4, 0], np.int32)
    partners = np.array([1, -1, 2, 0])  # camera 2's last frame is alone
    agree((first, second), margins, partners, UNKNOWN)
    assert first.tolist() == [UNKNOWN, UNKNOWN, RELAXED, UNKNOWN]
    assert margins[0].tolist() == [0, 0, 7, 0]
    assert second.tolist() == [UNKNOWN, UNKNOWN, RELAXED, UNKNOWN]
    assert margins[1].tolist() == [0, 0, 7, 0]


def test_a_frame_of_no_known_state_takes_state_and_margin_of_its_partner():
    first, second = np.array([UNKNOWN, DRIVEN]), np.array([RELAXED, UNKNOWN])
    margins = np.array([0, 6], np.int32), np.array([8, 0], np.int32)
    agree((first, second), margins, np.array([0, 1]), UNKNOWN)
    assert first.tolist() == second.tolist() == [RELAXED, DRIVEN]
    assert margins[0].tolist() == margins[1].tolist() == [8, 6]
