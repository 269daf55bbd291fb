"""The order of taking: the counter's, where the host's clock was set back."""

from dataclasses import replace
from itertools import permutations

import numpy as np
import pytest

from tests.support.builders.frames import (
    START_US,
    expose,
    labels_made,
    make_cube,
    set_clock_back,
    trigger_train,
)
from vampd.model.cubes import KeptTiming, RawCube
from vampd.model.nights import Stream
from vampd.model.sync import chain_cubes, match_clocks, set_aside_overlaps

S = 1_000_000


def cube(name: str, first_s: float, count: int, frames: int = 10, step_s: float = 0.1) -> RawCube:
    """A cube that begins at this time and count."""
    times_us = START_US + np.arange(frames) * round(step_s * S) + round(first_s * S)
    return make_cube(Stream.VCAM1, times_us, cnt0=count + np.arange(frames), name=f"{name}.fits")


def taken(*cubes: RawCube) -> str:
    """The order of taking, the same whatever the order given; nothing is set aside."""
    found = set()
    for given in permutations(cubes):
        kept, aside = set_aside_overlaps(given)
        assert not aside
        sequence = chain_cubes(Stream.VCAM1, kept, ())
        assert len(sequence) == sum(each.frames for each in cubes)
        found.add("".join(each.path[6] for each in sequence.cubes))
    assert len(found) == 1, "the order of the cubes given decides"
    return found.pop()


def test_cubes_follow_each_other_by_their_times() -> None:
    assert taken(cube("a", 0, 0), cube("b", 1, 10), cube("c", 7, 20)) == "abc"


@pytest.mark.parametrize("back_s", [0.1, 0.95, 1.0, 1.5, 2.5])
def test_a_clock_that_was_set_back_leaves_the_order_of_the_counter(back_s: float) -> None:
    cubes = [
        cube("a", 0, 0),
        cube("b", 1, 10),
        cube("c", 2 - back_s, 20),
        cube("d", 3 - back_s, 30),
    ]
    assert taken(*cubes) == "abcd"


@pytest.mark.parametrize("begin_s", [0.65, 0.95, 1.35])
def test_a_clock_set_back_where_a_cube_is_missing_leaves_the_order_of_the_counter(
    begin_s: float,
) -> None:
    after = [cube("d", begin_s, 30), cube("e", begin_s + 1, 40)]
    assert taken(cube("a", 0, 0), cube("b", 1, 10), *after) == "abde"


def test_a_clock_set_back_beyond_all_times_before_leaves_the_order_of_the_counter() -> None:
    cubes = [cube("a", 100, 0), cube("b", 101, 10), cube("c", 0, 20), cube("d", 1, 30)]
    assert taken(*cubes) == "abcd"


def test_a_counter_that_began_anew_leaves_the_order_of_time() -> None:
    cubes = [cube("a", 0, 500), cube("b", 1, 510), cube("c", 2, 0), cube("d", 3, 10)]
    assert taken(*cubes) == "abcd"


def test_a_counter_that_began_anew_hides_no_step_of_the_clock() -> None:
    before = [cube("a", 0, 500), cube("b", 1, 510), cube("c", 1.5, 520), cube("d", 2.5, 530)]
    assert taken(*before, cube("e", 60, 0), cube("f", 61, 10)) == "abcdef"


def test_counters_that_begin_anew_in_each_cube_order_nothing() -> None:
    assert taken(cube("a", 0, 0), cube("b", 1, 0), cube("c", 2, 0)) == "abc"


def test_a_copy_with_the_same_counts_is_no_step_of_the_clock() -> None:
    kept, aside = set_aside_overlaps([cube("a", 0, 0), cube("b", 0.5, 3)])
    assert [c.path[6] for c in kept] == ["a"]
    assert [c.code for c in aside] == ["overlaps_cube"]


def test_a_bad_row_keeps_its_cube_where_its_other_rows_are() -> None:
    odd = cube("b", 1, 10)
    odd.timing.acquired_us[3] = START_US + 3600 * S
    kept, aside = set_aside_overlaps([cube("c", 2, 20), odd, cube("a", 0, 0)])
    assert not aside
    sequence = chain_cubes(Stream.VCAM1, kept, ())
    assert "".join(each.path[6] for each in sequence.cubes) == "abc"
    assert len(sequence) == 29
    assert 3 not in sequence.frame[sequence.cube == 1]


@pytest.mark.parametrize(("odd", "row", "off_s"), [(1, 0, -0.4), (1, 0, -3.0), (0, -1, 0.04)])
@pytest.mark.parametrize("frames", [1, 10])
def test_a_time_out_of_order_between_two_cubes_costs_its_frame_and_is_no_step_of_the_clock(
    odd: int, row: int, off_s: float, frames: int
) -> None:
    step_s = 0.02  # 40 ms are two intervals
    starts = [(name, number * frames) for number, name in enumerate("abcd")]
    cubes = [cube(name, step_s * count, count, frames, step_s) for name, count in starts]
    cubes[odd].timing.acquired_us[row] += round(off_s * S)
    # As they are read from a night's folder.
    cubes = [replace(each, timing=KeptTiming(each.timing)) for each in cubes]
    kept, aside = set_aside_overlaps(cubes)
    sequence = chain_cubes(Stream.VCAM1, kept, ())
    # Of single frames the whole cube.
    assert [each.code for each in aside] == ["acquisition_time_absurd"] * (frames == 1)
    assert len(sequence) == 4 * frames - 1
    assert (np.diff(sequence.acquired_us) > 0).all()


def test_cubes_many_of_whose_times_are_out_of_order_stay_as_they_are() -> None:
    early = cube("b", 1, 10)
    early.timing.acquired_us[:] -= round(0.3 * S)
    kept, aside = set_aside_overlaps([cube("a", 0, 0), early])
    assert (len(kept), aside) == (2, [])
    assert all(each.good.all() for each in kept)


def test_both_cameras_are_split_at_one_step_even_where_one_of_them_did_not_see_it() -> None:
    one_us = np.concatenate([np.arange(100), np.arange(40, 140)]) * 10_000
    one = one_us, np.arange(200)
    assert (match_clocks(one, (one_us + 150, one[1]))[1] == np.repeat([0, 1], 100)).all()
    # Camera 2 logged only after the step, only before it, or paused around it.
    for part in (slice(100, None), slice(0, 100)):
        two = one_us[part] + 150, one[1][part]
        first, second = match_clocks(one, two)
        assert (second == first[part]).all()
        swapped = match_clocks(two, one)
        assert (swapped[0] == second).all()


@pytest.mark.parametrize("begins_anew", [False, True])
@pytest.mark.parametrize("lost", [60, 200])
def test_a_step_that_frames_which_are_missing_hide_is_where_the_counter_rose_too_much(
    lost: int, begins_anew: bool
) -> None:
    expected = np.repeat([0, 1], 300)
    counts = np.arange(600)
    one_us = counts * 10_000 - expected * 400_000
    # Its times rise over the step: that of 60 lost frames is within these.
    seen = (counts < 280) | (counts >= 280 + lost)
    two_us = one_us[seen] + 150
    assert (np.diff(two_us) > 0).all()
    two = counts[seen] - 480 * (begins_anew & (counts[seen] > 280))
    first, second = match_clocks((one_us, counts), (two_us, two))
    assert (first == expected).all()
    assert (second == expected[seen]).all()


def test_many_steps_of_the_clock_are_matched_one_by_one() -> None:
    steps = 300
    one_us = np.concatenate([np.arange(100) * 10_000 - step * S // 2 for step in range(steps)])
    expected = np.repeat(np.arange(steps), 100)
    seen = expected % 3 != 1  # what camera 2 logged of them
    counts = np.arange(len(one_us))
    first, second = match_clocks((one_us, counts), (one_us[seen] + 150, counts[seen]))
    assert (first == expected).all()
    assert (second == expected[seen]).all()


@pytest.mark.parametrize("back_us", [10_000, 150_000, 1_000_000, 30_000_000])
@pytest.mark.parametrize("after", [200, 321])
def test_a_step_of_the_clock_costs_no_frame_and_confuses_none(back_us: int, after: int) -> None:
    night = set_clock_back(expose(trigger_train(600, flc_us=100), seed=after), back_us, after)
    generation = night.synchronize()
    night.check(generation, missed=0.004)
    assert not generation.set_aside
    orders = [product.order for product in generation.products]
    assert orders == sorted(orders)
    triggers = [
        night.trigger[product.ranges[0].cube, product.ranges[0].start][1]
        for product in generation.products
        if product.order.camera == 1 and product.order.flc_state == "A"
    ]
    assert triggers == sorted(triggers)
    assert any("was set back" in remark for remark in generation.remarks)
    assert "" not in labels_made(generation).values()
