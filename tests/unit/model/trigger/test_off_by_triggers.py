"""A pair may be as far from the usual offset as triggers are from each other."""

import numpy as np
import pytest

from vampd.model.trigger.partners import is_off_by_triggers

PERIOD_US, HALF_US, WIDTH_US, USUAL_US = 3_000, 500, 10, 140


@pytest.mark.parametrize("sign", [-1, 1])
@pytest.mark.parametrize(
    ("apart_us", "off"),
    [
        *((0, False), (2_459, False), (2_460, True), (2_500, True), (2_541, False)),
        *((3_040, True), (3_041, False), (3_500, True), (6_000, True)),
        *((16 * PERIOD_US, True), (17 * PERIOD_US, False)),
    ],
)
def test_a_pair_is_off_by_triggers_where_t_or_the_alternation_fits(apart_us, off, sign):
    offsets_us = np.array([USUAL_US + sign * apart_us])
    found = is_off_by_triggers(
        offsets_us, *(np.array([each]) for each in (USUAL_US, PERIOD_US, HALF_US, WIDTH_US))
    )

    assert found.tolist() == [off]


def test_without_a_period_no_pair_is():
    one = np.ones(1, dtype=np.int64)
    assert not is_off_by_triggers(3_000 * one, 0 * one, 0 * one, 0 * one, 10 * one).any()
