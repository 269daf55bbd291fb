"""A pair may be as far from the usual offset as triggers are from each other."""

import numpy as np
import pytest

from tests.unit.model.trigger.test_inference import arrivals, solve
from vampd.model.trigger import ALONE
from vampd.model.trigger.neighbors import is_detour
from vampd.model.trigger.partners import is_later_than_told, is_odd, is_off_by_triggers

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


def is_beyond(offset_us, told_us=(0, 0)):
    found = is_later_than_told(
        np.array([offset_us]),
        USUAL_US + PERIOD_US * np.array([[-1, 0, 1]]),
        np.array([PERIOD_US // 2]),
        (np.array([told_us[0]]), np.array([told_us[1]])),
    )
    return found.tolist() == [True]


@pytest.mark.parametrize("later", [0, 1])
@pytest.mark.parametrize(
    ("off_us", "told_us", "beyond"),
    [(1_500, 0, False), (1_501, 0, True), (30_000, 14_250, False), (30_000, 14_249, True)],
)
def test_a_frame_is_late_by_no_more_than_twice_what_those_after_it_tell(
    off_us, told_us, beyond, later
):
    """Where it is nearer to another trigger. What those after the sooner frame tell is nothing."""
    sign, told = (1, (10**6, told_us)) if later else (-1, (told_us, 10**6))

    assert is_beyond(USUAL_US + sign * (PERIOD_US + off_us), told) == beyond


def test_a_frame_that_has_any_of_the_offsets_is_not_late():
    for turn in (-1, 0, 1):
        assert not is_beyond(USUAL_US + turn * PERIOD_US)


def odd_of(offsets_us, stretch=None, told_us=(0, 0), period_us=PERIOD_US):
    size = len(offsets_us)
    same = np.ones(size, dtype=np.int64)
    stretches = same if stretch is None else np.array(stretch)
    late = told_us[0] * same, told_us[1] * same
    return np.flatnonzero(is_odd(np.array(offsets_us), stretches, period_us * same, late)).tolist()


@pytest.mark.parametrize("at", [0, 1, 4, 8])
@pytest.mark.parametrize("off_us", [-1_501, 1_501, 1_500])
def test_one_pair_that_is_off_by_half_a_period_from_all_beside_it_is_odd(at, off_us):
    offsets_us = [USUAL_US] * 9
    offsets_us[at] += off_us
    assert odd_of(offsets_us) == ([at] if abs(off_us) > PERIOD_US // 2 else [])


@pytest.mark.parametrize(("later", "told_us"), [(0, -1), (1, 1)])
def test_a_late_frame_that_those_after_it_tell_is_not_odd(later, told_us):
    offsets_us = [USUAL_US] * 9
    offsets_us[4] += told_us * PERIOD_US
    told = [0, 0]
    told[later] = PERIOD_US // 4
    assert odd_of(offsets_us, told_us=told) == []
    # What is told of the frame that came first makes no other one late.
    assert odd_of(offsets_us, told_us=told[::-1]) == [4]


def test_where_the_offset_jumps_and_stays_no_pair_is_odd():
    assert odd_of([USUAL_US] * 5 + [USUAL_US + PERIOD_US] * 5) == []


def test_a_pair_is_held_against_those_of_its_stretch_and_against_no_few():
    others = [USUAL_US + PERIOD_US] * 5
    assert odd_of([*others, USUAL_US], stretch=[1] * 5 + [2]) == []
    assert odd_of([USUAL_US, *others[:3]]) == []
    assert odd_of([USUAL_US, *others[:4]]) == [0]
    assert odd_of([USUAL_US, *others], period_us=0) == []
    assert odd_of([]) == []


def detour_of(ahead, stretch=None):
    stretches = np.ones(len(ahead), dtype=np.int64) if stretch is None else np.array(stretch)
    return np.flatnonzero(is_detour(np.array(ahead, dtype=np.int64), stretches)).tolist()


@pytest.mark.parametrize("pairs", [1, 2, 4])
@pytest.mark.parametrize("more", [-12, -4, 4, 12])
def test_pairs_for_which_both_cameras_would_have_missed_as_many_are_a_detour(pairs, more):
    rows = list(range(8, 8 + pairs))
    assert detour_of([7] * 8 + [7 + more] * pairs + [7] * 8) == rows
    # Also where a trigger was missed on the way.
    assert detour_of([7] * 8 + [7 + more] * pairs + [8] * 8) == (rows if more != 4 else [])


def test_counts_that_go_on_as_they_became_are_no_detour():
    assert detour_of([7] * 6 + [19] * 6) == []
    assert detour_of([7] * 6 + [19] + [31] * 6) == []


def test_a_few_triggers_are_missed_one_after_the_other_by_either_camera():
    assert detour_of([7] * 6 + [10] * 2 + [7] * 6) == []


def test_counts_of_other_stretches_tell_no_detour():
    assert detour_of([7] * 6 + [19] + [7] * 6, stretch=[1] * 6 + [2] + [3] * 6) == []
    assert detour_of([]) == detour_of([7]) == detour_of([7, 19]) == []


def test_where_each_camera_missed_another_trigger_the_pair_between_is_parted_and_told():
    """Camera 1 missed 60 and camera 2 missed 61, where the trigger waited: no count shows it."""
    times_us = 10**15 + 43_600 * np.arange(121, dtype=np.int64)
    times_us[61:] += 477
    cards = {"half_width_us": 0, "switching": False, "fitted": False}
    kept = np.delete(np.arange(121), 60), np.delete(np.arange(121), 61)
    one, two = (
        arrivals(times_us[rows] + number * 280, **cards) for number, rows in enumerate(kept)
    )
    found = solve(one, two)

    rows = np.flatnonzero(found.partners[0] != ALONE)
    assert np.array_equal(kept[0][rows], kept[1][found.partners[0][rows]])
    assert len(rows) >= 118
    assert [np.flatnonzero(odd).tolist() for odd in found.odd] == [[60], [60]]
