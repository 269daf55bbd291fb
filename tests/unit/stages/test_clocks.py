"""Times of another clock: a cube is set aside, a whole camera holds the night before any ID."""

from dataclasses import replace

import numpy as np
import pytest

from tests.support.builders.frames import (
    HOUR_US,
    START_US,
    Night,
    assert_every_frame_lands_once,
    expose,
    make_cube,
    pairs_made,
    trigger_train,
)
from tests.support.builders.sync_night import next_plan, reader_of, run_sync
from tests.support.fakes.fake_night_reader import FakeNightReader
from vampd.errors import DataError
from vampd.model.cubes import RawCube, set_aside_cubes
from vampd.model.nights import Stream
from vampd.stages.clocks import collided, find_colliding_cubes, set_aside_absurd

TAI_US = 37_000_000
MIDNIGHT_US = START_US - START_US % (24 * HOUR_US)
NO_DATE = {"DATE": None}
TRAIN = trigger_train(400, period_us=25_000)


def ahead(cube: RawCube, by_us: int) -> RawCube:
    """The cube with column 5 of a clock that is ahead."""
    times_us = cube.timing.acquired_us + by_us
    return replace(cube, timing=replace(cube.timing, acquired_us=times_us))


def reasons(reader: FakeNightReader) -> dict[str, str]:
    return {path: cube.code for path, cube in set_aside_cubes(reader.committed).items()}


def refused(reader: FakeNightReader) -> tuple[str, tuple[str, ...]]:
    with pytest.raises(DataError) as caught:
        next_plan(reader)
    return caught.value.code, caught.value.context["refused"]  # type: ignore[return-value]


def other_clock() -> tuple[Night, set[str]]:
    """A night whose camera 2 stamps in TAI, and the paths of that camera's cubes."""
    night = expose(TRAIN, changes=NO_DATE)
    cubes = [ahead(c, TAI_US * (c.stream is Stream.VCAM2)) for c in night.cubes]
    return replace(night, cubes=tuple(cubes)), {c.path for c in night.of(Stream.VCAM2)}


def test_a_camera_of_another_clock_holds_the_night_before_anything_is_decided() -> None:
    night, odd = other_clock()
    reader = reader_of(night)
    code, paths = refused(reader)
    assert (code, set(paths)) == ("cameras_clocks_differ", odd)
    assert not reader.committed


def test_a_person_may_let_the_night_go_on_without_that_camera_for_good() -> None:
    night, odd = other_clock()
    reader = reader_of(night)
    reader.released = frozenset(odd)
    run_sync(reader)
    assert reasons(reader) == dict.fromkeys(odd, "acquisition_time_absurd")
    assert not pairs_made(reader.committed[0])
    reader.released = frozenset()  # as after sync
    assert not next_plan(reader)


def test_late_cubes_of_another_clock_are_set_aside_where_their_camera_has_sound_ones() -> None:
    reader = reader_of(expose(TRAIN, changes=NO_DATE))
    run_sync(reader)
    late = expose(TRAIN, start_us=START_US + HOUR_US, cameras=(2,), changes=NO_DATE)
    for cube in late.cubes:
        reader.add_cube(ahead(cube, -300_000_000))
    run_sync(reader)
    assert reasons(reader) == {c.path: "acquisition_time_absurd" for c in late.cubes}


def test_a_cube_of_another_clock_costs_itself() -> None:
    night = expose(TRAIN, cube_frames=(100, 100), changes=NO_DATE)
    odd = night.of(Stream.VCAM1)[2]
    cubes = [ahead(c, -TAI_US) if c is odd else c for c in night.cubes]
    reader = reader_of(replace(night, cubes=tuple(cubes)))
    run_sync(reader)
    assert reasons(reader) == {odd.path: "acquisition_time_absurd"}
    assert_every_frame_lands_once(reader.committed[0], night.cubes)
    assert pairs_made(reader.committed[0]) == {
        pair for pair in night.true_pairs() if pair[0][0] != odd.path
    }


@pytest.mark.parametrize("is_late", [False, True])
def test_a_cube_that_is_early_by_whole_periods_stays_set_aside_whoever_looks_again(
    is_late: bool,
) -> None:
    night = expose(TRAIN, cube_frames=(100, 100), changes=NO_DATE)
    odd = night.of(Stream.VCAM1)[2]
    early = ahead(odd, -75_000)  # three periods
    reader = reader_of(replace(night, cubes=tuple(c for c in night.cubes if c is not odd)))
    if is_late:
        run_sync(reader)
    reader.add_cube(early)
    run_sync(reader)
    assert reasons(reader) == {odd.path: "acquisition_time_absurd"}
    # By itself nothing would show it.
    assert not next_plan(reader)


def test_a_single_frame_that_is_before_earlier_ones_stays_set_aside() -> None:
    night = expose(trigger_train(40, period_us=100_000), cube_frames=(1, 1), changes=NO_DATE)
    odd = night.of(Stream.VCAM1)[20]
    cubes = [ahead(c, -350_000) if c is odd else c for c in night.cubes]
    reader = reader_of(replace(night, cubes=tuple(cubes)))
    run_sync(reader)
    assert reasons(reader) == {odd.path: "acquisition_time_absurd"}
    assert not next_plan(reader)


def test_a_row_without_a_time_costs_its_frame_alone() -> None:
    night = expose(TRAIN)
    odd = night.of(Stream.VCAM1)[0]
    odd.timing.acquired_us[7] = 0
    reader = reader_of(night)
    run_sync(reader)
    (generation,) = reader.committed
    assert reasons(reader) == {odd.path: "acquisition_time_absurd"}
    assert (generation.counts.raw, generation.counts.set_aside) == (800, 1)
    assert pairs_made(generation) == {p for p in night.true_pairs() if p[0] != (odd.path, 7)}
    assert generation.counts.unpaired == 0  # it has a reason
    assert not next_plan(reader)


def twins(*, same_us: int) -> tuple[RawCube, RawCube]:
    """Two cubes of one camera, with other frames of nearly the same times, by a clock set back."""
    times_us = START_US + np.arange(9) * 100_000
    counts = np.arange(9)
    first = make_cube(Stream.VCAM1, times_us, NO_DATE, cnt0=counts, name="a.fits")
    second = make_cube(Stream.VCAM1, times_us + same_us, NO_DATE, cnt0=counts + 100, name="b.fits")
    return first, second


@pytest.mark.parametrize("same_us", [0, 1])
def test_products_of_different_frames_and_one_time_hold_the_night(same_us: int) -> None:
    first, second = twins(same_us=same_us)
    reader = reader_of(Night((first, second)))
    assert refused(reader) == ("times_collide", (second.path,))
    reader.released = frozenset({second.path})
    run_sync(reader)
    assert reasons(reader) == {second.path: "times_collide"}
    reader.released = frozenset()
    assert not next_plan(reader)


def test_products_that_readers_can_tell_apart_hold_nothing() -> None:
    reader = reader_of(Night(twins(same_us=2_000)))
    run_sync(reader)
    assert not reasons(reader)


def test_a_late_cube_with_the_time_of_a_product_holds_the_night() -> None:
    first, second = twins(same_us=1)
    reader = reader_of(Night((first,)))
    run_sync(reader)
    reader.add_cube(second)
    assert refused(reader) == ("times_collide", (second.path,))


def test_a_cube_that_was_let_go_is_judged_again_once_it_is_another_file() -> None:
    first, second = twins(same_us=1)
    for cube, is_judged in ((second, False), (replace(second, fits=first.fits), True)):
        sound, kept = set_aside_absurd(
            [cube], MIDNIGHT_US, aside={cube.path: collided(second)}, used=(), let_go=()
        )
        assert (sound == [cube], kept == []) == (is_judged, is_judged)


def test_a_hold_names_the_cubes_of_that_camera_whatever_set_them_aside_before() -> None:
    night, odd = other_clock()
    alone = night.of(Stream.VCAM1)[0]
    cubes = [ahead(c, -2 * TAI_US) if c is alone else c for c in night.cubes]
    before = {c.path: replace(collided(c), code="link") for c in cubes if c.path in odd}
    with pytest.raises(DataError) as caught:
        set_aside_absurd(cubes, MIDNIGHT_US, aside=before, used=(), let_go=())
    assert set(caught.value.context["refused"]) == odd  # type: ignore[call-overload]


def test_a_product_of_two_cubes_collides_until_both_were_let_go() -> None:
    times_us = START_US + np.arange(18) * 100_000
    counts = np.arange(18)
    parts = [
        make_cube(Stream.VCAM1, times_us[of], NO_DATE, cnt0=counts[of], name=name)
        for of, name in ((slice(9), "a.fits"), (slice(9, 18), "b.fits"))
    ]
    other = make_cube(Stream.VCAM1, times_us, NO_DATE, cnt0=counts + 100, name="c.fits")
    made = []
    for cubes in (parts, [other]):
        reader = reader_of(Night(tuple(cubes)))
        run_sync(reader)
        made.append(reader.committed[0])
    earlier, paths = made[1].products, frozenset(part.path for part in parts)
    with pytest.raises(DataError) as caught:
        find_colliding_cubes(made[0], earlier, {parts[0].path})
    assert caught.value.code == "times_collide"
    assert find_colliding_cubes(made[0], earlier, paths) == paths
