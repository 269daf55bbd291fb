"""The first and the last frames: of a run, of a camera, beside a fault of its counter."""

from dataclasses import replace

import numpy as np
import pytest

from tests.unit.model.trigger.test_inference import (
    OFFSET_US,
    arrivals,
    nothing,
    solve,
    states_of,
    train,
)
from vampd.fits.trigger import compiled_kernels
from vampd.model.trigger import ALONE, DRIVEN, NONE, RELAXED, UNKNOWN, infer

FRAMES = 60
LONG_S = 4


def joined(*sides):
    """Cubes of one camera, one after the other."""
    return replace(
        sides[0],
        **{
            name: np.concatenate([getattr(side, name) for side in sides])
            for name in sides[0].__dataclass_fields__
        },
    )


def ticking(first, times):
    """A trigger that ticks, its first interval that of the state ``first``: T is 3 ms, J 0.5 ms."""
    long = np.arange(len(times) - 1) % 2 == (0 if first == RELAXED else 1)
    steps = np.where(long, 3_500, 2_500)
    return times[0] + np.concatenate([[0], np.cumsum(steps)]).astype(np.int64)


def test_a_state_drawn_anew_while_no_frame_was_logged_costs_no_label():
    """The counters rose as if the trigger had ticked on; 0.3 s long nobody saw what it did."""
    before = ticking(RELAXED, train(FRAMES))
    after = ticking(DRIVEN, before[-1] + 303_000 + np.arange(FRAMES))
    times = np.concatenate([before, after])
    counts = np.concatenate([np.arange(FRAMES), 160 + np.arange(FRAMES)])
    sides = (arrivals(times), arrivals(times + OFFSET_US))
    found = solve(*(replace(side, cnt0=500 + counts) for side in sides))

    expected = np.concatenate([states_of(FRAMES), states_of(FRAMES, DRIVEN)])
    assert np.array_equal(found.states[0], expected)
    assert np.array_equal(found.states[1], expected)


def test_a_camera_that_comes_after_the_other_one_is_labeled_from_its_first_frame():
    alone = arrivals(train(FRAMES, half_us=0), switching=False, half_width_us=0)
    later = arrivals(train(FRAMES) + LONG_S * 1_000_000)
    found = solve(alone, later)

    assert np.array_equal(found.states[1], states_of(FRAMES))


def test_a_run_that_switches_and_one_that_does_not_meet_at_no_frame():
    """One camera: the last frame of the one has one interval, and the card says off after it."""
    switched = arrivals(train(FRAMES))
    plain_us = switched.acquired_us[-1] + 510_000 + 2_500 * np.arange(FRAMES)
    plain = arrivals(plain_us, switching=False, half_width_us=0, count=1_230)
    found = solve(joined(switched, plain), nothing())

    assert np.array_equal(found.states[0][:FRAMES], states_of(FRAMES))
    assert (found.states[0][FRAMES:] == NONE).all()


def test_the_first_of_single_frames_pairs_as_the_others_do():
    times = 10**15 + 1_000_000 * np.arange(8)
    one, two = (
        arrivals(stamps, half_width_us=0, switching=False) for stamps in (times, times + OFFSET_US)
    )

    assert np.array_equal(solve(one, two).partners[0], np.arange(8))


@pytest.mark.parametrize(("first", "last"), [(0, 0), (1, 2)])
def test_without_an_alternation_a_miss_at_an_end_tells_no_offset_beyond_half_the_period(
    first, last
):
    """In the second run camera 2 misses the first trigger and camera 1 the last two, untold.

    Its ends are then as if the offset were 600 us, and not -400 us as those of the first run say.
    """
    times = 10**15 + 1_000 * np.arange(FRAMES)
    times = np.concatenate([times, times + 4_000_000])
    counts = np.concatenate([np.arange(FRAMES), 4_000 + np.arange(FRAMES)])
    mine, theirs = np.arange(2 * FRAMES - last), np.delete(np.arange(2 * FRAMES), [FRAMES] * first)
    told = counts[mine], counts[theirs] - first * (theirs > FRAMES)
    one, two = (
        replace(
            arrivals(times + offset_us, rows, switching=False, half_width_us=0),
            exposure_us=np.full(len(rows), 900),
            cnt0=told_of,
        )
        for offset_us, rows, told_of in ((0, mine, told[0]), (-400, theirs, told[1]))
    )
    partners = infer(one, two, 0.01, compiled_kernels()).partners[0]

    off = np.where(partners == ALONE, ALONE, np.abs(theirs[partners] - mine))
    assert set(off[:FRAMES]) == {0}
    assert set(off[FRAMES:]) == ({ALONE} if first else {0})


def test_a_count_too_many_costs_no_pair_beside_it():
    times = train(FRAMES)
    one, two = arrivals(times), arrivals(times + OFFSET_US)
    found = solve(one, replace(two, cnt0=two.cnt0 + (np.arange(FRAMES) >= 30)))

    assert (found.partners[0] != ALONE).all()
    assert np.array_equal(found.partners[0], np.arange(FRAMES))


def test_a_late_burst_of_a_camera_alone_costs_no_label():
    """A trigger that stood still would not make up for it: it tells no state."""
    times = train(200)
    one = arrivals(times)
    late = one.acquired_us.copy()
    late[100:117] += np.random.default_rng(5).integers(1_000, 5_000, 17)
    late = np.maximum.accumulate(late - 12 * np.arange(200)) + 12 * np.arange(200)
    found = solve(replace(one, acquired_us=late), nothing())

    assert np.array_equal(found.states[0], states_of(200))


def far_apart(lengths, first_states):
    """Runs of so few frames, 4 s apart, of a trigger that was counted all the time."""
    times, counts, ticks = [], [], 0
    for frames, first in zip(lengths, first_states, strict=True):
        times.append(ticking(first, 10**15 + 3_000 * (ticks + np.arange(frames))))
        counts.append(ticks + np.arange(frames))
        ticks += frames + LONG_S * 333 + 1
    stamps, cnt0 = np.concatenate(times), 500 + np.concatenate(counts)
    sides = (arrivals(stamps), arrivals(stamps + OFFSET_US))
    found = solve(*(replace(side, cnt0=cnt0) for side in sides))
    parts = map(states_of, lengths, first_states)
    return found, np.concatenate(list(parts))


@pytest.mark.parametrize("seed", range(3))
def test_where_gaps_leave_turns_unfinished_a_run_is_labeled_by_its_own_frames(seed):
    first = np.random.default_rng(seed).choice([RELAXED, DRIVEN], 24)
    found, truth = far_apart([4] * 24, first.tolist())

    assert all(np.array_equal(states, truth) for states in found.states)


def test_where_gaps_leave_no_turn_unfinished_two_frames_are_labeled_by_their_neighbors():
    found, truth = far_apart([12, 2] * 11 + [12], [RELAXED, DRIVEN] * 11 + [RELAXED])

    assert all(np.array_equal(states, truth) for states in found.states)


def sequences(frames, half_us, losing=(), runs=12):
    """Runs of so few frames, 1.5 s apart; of each run camera 1 loses ``losing`` uncounted."""
    times = np.concatenate([train(frames, half_us) + number * 1_500_000 for number in range(runs)])
    kept = np.flatnonzero(~np.isin(np.arange(len(times)) % frames, losing))
    one, two = (arrivals(stamps, half_width_us=half_us) for stamps in (times, times + OFFSET_US))
    one = replace(arrivals(times, kept, half_width_us=half_us), cnt0=1_000 + np.arange(len(kept)))
    return solve(one, two), kept


def test_runs_too_short_to_tell_their_period_have_that_of_the_others_with_their_cards():
    """Each has two intervals, of which one is of two triggers."""
    found, kept = sequences(4, 0, losing=(2,))

    assert np.array_equal(found.partners[0], kept)


def test_single_frames_pair_though_each_camera_takes_others_alone():
    """Each of those moves the counts."""
    times = 10**15 + 1_000_000 * np.arange(40)
    first = np.flatnonzero(np.arange(40) % 4 != 3)
    second = np.flatnonzero(np.arange(40) % 4 != 1)
    one, two = (
        replace(
            arrivals(times + late, kept, half_width_us=0, switching=False),
            cnt0=count + np.arange(30),
        )
        for kept, late, count in ((first, 0, 1_000), (second, OFFSET_US, 7_000))
    )
    found = solve(one, two)
    rows = np.flatnonzero(found.partners[0] != ALONE)

    assert np.array_equal(first[rows], np.flatnonzero(np.arange(40) % 2 == 0))
    assert np.array_equal(second[found.partners[0][rows]], first[rows])


def test_runs_around_it_give_no_state_to_a_run_that_shows_none():
    """Each ends with a relaxed exposure, which a stop of the loop may cut short, and 0.3 s pass."""
    frames = FRAMES + 1
    first = train(frames)
    rng = np.random.default_rng(3)
    middle = first[-1] + 300_000 + 5_000 * np.arange(frames) + rng.integers(0, 173, frames)
    last = ticking(RELAXED, middle[-1] + 300_000 + np.arange(frames))
    sides = []
    for late_us in (0, OFFSET_US):
        runs = [
            arrivals(first + late_us),
            arrivals(middle + late_us, half_width_us=20, count=1_000 + frames),
            arrivals(last + late_us, count=1_000 + 2 * frames),
        ]
        runs[1] = replace(runs[1], exposure_us=runs[1].exposure_us + 2_500)
        sides.append(joined(*runs))
    found = solve(*sides)

    for states in found.states:
        parts = [states[number * frames :][:frames] for number in range(3)]
        assert np.array_equal(parts[0], states_of(frames))
        assert np.isin(parts[1], (UNKNOWN, NONE)).all()
        assert np.array_equal(parts[2], states_of(frames))
