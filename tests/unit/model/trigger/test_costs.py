"""What each cost decides: a night at its edge, where half and twice of it are noticed.

A margin of evidence shows by which stated chances are met: a pair or a state is given at one and
no longer at a smaller one.
"""

from dataclasses import replace

import numpy as np
import pytest

from tests.unit.model.trigger.test_inference import OFFSET_US, arrivals, nothing, train
from vampd.fits.trigger import compiled_kernels
from vampd.model.trigger import ALONE, UNKNOWN, infer

FRAMES = 40
PERIOD_US = 2_500


def decide(night, chance):
    """The inference at this chance of an error."""
    one, two = night
    return infer(one, two, chance, compiled_kernels())


def imaging():
    """Both cameras' frames of triggers without the FLC."""
    times = train(FRAMES, half_us=0)
    cards = {"half_width_us": 0, "switching": False}
    return arrivals(times, **cards), arrivals(times + OFFSET_US, **cards)


def with_last_later(frames, later_us):
    """Camera 2's last frames come so much later; both counters rise by one each."""
    one, two = imaging()
    late_us = np.where(np.arange(FRAMES) >= FRAMES - frames, later_us, 0)
    return one, replace(two, acquired_us=two.acquired_us + late_us)


def pairs_of(row, night, chance):
    return int(decide(night, chance).partners[0][row])


def both_miss_before_the_last(missed):
    """No count shows it: the trigger may as well have stood still."""
    kept = [*range(FRAMES), FRAMES + missed]
    times = train(FRAMES + missed + 1)
    counts = 500 + np.arange(len(kept))
    return tuple(replace(arrivals(t, kept), cnt0=counts) for t in (times, times + OFFSET_US))


@pytest.mark.parametrize(("chance", "partner"), [(1e-13, FRAMES - 1), (1e-15, ALONE)])
def test_two_last_frames_late_by_a_part_of_the_period_pair_by_their_counts(chance, partner):
    """A pair's misfit speaks against it; the other reading has lost frames near in time."""
    assert pairs_of(FRAMES - 1, with_last_later(2, 700), chance) == partner


@pytest.mark.parametrize(("chance", "partner"), [(1e-9, FRAMES - 2), (1e-10, ALONE)])
def test_two_last_frames_later_by_a_period_are_hardly_late_by_chance(chance, partner):
    """They are of the next triggers, of which camera 2 missed one without a trace.

    Of all that they may be late by, a fortieth is as near to a period.
    """
    night = with_last_later(2, PERIOD_US)
    assert pairs_of(FRAMES - 1, night, chance) == partner


@pytest.mark.parametrize(("chance", "partner"), [(1e-30, FRAMES // 2), (1e-50, ALONE)])
def test_a_count_that_jumps_in_mid_train_hardly_means_something_new_unseen(chance, partner):
    one, two = imaging()
    jump = np.where(np.arange(FRAMES) >= FRAMES // 2, 5, 0)
    assert pairs_of(FRAMES // 2, (replace(one, cnt0=one.cnt0 + jump), two), chance) == partner


@pytest.mark.parametrize(("chance", "labeled"), [(1e-6, True), (1e-7, False)])
def test_four_pauses_tell_the_state_where_the_scatter_hides_the_alternation(chance, labeled):
    """The trigger pauses after a turn: J is 1 us, and the frame before each pause is driven."""
    turn, half_us = 6, 1
    pauses = [(turn * (number + 1) - 1, 40_000) for number in range(4)]
    times = train(5 * turn, half_us, pauses)
    found = decide((arrivals(times, half_width_us=half_us), nothing()), chance)
    assert (found.states[0][9] != UNKNOWN) == labeled


@pytest.mark.parametrize("missed", [1, 9])
def test_an_interval_longer_by_whole_periods_does_not_tell_a_pause_from_a_miss(missed):
    """Not even where one wrong in ten is allowed."""
    found = decide(both_miss_before_the_last(missed), 0.1)
    assert [states[-1] for states in found.states] == [UNKNOWN, UNKNOWN]


@pytest.mark.parametrize(("missed", "partner"), [(12, ALONE), (20, FRAMES)])
def test_over_more_than_sixteen_periods_no_interval_counts_as_whole(missed, partner):
    """T is not exact enough to tell: it is as any pause, and the last frames are a pair."""
    assert pairs_of(FRAMES, both_miss_before_the_last(missed), 1e-6) == partner
