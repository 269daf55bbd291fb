"""Counting triggers: how far the framegrabber's counter is believed."""

import numpy as np
import pytest

from vampd.model.sync.labels.counting import (
    Steps,
    count_by_counter,
    count_by_time,
    forbid_by_counter,
)

PERIOD_US = 2_000


def steps_of(acquired_us: np.ndarray) -> Steps:
    return count_by_time(acquired_us, float(PERIOD_US), 0.0, 7.2)


@pytest.mark.parametrize(("agreeing", "is_believed"), [(2, False), (3, True)])
def test_a_counter_is_believed_where_it_agrees_with_three_other_steps(
    agreeing: int, is_believed: bool
) -> None:
    # Then steps of two triggers on which it rises by one, and one on which it rises by too much.
    triggers = np.array([1] * agreeing + [2] * 5 + [1])
    rises = np.array([1] * agreeing + [1] * 5 + [2])
    steps = steps_of(np.concatenate([[0], np.cumsum(triggers)]) * PERIOD_US)
    assert steps.triggers.tolist() == triggers.tolist()
    assert steps.linked.all()
    linked = forbid_by_counter(steps, np.concatenate([[0], np.cumsum(rises)]))
    assert linked.tolist() == [True] * (agreeing + 5) + [not is_believed]


@pytest.mark.parametrize("where", [5, 25])
def test_a_counter_that_contradicts_a_step_nearby_is_not_believed(where: int) -> None:
    steps = steps_of(np.arange(31) * PERIOD_US)
    rises = np.ones(30, np.int64)
    rises[15] = 2
    assert not forbid_by_counter(steps, np.concatenate([[0], np.cumsum(rises)]))[15]
    rises[where] = 0
    assert forbid_by_counter(steps, np.concatenate([[0], np.cumsum(rises)])).all()


@pytest.mark.parametrize("late", range(1, 7))
def test_the_counter_joins_what_up_to_three_late_stamps_in_a_row_have_parted(late: int) -> None:
    acquired_us = np.arange(60) * PERIOD_US
    acquired_us[30 : 30 + late] += np.where(np.arange(late) % 2, 300, 700)
    cnt0 = np.arange(60)
    steps = steps_of(acquired_us)
    assert np.flatnonzero(~steps.linked).tolist() == [*range(29, 30 + late)]
    triggers, linked = count_by_counter(
        acquired_us, cnt0, steps, interval_us=float(PERIOD_US), jitter_us=0.0
    )
    assert linked.all() == (late <= 3)
    if linked.all():
        assert (triggers == 1).all()
