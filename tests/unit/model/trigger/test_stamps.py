"""Stamps and counts before any inference: stretches, lateness, honest counters, costs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from vampd.model.trigger.arrivals import Arrivals, Counted, count_frames
from vampd.model.trigger.stretches import begins_of
from vampd.model.trigger.tempo import Tempo
from vampd.model.trigger.unlate import late_by, missed_by_count
from vampd.model.trigger.weights import (
    FAR_OFFSET_US_PER_NAT,
    NAT,
    NEAR_OFFSET_US,
    OFFSET_LIMIT,
    OFFSET_US_PER_NAT,
    misfit,
    offset_cost,
)

PERIOD_US = 1_000


def whole(*values: int) -> np.ndarray:
    return np.array(values, dtype=np.int64)


def counted(times_us: np.ndarray, count: np.ndarray) -> Counted:
    return Counted(times_us, count, np.zeros(len(count), dtype=np.bool_), honest=True)


def tempo(intervals: int) -> Tempo:
    one = np.ones(intervals, dtype=np.int64)
    return Tempo(PERIOD_US * one, 0 * one, 7 * one, 3 * NAT * one)


def test_a_stretch_begins_after_more_than_300_ms_and_two_of_the_shorter_exposure() -> None:
    exposure_us = whole(5_000, 2_000, 9_000)
    for longer_us, begins in ((0, False), (1, True)):
        pause_us = 300_000 + 2 * 2_000 + longer_us
        times_us = whole(0, pause_us, pause_us + 10)
        assert begins_of(times_us, exposure_us).tolist() == [True, begins, False]


def test_over_many_triggers_no_stamp_is_called_late_by_the_interval() -> None:
    times_us, count = whole(0, 39_600, 79_200), whole(0, 40, 80)
    assert not late_by(counted(times_us, count), tempo(2), 0 * count)[0].any()


def test_no_frame_is_late_by_what_came_in_another_stretch() -> None:
    after_us = 10**6 + np.arange(61) * (PERIOD_US - 10)
    times_us, count = np.concatenate([[0], after_us]), np.arange(62)
    count[1:] += 1_000
    late_us, _ = late_by(counted(times_us, count), tempo(61), 0 * count)
    assert late_us[0] == 0


def test_no_frame_is_late_by_what_came_after_the_period_changed() -> None:
    """Over the pause, neither period counts the triggers: 5.5 of the one, 27.5 of the other."""
    steps_us, rises = (
        np.repeat([5_000, 27_500, 1_000], [20, 1, 20]),
        np.repeat([1, 12, 1], (20, 1, 20)),
    )
    times_us, count = (np.concatenate([[0], np.cumsum(each)]) for each in (steps_us, rises))
    for pause_us in (5_000, 1_000):
        periods_us = np.where(steps_us > 5_000, pause_us, steps_us)
        changing = Tempo(periods_us, 0 * periods_us, 0 * periods_us + 7, 0 * periods_us)
        assert not late_by(counted(times_us, count), changing, 0 * count)[0].any()


def test_a_camera_missed_as_many_as_the_other_counted_more_and_there_was_time_for() -> None:
    own_us, other_us = whole(0, 3 * PERIOD_US), whole(100, 3 * PERIOD_US + 100)
    for there, missed in ((2, 1), (3, 2), (5, 2)):
        own, other = counted(own_us, whole(0, 1)), counted(other_us, whole(0, there))
        found, by_time = missed_by_count(own, own_us, other, other_us, tempo(1))
        assert (found.tolist(), by_time.tolist()) == ([missed], [2])


def test_no_camera_missed_what_the_other_counted_while_it_logged_nothing() -> None:
    """The trigger stood still for 10 periods, 10 ms after the other camera's logger stopped."""
    triggers = np.arange(30)
    times_us = PERIOD_US * (triggers + 10 * (triggers >= 20))
    logged = (triggers < 10) | (triggers >= 20)
    other_us = times_us[logged] + 100
    own, other = counted(times_us, triggers), counted(other_us, triggers[logged])
    for found in missed_by_count(own, times_us, other, other_us, tempo(29)):
        assert not found.any()


@pytest.mark.parametrize(("faults", "honest"), [(0, True), (4, True), (5, False)])
def test_a_counter_with_more_than_a_fault_in_fifty_frames_counts_nothing(
    faults: int, honest: bool
) -> None:
    cnt0 = np.arange(200)
    for place in range(faults):
        cnt0[10 + 30 * place :] -= 5
    assert count_frames(arrivals(cnt0, 1_000)).honest == honest


@pytest.mark.parametrize(("step_us", "honest"), [(1_000, False), (1_600, True)])
def test_a_counter_that_counts_more_than_there_was_time_for_counts_nothing(
    step_us: int, honest: bool
) -> None:
    # Two counts a step, of exposures of 1 ms; a fifth less is believed.
    assert count_frames(arrivals(2 * np.arange(200), step_us)).honest == honest


@pytest.mark.parametrize(("alike", "honest"), [(1, True), (0, False)])
def test_a_counter_is_believed_where_intervals_are_shorter_than_the_card_says(
    alike: int, honest: bool
) -> None:
    """The card is that of a close after which exposures were longer; frames were lost before it."""
    cnt0 = np.cumsum(1 + (np.arange(200) % 3 == 0) * (1 + alike))
    counted = replace(arrivals(cnt0, 1), acquired_us=300 * np.cumsum(np.diff(cnt0, prepend=0)))
    if not alike:
        counted = replace(counted, acquired_us=300 * np.arange(200))
    assert count_frames(counted).honest == honest


@pytest.mark.parametrize(("gap", "honest"), [(24, True), (1, False)])
def test_a_counter_is_believed_of_frames_that_waited_long_enough(gap: int, honest: bool) -> None:
    """Of 24 that waited together each second one was lost; the others arrive at once."""
    rises = np.ones(200, dtype=np.int64)
    steps_us = 1_200 * rises
    rises[101:113], steps_us[101:113], steps_us[100] = 2, 2, gap * 1_200
    night = replace(arrivals(np.cumsum(rises), 1), acquired_us=np.cumsum(steps_us))
    assert count_frames(night).honest == honest


def arrivals(cnt0: np.ndarray, step_us: int) -> Arrivals:
    frames = len(cnt0)
    flags, same = np.ones(frames, dtype=np.bool_), np.full(frames, 1_000, dtype=np.int64)
    return Arrivals(np.arange(frames) * step_us, cnt0, flags, flags, 0 * same, same, same // 100)


def test_a_misfit_costs_half_its_square_in_scatters_up_to_the_limit() -> None:
    residuals_us = whole(0, 7, -70, 10**9)
    assert misfit(residuals_us, whole(7), 100 * NAT).tolist() == [
        0, NAT // 2, 50 * NAT, 100 * NAT,
    ]  # fmt: skip


def test_an_offset_costs_less_beyond_its_first_limit_and_never_nothing() -> None:
    near = NEAR_OFFSET_US * NAT // OFFSET_US_PER_NAT
    offsets_us = whole(0, NEAR_OFFSET_US, -NEAR_OFFSET_US - 10 * FAR_OFFSET_US_PER_NAT, 10**7)
    assert offset_cost(offsets_us).tolist() == [0, near, near + 10 * NAT, OFFSET_LIMIT]


def test_a_frame_may_be_late_by_what_came_before_it_and_in_a_calm_train_by_nothing() -> None:
    """Only after a late frame can the next one come sooner than a trigger does."""
    count = np.arange(20)
    times_us = 1_000 * count
    times_us[10:13] += (700, 300, 100)
    _, may_be_us = late_by(counted(times_us, count), tempo(19), 0 * count)
    assert may_be_us.tolist() == [0] * 10 + [700, 300, 100] + [0] * 7
