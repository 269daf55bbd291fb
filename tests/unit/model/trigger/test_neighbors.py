"""What frames near in time suggest: the shift of the counts, the offset and its scatter."""

from dataclasses import replace

import numpy as np
import pytest

from tests.unit.model.trigger.test_inference import (
    BASE_US,
    OFFSET_US,
    arrivals,
    solve,
    states_of,
    train,
)
from vampd.model.trigger import NONE, UNKNOWN
from vampd.model.trigger.arrivals import count_frames
from vampd.model.trigger.neighbors import UNKNOWN_US, find_neighbors, weigh_commands
from vampd.model.trigger.stretches import shortest_beside
from vampd.model.trigger.tempo import Tempo
from vampd.model.trigger.weights import CLASSES, COMMAND_COST, NEAR_US

PERIOD_US, FRAMES, OWN = 10_000, 120, CLASSES // 2
SCATTER_US = 7  # documented, and what the stamps of `arrivals` stay within
TIMES_US = 10**15 + PERIOD_US * np.arange(FRAMES)


def found_for(one, two, period_us=PERIOD_US, half_us=0):
    cameras = one, two
    tempos = steady_tempo(one, period_us, half_us), steady_tempo(two, period_us, half_us)
    return find_neighbors((count_frames(one), count_frames(two)), cameras, tempos)


def steady_tempo(camera, period_us, half_us):
    intervals = max(len(camera) - 1, 0)
    return Tempo(*(np.full(intervals, value) for value in (period_us, half_us, SCATTER_US, 1)))


def test_offsets_that_scatter_more_than_documented_are_expected_to():
    calm = found_for(arrivals(TIMES_US), arrivals(TIMES_US + OFFSET_US))
    lags_us = np.random.default_rng(1).integers(0, 1_000, FRAMES)
    wild = found_for(arrivals(TIMES_US), arrivals(TIMES_US + OFFSET_US + lags_us))

    assert (calm.width_us <= 2 * SCATTER_US).all()
    assert ((wild.width_us > 300) & (wild.width_us < 1_000)).all()


@pytest.mark.parametrize("every", [2, 3])
def test_only_frames_that_are_each_others_nearest_tell_the_offset(every):
    kept = range(0, FRAMES, every)
    found = found_for(arrivals(TIMES_US), arrivals(TIMES_US + OFFSET_US, kept))

    assert np.abs(found.offsets_us[:, OWN] - OFFSET_US).max() <= SCATTER_US
    of_other_triggers = found.offsets_us - found.offsets_us[:, [OWN]]
    assert (of_other_triggers == [-PERIOD_US, 0, PERIOD_US]).all()


@pytest.mark.parametrize("half_us", [50, 250, 500, 900])
@pytest.mark.parametrize("part", [-1.3, -1, -0.75, -0.6, -0.5, 0.1, 0.4, 0.5, 0.6, 0.75, 1, 1.3])
def test_the_true_offset_is_among_those_compared_where_intervals_alternate(part, half_us):
    """Also where the nearest frames are of another trigger, T + J and T - J away by turns."""
    period_us = BASE_US + half_us
    times_us, offset_us = train(FRAMES, half_us), round(part * period_us)
    for lost in (0, 1, 40, 41):  # of either camera: which nearest frame is in the middle
        kept = [[row for row in range(FRAMES) if row != own] for own in (lost, FRAMES - 1 - lost)]
        found = found_for(
            arrivals(times_us, kept[0]),
            arrivals(times_us + offset_us, kept[1]),
            period_us,
            half_us,
        )

        off_us = np.abs(found.offsets_us - offset_us).min(axis=1)
        assert off_us.max() <= 2 * SCATTER_US


def test_a_false_offset_fits_no_frame_better_where_the_nearest_are_of_one_trigger():
    """Frames of the triggers beside are T + J and T - J away by turns, and say nothing."""
    times_us, half_us = train(FRAMES), 500
    period_us = BASE_US + half_us
    sides = arrivals(times_us), arrivals(times_us + OFFSET_US)
    offsets_us = found_for(*sides, period_us, half_us).offsets_us

    assert (offsets_us - offsets_us[:, [OWN]] == [-period_us, 0, period_us]).all()


def test_frames_too_far_apart_to_be_of_one_trigger_tell_no_offset():
    period_us = 4 * NEAR_US
    times_us = 10**15 + period_us * np.arange(FRAMES)
    for apart_us, tells in ((NEAR_US - 100, True), (NEAR_US + 100, False)):
        found = found_for(arrivals(times_us), arrivals(times_us + apart_us), period_us)
        assert (found.offsets_us[:, OWN] != UNKNOWN_US).all() == tells
        assert (found.offsets_us == UNKNOWN_US).all() != tells


def test_no_offset_is_known_where_the_other_camera_has_no_frame():
    later_us = TIMES_US + FRAMES * PERIOD_US + 1_000_000
    both = np.concatenate([TIMES_US, later_us])
    found = found_for(arrivals(both), arrivals(both + OFFSET_US, kept=range(FRAMES)))

    assert (found.offsets_us[:FRAMES] != UNKNOWN_US).all()
    assert (found.offsets_us[FRAMES:] == UNKNOWN_US).all()


def test_without_a_period_an_offset_is_of_the_nearest_frames_trigger_alone():
    offsets_us = found_for(arrivals(TIMES_US), arrivals(TIMES_US + OFFSET_US), 0).offsets_us
    others = [turn for turn in range(CLASSES) if turn != OWN]

    assert (offsets_us[:, OWN] != UNKNOWN_US).all()
    assert (offsets_us[:, others] == UNKNOWN_US).all()


def test_what_one_camera_counted_more_in_a_pause_counts_from_the_first_frame_behind_it():
    both = np.concatenate([TIMES_US, TIMES_US + FRAMES * PERIOD_US + 1_000_000])
    more = np.repeat([0, 5], FRAMES)
    one, two = arrivals(both), arrivals(both + OFFSET_US)
    two.cnt0[:] += more
    found = found_for(one, two)

    for references in found.references:
        assert np.array_equal(references, more)


def commands_for(one, two, half_us=500):
    first, second = (steady_tempo(camera, BASE_US + half_us, half_us) for camera in (one, two))
    # Camera 2's frames come just behind camera 1's.
    return weigh_commands(
        (count_frames(one), count_frames(two)),
        (first, second),
        (np.zeros(len(one), np.int64), np.zeros(len(two), np.int64)),
        (np.full(len(one), BASE_US - OFFSET_US), np.full(len(two), OFFSET_US)),
    )


@pytest.mark.parametrize("spoiled", [0, 1])
def test_a_command_is_shown_by_either_camera(spoiled):
    """Of the other one the frame before is late by as much, or the frames beside are lost."""
    after = 60
    times_us = train(FRAMES, pauses=[(after - 1, 300)])
    late_us = np.where(np.arange(FRAMES) == after - 1, 290, 0)
    every_second = [*range(0, after - 7, 2), *range(after - 6, after + 6, 2)]
    for lost, more_us in (([], late_us), (every_second, 0)):
        kept = [row for row in range(FRAMES) if row not in lost or row in (after, after - 1)]
        calm = arrivals(times_us)
        other = arrivals(times_us + OFFSET_US + more_us, kept)
        sides = (other, calm) if spoiled == 0 else (calm, other)
        costs = commands_for(*sides)
        for side, cost in zip(sides, costs, strict=True):
            ends = side.cnt0[1:] - 1_000
            assert cost[ends == after] == COMMAND_COST
            assert (cost[(ends < after - 1) | (ends > after)] > COMMAND_COST).all()


def test_a_camera_alone_shows_its_commands_and_none_where_it_has_no_interval():
    after = 60
    calm = arrivals(train(FRAMES, pauses=[(after - 1, 300)]))
    alone, none = commands_for(calm, arrivals(train(FRAMES), kept=[]))

    assert alone[after - 1] == COMMAND_COST
    assert len(none) == 0


ROW_US = 173  # SLOW


def slow_camera(steps_us, kept, half_us=100):
    """What a camera has of triggers so far apart, by cards that say the FLC switches by this J."""
    times_us = 10**15 + np.concatenate([[0], np.cumsum(steps_us)])
    camera = arrivals(times_us, kept, half_width_us=half_us)
    return replace(camera, scatter_us=np.full(len(camera), ROW_US))


@pytest.mark.parametrize("period_us", [1_300, 60_200])
@pytest.mark.parametrize("lost", [(), (9, 30, 31)])
@pytest.mark.parametrize("opposed", [True, False])
def test_what_alternates_by_a_row_in_one_camera_against_the_other_is_not_the_trigger(
    opposed, lost, period_us
):
    """In both alike it is: each camera waits for a row of its own, and J is in both."""
    kept = np.delete(np.arange(FRAMES), lost)
    turns_us = np.where(np.arange(FRAMES - 1) % 2 == 0, ROW_US, 0)
    other_us = ROW_US - turns_us if opposed else turns_us
    one = slow_camera(period_us + turns_us, kept)
    two = slow_camera(period_us + other_us, np.arange(FRAMES))
    found = solve(one, two)

    paired = found.partners[0] >= 0
    assert np.array_equal(found.partners[0][paired], kept[paired])
    for states, rows in zip(found.states, (kept, np.arange(FRAMES)), strict=True):
        if opposed:
            assert np.isin(states, (NONE, UNKNOWN)).all()
        else:
            assert np.array_equal(states, states_of(FRAMES)[rows])


@pytest.mark.parametrize("behind", [20, 60])
def test_where_rows_alternate_behind_a_command_that_switched_the_flc_off_nothing_has_a_state(
    behind,
):
    """By J, which only the side before it shows, it may have been switched there."""
    rows_us = np.where(np.arange(behind) % 2 == 0, ROW_US, 0)
    turns_us = np.tile([61_100, 60_100], 30)[:-1]
    sides = [
        slow_camera(np.concatenate([turns_us, [62_900], 60_130 + by_us]), None)
        for by_us in (rows_us, ROW_US - rows_us)
    ]
    for states in solve(*sides).states:
        assert np.isin(states[60:], (NONE, UNKNOWN)).all()
        assert np.array_equal(states[:60], states_of(60))


def test_a_command_may_have_switched_the_flc_where_one_side_alone_shows_the_half_width():
    """J of 500 us before it is known by what is shorter, J of a card within the scatter is not."""
    frames = np.arange(41)
    half_us = np.repeat([500, 100], 20)
    shortest_us = shortest_beside(
        3_000 * frames, frames, np.ones(41, np.int64), half_us, np.full(40, ROW_US)
    )

    assert shortest_us.tolist() == [3_000] * 24 + [0] * 16
