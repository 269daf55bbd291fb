"""Where the intervals change, and where they only look so because frames are missing."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.examples import examples
from vampd.model.sync.cards.interval_change import find_change

SCATTER_US = 3
TRAINS = 2_000


def train(period_us, half_width_us, triggers, begin_us, draw):
    """A camera's times, alternately sooner and later by half of the half width."""
    number = np.arange(triggers)
    alternates = np.where(number % 2, half_width_us // 2, -(half_width_us // 2))
    scatter = draw.integers(-SCATTER_US, SCATTER_US + 1, triggers)
    return begin_us + number * period_us + alternates + scatter


def with_losses(times_us, part, draw):
    return times_us[draw.random(len(times_us)) >= part]


def changed_between(one, two, begin_us):
    cameras = sorted((one, two), key=len, reverse=True)
    return find_change((cameras[0], cameras[1]), begin_us, int(max(one[-1], two[-1])))


def test_a_train_that_loses_frames_does_not_change():
    """But for chance, which may take from each pair of neighbors at one end of a train."""
    draw = np.random.default_rng(1)
    changed = 0
    for _ in range(TRAINS):
        period_us, triggers = int(draw.integers(500, 20_000)), int(draw.integers(40, 400))
        half_width_us = int(draw.uniform(0, 0.45) * period_us)
        whole = train(period_us, half_width_us, triggers, 0, draw)
        loss = draw.uniform(0.05, 0.3)
        cameras = with_losses(whole, loss, draw), with_losses(whole, loss, draw)
        changed += changed_between(*cameras, 0) is not None
    assert changed <= TRAINS // 200


@given(
    st.integers(500, 20_000),
    st.sampled_from([0.5, 0.7, 1.4, 1.5, 2.0, 3.0]),
    st.integers(40, 400),
    st.integers(0, 2**32),
)
@settings(max_examples=examples(100))
def test_a_change_is_found_between_the_frames_around_it(period_us, ratio, triggers, seed):
    draw = np.random.default_rng(seed)
    old = train(period_us, 0, triggers, 0, draw)
    new_us = round(period_us * ratio)
    new = train(new_us, 0, triggers, int(old[-1]) + new_us, draw)
    both = np.concatenate([old, new])
    last_us, first_us = changed_between(both, both, -1) or (0, 0)
    assert abs(last_us - old[-1]) <= 2 * SCATTER_US
    assert abs(first_us - new[0]) <= 2 * SCATTER_US
