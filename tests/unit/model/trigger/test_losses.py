"""What the cameras lose: without a trace, for long, or so that the counters tell nothing."""

from dataclasses import replace

import numpy as np
import pytest

from tests.unit.model.trigger.test_inference import (
    BASE_US,
    HALF_US,
    OFFSET_US,
    arrivals,
    solve,
    states_of,
    train,
)
from vampd.model.trigger import ALONE, RELAXED, UNKNOWN, inference
from vampd.model.trigger.arrivals import count_frames

FRAMES = 240


def both(first=None, second=None, times=None):
    """The frames of both cameras that were logged, each counting only what it took itself."""
    times = train(FRAMES) if times is None else times
    sides = arrivals(times, first), arrivals(times + OFFSET_US, second)
    return tuple(replace(side, cnt0=500 + np.arange(len(side))) for side in sides)


def assert_right(found, first, second, *, missed=0):
    """All pairs are of one trigger, and all but ``missed`` are found; no state is wrong."""
    rows = np.flatnonzero(found.partners[0] != ALONE)
    assert np.array_equal(np.take(first, rows), np.take(second, found.partners[0][rows]))
    assert len(rows) >= len(set(first) & set(second)) - missed
    for states, kept in zip(found.states, (first, second), strict=True):
        assert np.isin(states - states_of(FRAMES)[kept], (0, UNKNOWN - 2, UNKNOWN - 3)).all()


def test_a_camera_that_takes_every_second_trigger_is_paired_and_labeled():
    first, second = list(range(0, FRAMES, 2)), list(range(FRAMES))
    found = solve(*both(first))

    assert_right(found, first, second)
    assert np.array_equal(found.states[0], states_of(FRAMES)[first])


@pytest.mark.parametrize("frames", [6, 8, 10])
def test_a_camera_whose_stamps_come_later_and_later_misses_no_trigger(frames):
    """Its intervals are longer by half of T, and no whole triggers; its counter counts each."""
    one, two = arrivals(train(FRAMES)), arrivals(train(FRAMES) + OFFSET_US)
    stamps_us = one.acquired_us.copy()
    stamps_us[-frames:] += 55 * (BASE_US + HALF_US) * np.arange(1, frames + 1) // 100
    found = solve(replace(one, acquired_us=stamps_us), two)

    everything = np.arange(FRAMES)
    assert_right(found, everything, everything, missed=frames)


def test_random_counters_leave_pairs_to_time():
    kept = [*range(70), *range(75, FRAMES)]
    rng = np.random.default_rng(7)
    one, two = (replace(side, cnt0=rng.integers(0, 10**6, len(side))) for side in both(kept, None))
    found = solve(one, two)

    assert_right(found, kept, list(range(FRAMES)))


@pytest.mark.parametrize("gap", [5, 20, 60])
def test_many_triggers_missed_without_a_trace_cost_no_pair_beside_them(gap):
    kept = [*range(100), *range(100 + gap, FRAMES)]
    found = solve(*both(kept))

    assert_right(found, kept, list(range(FRAMES)))
    assert np.array_equal(found.states[0], states_of(FRAMES)[kept])


@pytest.mark.parametrize("gap", [4, 9, 20])
def test_counts_that_shift_by_more_than_three_at_a_pause_cost_no_pair_and_no_state(gap):
    """The camera misses the first triggers after it without a trace: only the other counts them."""
    times = train(FRAMES, pauses=((99, 400_000),))
    kept = [*range(100), *range(100 + gap, FRAMES)]
    found = solve(*both(kept, times=times))

    assert_right(found, kept, list(range(FRAMES)))
    assert np.array_equal(found.states[0], states_of(FRAMES)[kept])
    assert np.array_equal(found.states[1], states_of(FRAMES))


@pytest.mark.parametrize(("restarts", "honest"), [(12, True), (13, True), (20, False)])
def test_a_counter_that_begins_anew_at_pauses_counts(restarts, honest):
    """A process that restarts takes a while: at a third of 39 pauses between tiny cubes."""
    pauses = tuple((5 * cube + 4, 1_000_000) for cube in range(39))
    side = arrivals(train(200, pauses=pauses))
    begun = 5 * np.arange(1, restarts + 1)
    cnt0 = side.cnt0 - np.repeat([0, *side.cnt0[begun]], np.diff([0, *begun, 200]))

    assert count_frames(replace(side, cnt0=cnt0)).honest == honest


def test_a_counter_that_begins_anew_at_two_of_four_pauses_of_long_runs_counts():
    pauses = tuple((40 * run + 39, 60_000_000) for run in range(4))
    side = arrivals(train(200, pauses=pauses))
    cnt0 = side.cnt0 - np.repeat([0, *side.cnt0[[80, 160]]], [80, 80, 40])

    assert count_frames(replace(side, cnt0=cnt0)).honest


def test_a_counter_that_begins_anew_between_frames_beside_each_other_counts_nothing():
    side = arrivals(train(200))
    begun = np.arange(20, 200, 36)
    cnt0 = side.cnt0 - np.repeat([0, *side.cnt0[begun]], np.diff([0, *begun, 200]))

    assert not count_frames(replace(side, cnt0=cnt0)).honest


def test_a_counter_that_began_anew_costs_no_pair():
    one, two = both()
    again = one.cnt0.copy()
    again[120:] -= again[120]
    found = solve(replace(one, cnt0=again), two)

    assert_right(found, list(range(FRAMES)), list(range(FRAMES)))


@pytest.mark.parametrize(("part", "fewest"), [(-0.7, 0), (0.8, 100), (0.96, 100)])
def test_an_offset_that_jumps_to_its_neighbors_pairs_nothing_off_by_one(part, fewest):
    times = 10**15 + 1_000 * np.arange(FRAMES)
    one, two = both(times=times)
    later = two.acquired_us + np.where(np.arange(FRAMES) >= 120, round(1_000 * part), 0)
    cards = {"half_width_us": np.zeros(FRAMES, np.int64), "switching": np.zeros(FRAMES, np.bool_)}
    short = {"exposure_us": np.full(FRAMES, 900)}
    found = solve(replace(one, **cards, **short), replace(two, acquired_us=later, **cards, **short))
    rows = np.flatnonzero(found.partners[0] != ALONE)

    assert np.array_equal(rows, found.partners[0][rows])
    assert len(rows) >= fewest


def test_frames_that_waited_tell_no_period():
    """More of them than half of the neighbors that a period is the median of."""
    one, two = both()
    late = one.acquired_us.copy()
    late[100:125] = late[125] - np.arange(300, 0, -12)
    found = solve(replace(one, acquired_us=late), two)

    assert_right(found, list(range(FRAMES)), list(range(FRAMES)), missed=1)


def test_a_trigger_that_both_miss_turns_no_state():
    """No card says J: the pause could be one of the trigger, and be as long by chance."""
    kept = [*range(120), *range(121, FRAMES)]
    one, two = (replace(side, half_width_us=0 * side.half_width_us) for side in both(kept, kept))

    assert_right(solve(one, two), kept, kept)


@pytest.mark.parametrize(("part", "most_missed"), [(0.2, 0.006), (0.4, 0.3)])
def test_where_both_cameras_miss_many_triggers_no_pair_and_no_state_is_wrong(part, most_missed):
    frames, missed, pairs = 600, 0, 0
    for seed in range(20):
        rng = np.random.default_rng([seed, int(100 * part)])
        first, second = (np.flatnonzero(rng.random(frames) >= part) for _ in (1, 2))
        found = solve(*both(first, second, train(frames)))
        rows = np.flatnonzero(found.partners[0] != ALONE)

        assert np.array_equal(first[rows], second[found.partners[0][rows]]), seed
        for states, kept in zip(found.states, (first, second), strict=True):
            known = np.flatnonzero(states >= RELAXED)
            assert np.array_equal(states[known], states_of(frames)[kept[known]]), seed
        pairs += len(np.intersect1d(first, second))
        missed += len(np.intersect1d(first, second)) - len(rows)
    assert missed <= most_missed * pairs


def few_and_many_missed():
    rng = np.random.default_rng(3)
    many = np.flatnonzero(rng.random(FRAMES) >= 0.25)
    return [*range(50), *range(53, 130), *range(160, FRAMES)], many


@pytest.mark.parametrize("kept", few_and_many_missed())
def test_a_night_in_pieces_is_what_it_is_in_one(monkeypatch, kept):
    whole = solve(*both(kept))
    monkeypatch.setattr(inference, "_CHUNK", 50)
    monkeypatch.setattr(inference, "_AHEAD", 60)
    pieces = solve(*both(kept))

    for one, other in zip(
        (*whole.partners, *whole.states), (*pieces.partners, *pieces.states), strict=True
    ):
        assert np.array_equal(one, other)


def with_burst(stamps, begin, frames):
    """The camera's stamps of these frames are those of one moment, just before the next frame."""
    late_us = stamps.acquired_us.copy()
    late_us[begin : begin + frames] = late_us[begin + frames] - 12 * np.arange(frames, 0, -1)
    return replace(stamps, acquired_us=late_us)


@pytest.mark.parametrize("half_us", [0, HALF_US])
@pytest.mark.parametrize("late", [0, 1])
@pytest.mark.parametrize("missed", [98, 100, 101, 104, 107, 110])
def test_a_trigger_missed_while_the_other_camera_is_late_turns_no_pair(late, missed, half_us):
    """Late frames are those of the counts before the miss, though they are stamped after it."""
    whole, short = list(range(FRAMES)), [*range(missed), *range(missed + 1, FRAMES)]
    first, second = (whole, short) if late == 0 else (short, whole)
    sides = list(both(first, second, train(FRAMES, half_us)))
    sides[late] = with_burst(sides[late], 100, 8)
    cards = {"half_width_us": half_us, "switching": half_us > 0, "fitted": half_us > 0}
    for number, side in enumerate(sides):
        same = {card: np.full(len(side), value) for card, value in cards.items()}
        sides[number] = replace(side, **same)
    found = solve(*sides)

    if half_us:
        assert_right(found, first, second, missed=1)
        assert sum((states >= RELAXED).sum() for states in found.states) >= 2 * FRAMES - 5
    else:
        rows = np.flatnonzero(found.partners[0] != ALONE)
        assert np.array_equal(np.take(first, rows), np.take(second, found.partners[0][rows]))
        assert len(rows) >= FRAMES - 2
