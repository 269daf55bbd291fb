"""The handshake trigger: what it does to intervals, states, stamps, counters and cards."""

from dataclasses import replace

import numpy as np
import pytest

from vampd.model.cubes import Timing
from vampd.model.nights import Kind, NightId, Stream
from vampd.model.sync import CODE_A, CODE_B, CODE_NONE
from vampd.simulate import (
    STANDARD,
    AcquisitionClock,
    CounterReset,
    Handshake,
    HostStep,
    LateBurst,
    Latency,
    Logging,
    Pause,
    Readout,
    Run,
    Scenario,
    Trigger,
    Unlogged,
    plan_night,
)
from vampd.simulate.turns import delay_stamps, fire_turns

NIGHT = NightId("20251106", Kind.ARCHIVE)
PUNCTUAL = Handshake(latency_us=0.0, tail=0.0)
FLC = Run(
    triggers=400,
    period_us=3_000,
    exptime_us=2_000,
    frames_per_cube=(400, 400),
    flc_jitter_us=500,
    handshake=PUNCTUAL,
)
IMAGING = replace(FLC, flc_jitter_us=None)


def fired(run, seed=1):
    return fire_turns(run, run.handshake, np.random.default_rng(seed))


def timings(*runs, seed=1) -> dict[int, list[Timing]]:
    night = plan_night(Scenario("night", STANDARD, runs), NIGHT, seed)
    return {
        stream.camera: [cube.timing for cube in night.stream_cubes(stream)]
        for stream in (Stream.VCAM1, Stream.VCAM2)
    }


def test_the_first_trigger_is_relaxed_and_the_interval_after_it_is_longer_by_twice_the_half_width():
    turns = fired(FLC)
    steps = np.diff(turns.times_us)

    assert turns.states[0] == CODE_B
    assert (turns.states[1::2] == CODE_A).all()
    assert np.allclose(steps[::2], 3_500, atol=7.2)
    assert np.allclose(steps[1::2], 2_500, atol=7.2)


def test_the_trigger_waits_for_the_slower_camera():
    turns = fired(replace(IMAGING, readout=Readout.SLOW))
    waited = turns.lags_us.max(axis=0)[:-1]

    assert np.allclose(np.diff(turns.times_us) - waited, 3_000 - 172.8 * 2 / 3)


def test_the_trigger_stands_still_between_turns_only_and_resumes_relaxed():
    turns = fired(replace(FLC, pauses=(Pause(100, 0.5), Pause(201, 0.5))))
    still = np.flatnonzero(np.diff(turns.times_us) > 100_000)

    assert len(still) == 2
    assert (turns.states[still] == CODE_A).all()
    assert (turns.states[still + 1] == CODE_B).all()


def test_serial_commands_lengthen_intervals_after_turns_and_the_counters_do_not_jump():
    run = replace(FLC, handshake=replace(PUNCTUAL, serial=0.2, serial_us=(1_000.0, 2_000.0)))
    turns = fired(run)
    longer = np.diff(turns.times_us) > 3_499

    assert 10 < longer[1::2].sum() < 80
    for camera in (1, 2):
        (timing,) = timings(run)[camera]
        assert (np.diff(timing.cnt0) == 1).all()
        assert np.count_nonzero(np.diff(timing.acquired_us)[1::2] > 3_450) == longer[1::2].sum()


def test_sweep_mode_lengthens_each_turn_by_as_much():
    turns = fired(replace(FLC, handshake=replace(PUNCTUAL, sweep_us=1.0)))
    waits = np.diff(turns.times_us) - turns.lags_us.max(axis=0)[:-1]

    assert np.allclose(np.diff(waits[::2]), 1.0)


def test_readout_and_half_width_may_drift():
    drifting = replace(PUNCTUAL, readout_drift=0.1, jitter_drift=0.5)
    steps = np.diff(fired(replace(FLC, handshake=drifting)).times_us)

    assert steps[-2:].sum() == pytest.approx(steps[:2].sum() + 2 * 0.1 * 2_500 + 500, abs=25)


@pytest.mark.parametrize("latency", Latency)
def test_stamps_are_late_and_never_early(latency):
    handshake = Handshake(latency=latency, latency_us=20.0, tail=0.05)
    exact = 3_000.0 * np.arange(4_000, dtype=np.float64)

    late = delay_stamps(FLC, handshake, 1, exact, np.random.default_rng(1)) - exact

    assert (late >= 0).all()
    assert 10 < np.median(late) < 40 or latency is Latency.PARETO
    assert late.max() > 300


def test_frames_that_wait_for_a_burst_come_back_to_back():
    burst = LateBurst(camera=1, trigger=50, span_us=40_000.0)
    exact = 3_000.0 * np.arange(400, dtype=np.float64)
    handshake = replace(PUNCTUAL, bursts=(burst,))

    stamps = delay_stamps(FLC, handshake, 1, exact, np.random.default_rng(1))
    other = delay_stamps(FLC, handshake, 2, exact, np.random.default_rng(1))

    assert np.array_equal(other, exact)
    assert (np.diff(stamps)[50:60] < 20).all()
    assert (stamps >= exact).all()
    assert np.flatnonzero(stamps - exact > 100).tolist() == list(range(50, 64))


def test_both_columns_step_with_the_hosts_clock_and_the_counter_does_not():
    step = Logging(host_steps=(HostStep(200, -1_000_000),))
    plain, stepped = timings(FLC), timings(replace(FLC, logging=step))

    for camera in (1, 2):
        (before,), (after,) = plain[camera], stepped[camera]
        moved = np.where(np.arange(400) < 200, 0, -1_000_000)
        assert np.array_equal(after.acquired_us - before.acquired_us, moved)
        assert np.array_equal(after.logged_ns - before.logged_ns, moved * 1_000)
        assert np.array_equal(after.cnt0, before.cnt0)


def test_a_later_run_keeps_the_clocks_step():
    step = Logging(host_steps=(HostStep(200, -1_000_000),))
    plain, stepped = timings(FLC, FLC), timings(replace(FLC, logging=step), FLC)

    assert plain[1][1].acquired_us[0] - stepped[1][1].acquired_us[0] == 1_000_000


def test_a_camera_that_restarts_counts_from_zero():
    reset = Logging(counter_resets=(CounterReset(2, 150),))
    found = timings(replace(FLC, logging=reset), FLC)

    assert (np.diff(found[1][0].cnt0) == 1).all()
    assert found[2][0].cnt0[150] == 0
    assert found[2][1].cnt0[0] == 250


def test_a_logger_that_is_off_leaves_a_jump_of_the_counter_and_no_frame():
    off = Logging(unlogged=(Unlogged(1, 100, 130),))
    found = timings(replace(FLC, logging=off))

    assert len(found[1][0]) == 370
    assert np.diff(found[1][0].cnt0).max() == 31
    assert len(found[2][0]) == 400


@pytest.mark.parametrize(
    ("clock", "ahead_us"), [(AcquisitionClock.ABSENT, None), (AcquisitionClock.TAI, 37_000_000)]
)
def test_column_5_may_be_absent_or_of_another_clock(clock, ahead_us):
    spoiled = replace(FLC, logging=Logging(acquisition=(AcquisitionClock.HONEST, clock)))
    plain, found = timings(FLC), timings(spoiled)

    assert np.array_equal(found[1][0].acquired_us, plain[1][0].acquired_us)
    expected = 0 if ahead_us is None else plain[2][0].acquired_us + ahead_us
    assert (found[2][0].acquired_us == expected).all()
    assert np.array_equal(found[2][0].logged_ns, plain[2][0].logged_ns)


def test_a_run_that_joins_goes_on_in_the_same_cubes_and_the_cards_are_those_of_their_close():
    first = replace(FLC, triggers=250, frames_per_cube=(100, 100), pause_s=0.0)
    second = replace(first, triggers=150, flc_jitter_us=700, exptime_us=1_500, joins=True)
    night = plan_night(Scenario("night", STANDARD, (first, second)), NIGHT, 1)
    cubes = night.stream_cubes(Stream.VCAM1)

    assert [len(cube.timing) for cube in cubes] == [100, 100, 100, 100]
    assert [cube.cards.integer("U_TRIGJT") for cube in cubes] == [500, 500, 700, 700]
    assert [cube.cards.number("EXPTIME") for cube in cubes] == [0.002, 0.002, 0.0015, 0.0015]
    assert np.bincount(night.truth.run).tolist() == [500, 300]
    first_states = night.truth.flc[:400]
    assert (first_states[::2] == CODE_B).all()
    assert (first_states[1::2] == CODE_A).all()


@pytest.mark.parametrize(
    ("lag", "shown"), [(60, [500, 500, 500, 700]), (-60, [500, 700, 700, 700])]
)
def test_cards_may_lag_either_way(lag, shown):
    logging = Logging(card_lag=lag)
    first = replace(FLC, triggers=250, frames_per_cube=(100, 100), pause_s=0.0, logging=logging)
    second = replace(first, triggers=150, flc_jitter_us=700, joins=True)
    night = plan_night(Scenario("night", STANDARD, (first, second)), NIGHT, 1)

    cards = [cube.cards.integer("U_TRIGJT") for cube in night.stream_cubes(Stream.VCAM2)]

    assert cards == shown


def test_an_flc_out_of_the_beam_alternates_and_has_no_state():
    out = replace(FLC, handshake=replace(PUNCTUAL, in_beam=False))
    night = plan_night(Scenario("night", STANDARD, (out,)), NIGHT, 1)

    assert (night.truth.flc == CODE_NONE).all()
    assert np.diff(night.cubes[0].timing.acquired_us)[::2].min() > 3_400
    assert (night.cubes[0].cards.string("U_FLCST") or "").strip() == "OUT"
    assert night.cubes[0].cards.boolean("U_FLCEN") is True


def test_a_card_may_be_written_differently_by_one_camera():
    written = Logging(camera_fields=((2, "U_DETMOD", "'FAST    '"),))
    night = plan_night(Scenario("night", STANDARD, (replace(FLC, logging=written),)), NIGHT, 1)

    modes = [cube.cards.string("U_DETMOD") or "" for cube in night.cubes]
    assert [mode.strip() for mode in modes] == ["Fast", "FAST"]


def test_cameras_that_nothing_triggers_cannot_be_waited_for():
    with pytest.raises(ValueError, match="waits for cameras"):
        replace(IMAGING, trigger=Trigger.FREE_RUNNING)


def test_the_first_run_of_a_night_joins_none():
    with pytest.raises(ValueError, match="joins none"):
        Scenario("night", STANDARD, (replace(FLC, joins=True),))
