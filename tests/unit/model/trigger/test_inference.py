"""The model of the trigger: what it says of a train of triggers."""

from dataclasses import replace

import numpy as np
import pytest

from vampd.fits.trigger import compiled_kernels
from vampd.model.trigger import (
    ALONE,
    DRIVEN,
    NONE,
    PLAIN,
    RELAXED,
    UNKNOWN,
    Arrivals,
    infer,
    order_of_taking,
)

BASE_US, HALF_US, OFFSET_US = 2_500, 500, 140
LARGEST_ERROR = 1e-6


def train(frames, half_us=HALF_US, pauses=()):
    """When the triggers come, the first one relaxed; ``pauses`` are (after trigger, us)."""
    steps = np.where(np.arange(frames - 1) % 2 == 0, BASE_US + 2 * half_us, BASE_US)
    for after, still_us in pauses:
        steps[after] += still_us
    return np.concatenate([[0], np.cumsum(steps)]).astype(np.int64) + 10**15


def arrivals(times_us, kept=None, count=1_000, **cards):
    """A camera's frames of these triggers; ``kept`` are those that were logged."""
    rng = np.random.default_rng(len(times_us))
    stamps = times_us + rng.integers(0, 7, len(times_us))
    rows = np.arange(len(times_us)) if kept is None else np.asarray(kept, dtype=np.int64)
    values = {"fitted": True, "switching": True, "half_width_us": HALF_US} | cards
    return Arrivals(
        acquired_us=stamps[rows],
        cnt0=count + rows.astype(np.int64),
        fitted=np.full(len(rows), values["fitted"]),
        switching=np.full(len(rows), values["switching"]),
        half_width_us=np.full(len(rows), values["half_width_us"], dtype=np.int64),
        exposure_us=np.full(len(rows), 2_000, dtype=np.int64),
        scatter_us=np.full(len(rows), 7, dtype=np.int64),
    )


def solve(one, two):
    return infer(one, two, LARGEST_ERROR, compiled_kernels())


def nothing():
    return arrivals(train(2), kept=[])


def states_of(frames, first=RELAXED):
    other = RELAXED + DRIVEN - first
    return np.where(np.arange(frames) % 2 == 0, first, other)


def test_frames_of_one_trigger_pair_and_the_one_before_the_long_interval_is_relaxed():
    times = train(60)
    found = solve(arrivals(times), arrivals(times + OFFSET_US, count=77))

    assert np.array_equal(found.partners[0], np.arange(60))
    assert np.array_equal(found.partners[1], np.arange(60))
    for states in found.states:
        assert np.array_equal(states, states_of(60))


def test_the_compiled_kernels_give_the_numbers_of_the_plain_ones():
    times = train(10)
    one, two = arrivals(times, kept=[0, 1, 2, 3, 5, 6, 7, 8]), arrivals(times + OFFSET_US)
    numbers = []

    def recording(kernels):
        def sweep(*arguments):
            kernels.sweep(*arguments)
            numbers.append([argument for argument in arguments if isinstance(argument, np.ndarray)])

        return replace(kernels, sweep=sweep)

    plain = infer(one, two, LARGEST_ERROR, recording(PLAIN))
    fast = infer(one, two, LARGEST_ERROR, recording(compiled_kernels()))

    assert all(np.array_equal(a, b) for a, b in zip(*numbers, strict=True))
    for what in ("partners", "states"):
        for a, b in zip(getattr(plain, what), getattr(fast, what), strict=True):
            assert np.array_equal(a, b)
    for a, b in zip(plain.margins.states, fast.margins.states, strict=True):
        assert np.array_equal(a, b)
    assert np.array_equal(plain.margins.pairs, fast.margins.pairs)


def test_one_camera_alone_is_labeled_by_the_same_model():
    found = solve(arrivals(train(60)), nothing())

    assert np.array_equal(found.states[0], states_of(60))
    assert (found.partners[0] == ALONE).all()


def test_a_count_over_a_gap_carries_the_alternation():
    times = train(100)
    kept = [*range(30), *range(61, 100)]
    found = solve(arrivals(times, kept), nothing())

    assert np.array_equal(found.states[0], states_of(100)[kept])


def test_a_pause_is_no_loss_and_the_frame_before_it_is_driven():
    times = train(60, pauses=((29, 400_000),))
    found = solve(arrivals(times), arrivals(times + OFFSET_US))

    assert np.array_equal(found.partners[0], np.arange(60))
    assert found.states[0][29] == DRIVEN
    assert np.array_equal(found.states[0], states_of(60))


def test_frames_of_a_late_burst_pair_by_their_counts():
    times = train(200)
    stamps = arrivals(times)
    late = stamps.acquired_us.copy()
    late[100:108] = late[108] - np.arange(96, 0, -12)
    found = solve(replace(stamps, acquired_us=late), arrivals(times + OFFSET_US))

    assert np.array_equal(found.partners[0], np.arange(200))
    assert np.array_equal(found.states[0], states_of(200))


def test_a_trigger_missed_without_a_trace_moves_the_counts_and_no_label():
    times = train(200)
    missing = [*range(90), *range(91, 200)]
    one = arrivals(times[missing])
    found = solve(one, arrivals(times + OFFSET_US))

    assert np.array_equal(found.partners[0], missing)
    assert np.array_equal(found.states[0], states_of(200)[missing])


def test_pairs_that_no_offset_explains_are_none():
    """Camera 1 misses 20 triggers without a trace, and camera 2 as many 25 frames later."""
    times = train(245)
    first = [*range(100), *range(120, 245)]
    second = [*range(145), *range(165, 245)]
    found = solve(arrivals(times[first]), arrivals(times[second] + OFFSET_US))
    rows = np.flatnonzero(found.partners[0] != ALONE)

    assert len(rows) > 150
    assert np.array_equal(np.take(first, rows), np.take(second, found.partners[0][rows]))


@pytest.mark.parametrize("card_us", [0, 100, 500, 2_000])
def test_a_half_width_that_the_intervals_show_needs_no_card(card_us):
    times = train(80, half_us=700)
    one, two = (arrivals(t, half_width_us=card_us) for t in (times, times + OFFSET_US))

    assert np.array_equal(solve(one, two).states[0], states_of(80))


def test_an_flc_out_of_the_beam_is_never_labeled():
    times = train(60)
    found = solve(arrivals(times, fitted=False), nothing())

    assert (found.states[0] == NONE).all()


@pytest.mark.parametrize("half_us", [0, 1])
def test_without_an_alternation_no_frame_has_a_state(half_us):
    found = solve(arrivals(train(80, half_us=half_us)), nothing())

    assert np.isin(found.states[0], (NONE, UNKNOWN)).all()


@pytest.mark.parametrize("frames", [1, 2])
def test_so_few_frames_that_no_interval_has_another_to_compare_are_unknown(frames):
    times = train(frames)
    found = solve(arrivals(times), arrivals(times + OFFSET_US))

    assert (found.states[0] == UNKNOWN).all()


def test_single_frames_a_trigger_apart_are_no_pairs():
    """Fifteen sequences of one frame; the offset of most would be a period."""
    starts = 10**15 + 1_000_000 * np.arange(15)
    late = np.where(np.arange(15) % 3 == 0, 0, 1)
    one = arrivals(starts, half_width_us=0, switching=False)
    two = arrivals(starts + OFFSET_US + 10_000 * late, half_width_us=0, switching=False)
    counts = 1_000 + 3 * np.arange(15)
    found = solve(replace(one, cnt0=counts), replace(two, cnt0=counts + late))

    assert (found.partners[0][late == 1] == ALONE).all()


def test_a_clock_set_back_costs_no_frame():
    times = train(100)
    times[50:] -= 1_000_000
    found = solve(arrivals(times), arrivals(times + OFFSET_US))

    assert np.array_equal(found.partners[0], np.arange(100))
    assert np.array_equal(found.states[0], states_of(100))


def test_cubes_come_in_the_order_of_taking():
    assert order_of_taking([30, 10, 20], [(20, 29), (0, 9), (10, 19)]) == [1, 2, 0]
    # The clock was set back between the second and the third.
    assert order_of_taking([10, 20, 5], [(0, 9), (10, 19), (20, 29)]) == [0, 1, 2]
    # The counter began anew: the times tell.
    assert order_of_taking([10, 20, 30], [(500, 509), (510, 519), (0, 9)]) == [0, 1, 2]


def test_cubes_whose_counts_overlap_come_in_the_order_of_time():
    """A counter that is random, or starts with each cube, joins nothing."""
    assert order_of_taking([10, 20, 30], [(5, 90), (0, 99), (3, 70)]) == [0, 1, 2]
    assert order_of_taking([10, 20, 30], [(0, 9), (0, 8), (0, 7)]) == [0, 1, 2]
