from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vampd.model.nights import Kind, NightId
from vampd.model.sync import CODE_A, CODE_B, CODE_NONE
from vampd.simulate import (
    STANDARD,
    ClockJump,
    Counter,
    Pause,
    Readout,
    Run,
    Scenario,
    Trigger,
    plan_night,
)
from vampd.simulate.trigger import (
    fire_triggers,
    lose_frames,
    record_frames,
    spoil_counter,
    stall_loggers,
)

START_US = 1_762_405_200_000_000

RUN = Run(
    triggers=400,
    period_us=10_000,
    exptime_us=9_000,
    frames_per_cube=(100, 100),
    offset_us=140.0,
    camera_loss=0.02,
    logger_loss=0.02,
)
seeds = st.integers(0, 2**32)


def record(run, camera, seed):
    rng = np.random.default_rng(seed)
    return record_frames(run, camera, fire_triggers(run, rng), START_US, rng)


@given(seeds, st.integers(2, 300), st.integers(1, 900))
def test_a_frame_followed_by_the_long_interval_is_b_and_the_states_alternate(seed, triggers, half):
    run = replace(RUN, triggers=triggers, flc_jitter_us=half)

    train = fire_triggers(run, np.random.default_rng(seed))

    expected = np.where(train.states[:-1] == CODE_B, 10_000 + half, 10_000 - half)
    assert np.array_equal(np.diff(train.times_us), expected)
    assert set(train.states) == {CODE_A, CODE_B}
    assert (train.states[1:] != train.states[:-1]).all()


@pytest.mark.parametrize("counter", Counter)
def test_a_counter_of_each_kind_shows_what_its_name_says(counter):
    count = np.flatnonzero(np.random.default_rng(0).random(2_000) > 0.05).astype(np.int64)
    rng = np.random.default_rng(1)

    shown = spoil_counter(replace(RUN, counter=counter), count, rng)

    steps, true_steps = np.diff(shown), np.diff(count)
    assert len(shown) == len(count)
    match counter:
        case Counter.HONEST | Counter.NEW_IN_CUBES:
            assert (shown == count).all()
        case Counter.STUCK:
            assert not steps.any()
        case Counter.RANDOM:
            assert 0.4 < (steps > 0).mean() < 0.6
        case Counter.BY_TWOS:
            assert (steps == 2 * true_steps).all()
        case Counter.OF_LOGGED:
            assert (steps == 1).all()
        case Counter.RESTARTS:
            assert 5 < (shown == 0).sum() < 40
            assert (steps == true_steps)[shown[1:] != 0].all()
        case Counter.SKIPS:
            assert set((steps - true_steps).tolist()) == {0, 1, 2, 3}
            assert 0.98 < (steps == true_steps).mean() < 1


def test_a_run_whose_counter_begins_anew_with_each_cube_has_no_other_counts():
    run = replace(RUN, counter=Counter.NEW_IN_CUBES)
    scenario = Scenario("anew", STANDARD, (run, run))

    cubes = plan_night(scenario, NightId("20251106", Kind.ARCHIVE), 1).cubes

    assert {int(cube.timing.cnt0[0]) for cube in cubes} == {0}
    assert len(cubes) == 16


def test_either_state_may_come_first():
    run = replace(RUN, flc_jitter_us=20)
    first = {int(fire_triggers(run, np.random.default_rng(seed)).states[0]) for seed in range(20)}

    assert first == {CODE_A, CODE_B}


def test_without_the_flc_intervals_are_equal_and_frames_have_no_state():
    train = fire_triggers(RUN, np.random.default_rng(1))

    assert (np.diff(train.times_us) == 10_000).all()
    assert (train.states == CODE_NONE).all()


@given(seeds, st.sampled_from(Readout), st.floats(-400, 400))
def test_partners_differ_by_the_offset_and_less_than_a_row_of_jitter(seed, readout, offset_us):
    run = replace(RUN, readout=readout, offset_us=offset_us, camera_loss=0.0, logger_loss=0.0)
    rng = np.random.default_rng(seed)
    train = fire_triggers(run, rng)
    first = record_frames(run, 1, train, START_US, rng)
    second = record_frames(run, 2, train, START_US, rng)

    difference_us = second.acquired_us - first.acquired_us - offset_us

    assert (np.abs(difference_us) <= readout.row_us + 1).all()  # 1: rounded to microseconds
    assert np.abs(difference_us).max() > readout.row_us / 2


def test_times_are_the_ends_of_exposures():
    late = record(replace(RUN, exptime_us=9_000), 1, seed=5)
    early = record(replace(RUN, exptime_us=2_000), 1, seed=5)

    assert (late.acquired_us - early.acquired_us == 7_000).all()


@given(seeds, st.sampled_from((1, 2)))
def test_gaps_in_time_show_every_lost_frame(seed, camera):
    recorded = record(RUN, camera, seed)

    steps_us = np.diff(recorded.acquired_us)

    assert np.array_equal(np.rint(steps_us / RUN.period_us), np.diff(recorded.exposures))


@given(seeds)
def test_a_frame_lost_by_the_camera_leaves_no_jump_in_cnt0(seed):
    recorded = record(replace(RUN, logger_loss=0.0), 1, seed)

    assert (np.diff(recorded.count) == 1).all()
    assert recorded.delivered == len(recorded.count)


@given(seeds)
def test_a_frame_lost_by_the_logger_is_a_jump_in_cnt0(seed):
    recorded = record(replace(RUN, camera_loss=0.0), 1, seed)

    assert np.array_equal(np.diff(recorded.count), np.diff(recorded.exposures))
    assert recorded.delivered == RUN.triggers


def test_both_kinds_of_loss_happen():
    recorded = record(RUN, 1, seed=3)

    assert len(recorded.count) < recorded.delivered < RUN.triggers


@given(seeds)
def test_the_logging_clock_rises_and_is_later_than_the_framegrabbers(seed):
    recorded = record(replace(RUN, period_us=50, exptime_us=40), 1, seed)

    assert (np.diff(recorded.logged_ns) > 0).all()
    assert (recorded.logged_ns > recorded.acquired_us * 1000).all()


def test_a_free_running_camera_has_no_triggers_and_a_clock_of_its_own():
    run = replace(RUN, trigger=Trigger.FREE_RUNNING, camera_loss=0.0, logger_loss=0.0)
    first, second = record(run, 1, seed=1), record(run, 2, seed=2)

    assert (first.trigger_numbers(7) == -1).all()
    drift_us = (second.acquired_us - first.acquired_us)[[0, -1]]
    assert drift_us[0] != drift_us[1]


def test_triggered_frames_are_numbered_after_those_of_earlier_runs():
    recorded = record(RUN, 1, seed=1)

    assert np.array_equal(recorded.trigger_numbers(1000), 1000 + recorded.exposures)


def test_a_logger_that_is_switched_on_late_misses_the_first_triggers():
    run = replace(RUN, skipped=(0, 9), camera_loss=0.0, logger_loss=0.0)

    assert record(run, 1, seed=1).exposures[0] == 0
    assert record(run, 2, seed=1).exposures[0] == 9
    assert record(run, 2, seed=1).count[0] == 9  # the framegrabber was on


@given(seeds, st.integers(1, 5))
def test_losses_are_no_longer_than_told_unless_they_touch(seed, longest):
    rng = np.random.default_rng(seed)

    lost = lose_frames(20_000, 0.001, longest, rng)

    lengths = np.diff(np.flatnonzero(np.diff(np.concatenate([[0], lost, [0]]))))[::2]
    assert 0.0002 < lost.mean() < 0.001 * longest * 2
    assert np.median(lengths) <= longest


def test_nothing_is_lost_at_rate_zero():
    assert not lose_frames(1000, 0.0, 3, np.random.default_rng(1)).any()


@pytest.mark.parametrize(
    "change",
    [
        {"triggers": 0},
        {"frames_per_cube": (10, 0)},
        {"exptime_us": 0},
        {"exptime_us": 10_001},
        {"exptime_us": 9_990, "flc_jitter_us": 20},
        {"cameras": ()},
        {"cameras": (3,)},
        {"flc_jitter_us": 20, "trigger": Trigger.FREE_RUNNING},
        {"late_stamps": 0.1, "latest_stamp_us": 9_995.0},
        {"pauses": (Pause(0, 1.0),)},
        {"pauses": (Pause(400, 1.0),)},
    ],
)
def test_a_run_that_no_camera_could_do_is_refused(change):
    with pytest.raises(ValueError, match=r"run|exposure|camera|FLC|stamp"):
        replace(RUN, **change)


def whole(**changes):
    return replace(RUN, camera_loss=0.0, logger_loss=0.0, **changes)


@given(seeds)
def test_a_pause_is_no_interval_and_the_flc_begins_anew_behind_it(seed):
    run = whole(flc_jitter_us=20, pauses=(Pause(150, 0.5), Pause(301, 2.0)))

    train = fire_triggers(run, np.random.default_rng(seed))

    steps_us = np.diff(train.times_us)
    expected = np.where(train.states[:-1] == CODE_B, 10_020, 9_980)
    inside = np.setdiff1d(np.arange(399), [149, 300])
    assert np.allclose(steps_us[inside], expected[inside], atol=1e-6)
    assert 0.45e6 < steps_us[149] < 0.57e6
    assert 1.8e6 < steps_us[300] < 2.22e6


def test_the_state_behind_a_pause_is_drawn():
    run = whole(flc_jitter_us=20, pauses=(Pause(150, 0.5),))
    changes = {
        bool(states[149] == states[150])
        for states in (fire_triggers(run, np.random.default_rng(seed)).states for seed in range(20))
    }

    assert changes == {False, True}


def both_cameras(run, seed=1):
    rng = np.random.default_rng(seed)
    train = fire_triggers(run, rng)
    return [record_frames(run, camera, train, START_US, rng) for camera in (1, 2)]


def test_clocks_drift_and_jump_as_told():
    run = whole(drift_us_per_s=-50.0, clock_steps=(ClockJump(2, 200, 700.0),), offset_us=100.0)
    first, second = both_cameras(run)

    error_us = second.acquired_us - first.acquired_us

    assert np.abs(error_us[:10] - 100).max() < 12
    assert abs((error_us[199] - error_us[0]) + 100) < 18
    assert abs((error_us[200] - error_us[199]) - 700) < 18


def test_a_slow_trigger_clock_stretches_every_interval():
    first, _ = both_cameras(whole(trigger_ppm=1_000.0))

    assert np.ptp(first.acquired_us) == pytest.approx(399 * 10_010, abs=10)


@given(seeds)
def test_late_stamps_are_late_and_still_rise(seed):
    run = whole(late_stamps=0.1, latest_stamp_us=9_900.0)
    late, _ = both_cameras(run, seed)
    usual, _ = both_cameras(whole(), seed)

    delay_us = late.acquired_us - usual.acquired_us

    assert (np.diff(late.acquired_us) > 0).all()
    assert (delay_us >= 0).all()
    assert 0.02 < (delay_us > 0).mean() < 0.25


@given(seeds)
def test_stalled_loggers_begin_to_lose_at_once(seed):
    run = whole(common_loss=0.01, longest_loss=30)
    first, second = stall_loggers(run, (1, 2), np.random.default_rng(seed)).values()

    assert np.array_equal(np.flatnonzero(first)[:1], np.flatnonzero(second)[:1])
    assert stall_loggers(whole(), (1, 2), np.random.default_rng(seed)) == {}


def test_a_logger_that_is_switched_off_early_misses_the_last_triggers():
    first, second = both_cameras(whole(cut_short=(0, 9)))

    assert first.exposures[-1] == 399
    assert second.exposures[-1] == 390
    assert second.delivered == 400  # the framegrabber was on


def test_only_the_cameras_that_lose_frames_lose_some():
    first, second = both_cameras(replace(RUN, losing=(2,)))

    assert len(first.exposures) == 400
    assert len(second.exposures) < 400


def test_a_camera_that_is_too_slow_counts_what_it_takes():
    _, second = both_cameras(whole(keeps_every=(1, 3)))

    assert np.array_equal(second.exposures, np.arange(0, 400, 3))
    assert np.array_equal(second.count, np.arange(134))
