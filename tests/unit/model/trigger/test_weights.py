"""The distances at which the other camera's frame counts: half or twice of each is noticed."""

import numpy as np
import pytest

from vampd.model.trigger.partners import weigh_partners
from vampd.model.trigger.weights import (
    CLOSE_COST,
    DOUBLING_COST,
    LATE_BY_PERIODS_COST,
    LOST_COST,
    NAT,
    PAIR_COSTS,
    PAIR_LIMIT,
    either,
    offset_cost,
)

SHORTEST_US = 5_500


def weight_of(apart_us, own_count, width_us=7, calm=0, waited=(0, 0)):
    """What camera 1's frame says that comes so much after the only one of camera 2, count 7."""
    one = np.ones(1, dtype=np.int64)
    weights, partners = np.zeros((1, 1, 1), dtype=np.int64), np.zeros((1, 1), dtype=np.int64)
    weigh_partners(
        own_us=one * 10**9,
        own_stamped_us=one * 10**9,
        own_counts=one * own_count,
        first=0,
        queued=waited[0] * one,
        other_us=one * (10**9 - apart_us),
        other_stamped_us=one * (10**9 - apart_us),
        other_counts=one * 7,
        other_queued=waited[1] * one,
        offsets_us=np.zeros((1, 1), dtype=np.int64),
        width_us=one * width_us,
        period_us=one * SHORTEST_US,
        half_us=0 * one,
        shortest_us=one * SHORTEST_US,
        calm=calm * one,
        sign=1,
        shifts=1,
        costs=PAIR_COSTS,
        weights=weights,
        partners=partners,
    )
    return -int(weights[0, 0, 0])


@pytest.mark.parametrize(
    ("apart_us", "cost"),
    # The first pays for both frames.
    [(800, 2 * CLOSE_COST), (1_200, LOST_COST), (15_000, LOST_COST), (25_000, 0)],
)
def test_a_frame_that_is_lost_by_the_count_has_none_near_in_time(apart_us, cost):
    """1 ms is as far as frames of one trigger are apart, 20 ms as late as a stamp mostly is."""
    assert weight_of(apart_us, own_count=5) == cost


@pytest.mark.parametrize("waited", [(0, 1), (1, 0), (1, 1)])
@pytest.mark.parametrize("apart_us", [0, 100, 800])
def test_what_waited_is_close_to_a_frame_by_chance(apart_us, waited):
    """It was stamped with a frame of another trigger: how near that came tells nothing."""
    assert weight_of(apart_us, own_count=5, waited=waited) == LOST_COST


@pytest.mark.parametrize(("apart_us", "cost"), [(80_000, PAIR_LIMIT), (150_000, 0)])
def test_what_is_a_tenth_of_a_second_apart_only_happens_to_count_alike(apart_us, cost):
    assert weight_of(apart_us, own_count=7) == cost


@pytest.mark.parametrize(("offset_us", "nats"), [(64, 1), (2_880, 45), (-2_880, 45), (4_880, 50)])
def test_an_offset_is_hundreds_of_us_and_a_larger_one_is_not_much_less_likely(offset_us, nats):
    assert offset_cost(np.array([offset_us])).tolist() == [nats * NAT]


@pytest.mark.parametrize(
    ("width_us", "halvings"), [(1, 10), (7, 7), (30, 5), (172, 2), (340, 2), (350, 1), (700, 0)]
)
def test_to_be_late_by_just_a_period_costs_as_much_as_it_is_unlikely(width_us, halvings):
    """Of all lateness, eight widths of a period are as near to it: so many halves of it."""
    cost = weight_of(SHORTEST_US + 2 * width_us, own_count=7, width_us=width_us, calm=1)
    assert cost == PAIR_LIMIT + min(halvings * DOUBLING_COST, LATE_BY_PERIODS_COST)


@pytest.mark.parametrize("one", [0, 0.02, 0.1, 0.5, 1, 3.875])
@pytest.mark.parametrize("other", [0, 0.01, 0.13, 2, 3.875])
def test_two_readings_cost_what_the_chance_of_either_does(one, other):
    """To a hundredth of a nat, so that many intervals together do not show what none does."""
    exact = -np.log((np.exp(-one) + np.exp(-other)) / 2)
    costs = (np.array([round(nats * NAT)]) for nats in (one, other))
    assert either(*costs)[0] / NAT == pytest.approx(exact, abs=0.005)
