"""What sync pairs and labels, what it refuses, and that it accounts for every frame."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.evaluation.judgement import judge_generation
from tests.evaluation.scenarios import SCENARIOS
from tests.evaluation.suite import NIGHT, synchronise_night
from tests.support.builders.frames import (
    HOUR_US,
    SLOW_US,
    START_US,
    Night,
    Train,
    expose,
    labels_made,
    make_cube,
    set_aside,
    solo,
    synchronised,
    trigger_train,
)
from tests.support.examples import others_in_soak
from vampd.model.cubes import SyncCounts
from vampd.model.nights import CAMERA_STREAMS, Stream, format_clock
from vampd.model.sync import find_unexpected
from vampd.simulate.night import plan_night


def test_cubes_that_begin_at_different_frames_pair_across_their_borders() -> None:
    night = expose(trigger_train(1000, flc_us=20), cube_frames=(170, 233), lost=(range(37), ()))
    generation = night.synchronize()
    night.check(generation, dubious=0)
    assert len(synchronised(generation)) == 4
    assert sum(product.frames for product in solo(generation)) == 37


def test_triggered_frames_of_one_camera_alone_are_unpaired() -> None:
    night = expose(trigger_train(100, flc_us=20), cameras=(2,))
    generation = night.synchronize()
    night.check(generation)
    assert all(
        p.name.startswith("vcam2_") and p.name[-2:] in {".A", ".B"} for p in generation.products
    )
    counts = SyncCounts(raw=100, solo=100, deinterleaved=100, unpaired=100)
    assert generation.counts == counts
    assert "100 of 100 frames should have a partner" in str(unexpected(counts))


@pytest.mark.parametrize("value", [False, None, "T", 1])
def test_without_external_trigger_nothing_is_ever_paired_or_split(value: object) -> None:
    night = expose(trigger_train(100, flc_us=20), changes={"EXTTRIG": value})  # type: ignore[dict-item]
    generation = night.synchronize()
    assert synchronised(generation) == []
    assert labels_made(generation) == {}
    assert generation.counts == SyncCounts(raw=200, solo=200)
    assert sorted(p.name for p in generation.products) == [
        "vcam1_" + format_clock(int(night.of(Stream.VCAM1)[0].timing.acquired_us[0]), 6),
        "vcam2_" + format_clock(int(night.of(Stream.VCAM2)[0].timing.acquired_us[0]), 6),
    ]


def test_free_running_cubes_of_one_camera_leave_the_others_alone() -> None:
    night = expose(trigger_train(100), changes={"EXTTRIG": False}, cameras=(1,))
    night += expose(trigger_train(100), cameras=(2,))
    assert synchronised(night.synchronize()) == []


def test_cameras_that_disagree_on_the_exposure_time_still_pair() -> None:
    night = expose(
        trigger_train(300),
        cube_frames=(300, 150),
        cube_changes={(2, 0): {"EXPTIME": 0.001}, (2, 1): {"EXPTIME": 0.0012}},
    )
    generation = night.synchronize()
    night.check(generation)


def test_two_runs_with_different_offsets_both_pair() -> None:
    night = expose(trigger_train(100), offset_us=-600)
    night += expose(trigger_train(100), offset_us=600, start_us=START_US + 20_000_000)
    generation = night.synchronize()
    night.check(generation)
    assert [p.offset_us for p in generation.products if p.order.camera == 1] == [
        pytest.approx(-600, abs=10),
        pytest.approx(600, abs=10),
    ]
    assert all(p.tolerance_us == 465 for p in generation.products)


def test_frames_whose_exposures_leave_no_room_for_another_trigger_pair_at_any_offset() -> None:
    night = expose(
        trigger_train(120, period_us=240_000),
        offset_us=2_500,
        jitter_us=SLOW_US,
        cube_frames=(1, 1),
        changes={"U_DETMOD": "Slow", "EXPTIME": 0.21},
    )
    night.check(night.synchronize(), missed=0)


@pytest.mark.parametrize("step_us", others_in_soak([40_000, 100_000, 250_000]))
@pytest.mark.parametrize("period_us", [2_100, 4_100, 10_100])
@pytest.mark.parametrize("counted", [False, True])
def test_single_frames_of_another_trigger_each_are_no_pairs_however_regular(
    step_us: int, period_us: int, counted: bool
) -> None:
    """Three triggers at a time: camera 1 keeps the first of them, camera 2 the second."""
    times_us = step_us * np.arange(60)[:, None] + period_us * np.arange(3)
    train = Train(times_us.ravel().astype(np.float64), ("",) * times_us.size, None)
    gone = [{t for t in range(times_us.size) if t % 3 != kept} for kept in (0, 1)]
    lost = {"logger_lost" if counted else "lost": (gone[0], gone[1])}
    changes = {"EXPTIME": (period_us - 100) / 1e6}
    night = expose(train, cube_frames=(1, 1), changes=changes, **lost)  # type: ignore[arg-type]
    assert synchronised(night.synchronize()) == []


def test_an_ambiguous_run_is_not_paired_and_reported() -> None:
    night = expose(trigger_train(100), offset_us=1000)
    generation = night.synchronize()
    assert synchronised(generation) == []
    assert generation.counts.unpaired == 200
    assert len(generation.remarks) == 1
    assert "10:20:00 UT" in generation.remarks[0]
    assert "which of its frames is of their trigger is not certain" in generation.remarks[0]


def test_a_run_that_is_paired_in_parts_is_reported_too() -> None:
    """Its cameras are half a period apart: 196 of its 400 pairs are given."""
    night = plan_night(SCENARIOS["offset_half_period"], NIGHT, 608)
    generation = synchronise_night(night)
    assert generation.counts.synchronised > 0
    assert judge_generation(night, generation).unsaid == 0
    assert "which of its frames is of their trigger is not certain" in generation.remarks[0]
    assert "should have a partner" in str(unexpected(generation.counts))


@pytest.mark.parametrize("lost", [({500}, {999}), ({0}, {500}), ({999}, {500}), ({500}, {0, 1})])
def test_a_missed_frame_and_a_camera_that_starts_or_stops_late_cost_no_pair(
    lost: tuple[set[int], set[int]],
) -> None:
    night = expose(trigger_train(1000), lost=lost)
    night.check(night.synchronize())


def test_the_slow_modes_tolerance_holds_when_either_camera_shows_it() -> None:
    night = expose(
        trigger_train(50, period_us=30_000),
        jitter_us=SLOW_US,
        rows=64,
        cube_changes={(2, 0): {"U_DETMOD": "Slow"}},
    )
    night.check(night.synchronize())


def test_a_cube_without_a_half_width_card_is_labeled_by_the_frames_around_it() -> None:
    night = expose(
        trigger_train(24, flc_us=20),
        cube_frames=(12, 12),
        cube_changes={(1, 0): {"U_TRIGJT": None}, (2, 0): {"U_TRIGJT": float("nan")}},
    )
    night.check(night.synchronize(), dubious=0)


@pytest.mark.parametrize("shown", [None, float("nan"), 0, -20, 1e6, "unknown", 200])
def test_a_trigger_jitter_that_the_intervals_show_better_is_reported(
    shown: str | float | None,
) -> None:
    night = expose(trigger_train(200, flc_us=20), changes={"U_TRIGJT": shown})
    generation = night.synchronize()
    night.check(generation, dubious=0)
    assert len(generation.remarks) == 2
    for remark, stream in zip(generation.remarks, CAMERA_STREAMS, strict=True):
        assert remark.startswith("U_TRIGJT is ")
        assert f"in {stream}/" in remark
        assert remark.endswith(
            ("200 frames show 20 us", "200 frames show 19 us", "200 frames show 21 us")
        )


@pytest.mark.parametrize("shown", [20, None])
def test_frames_behind_a_gap_that_only_the_logger_made_are_shown_by_the_counter(
    shown: float | None,
) -> None:
    gap = range(40, 140)
    train = trigger_train(143, flc_us=20)
    dropped = expose(train, logger_lost=(gap, gap), changes={"U_TRIGJT": shown}).synchronize()
    missed = expose(train, lost=(gap, gap), changes={"U_TRIGJT": shown})
    assert dropped.dubious == {}
    missed.check(missed.synchronize(), dubious=0.08)


def test_a_camera_that_cannot_tell_takes_its_partners_label() -> None:
    night = expose(trigger_train(100, flc_us=20), cube_changes={(2, 0): {"U_TRIGJT": None}})
    night.check(night.synchronize(), dubious=0)


def test_a_cube_under_two_names_is_used_once_and_the_other_is_set_aside() -> None:
    night = expose(trigger_train(100))
    cube = night.cubes[0]
    twin = replace(cube, fits=replace(cube.fits, path="vcam1/zz.fits"))
    generation = replace(night, cubes=(*night.cubes, twin)).synchronize()
    assert [(bad.path, bad.code) for bad in generation.set_aside] == [
        ("vcam1/zz.fits", "overlaps_cube")
    ]
    assert generation.counts.set_aside == 100
    assert len(generation.cubes) == 3


def test_set_aside_cubes_are_accounted_for_by_path() -> None:
    bad = set_aside(Stream.VCAM2, "b.fits"), set_aside(Stream.VCAM1, "a.fits", frames=0)
    night = expose(trigger_train(10), cameras=(1,)) + Night((), bad)
    generation = night.synchronize()
    assert [cube.path for cube in generation.set_aside] == ["vcam1/a.fits", "vcam2/b.fits"]
    assert {cube.fits.path for cube in generation.cubes} == {
        "vcam1/a.fits",
        "vcam2/b.fits",
        night.cubes[0].path,
    }
    assert generation.counts.raw == 20
    assert generation.counts.set_aside == 10


def test_frames_whose_partners_were_set_aside_are_no_surprise() -> None:
    night = expose(trigger_train(100), cube_frames=(100, 50))
    lost = night.of(Stream.VCAM2)[0]
    rest = tuple(cube for cube in night.cubes if cube is not lost)
    bad = set_aside(Stream.VCAM2, lost.path[6:], frames=50)
    counts = Night(rest, (bad,)).synchronize().counts
    assert (counts.solo, counts.unpaired) == (50, 0)
    assert Night(rest).synchronize().counts.unpaired == 50


def test_the_counts_add_up() -> None:
    night = expose(trigger_train(200, flc_us=20), lost=({5, 6}, {100}))
    night += expose(trigger_train(40), start_us=START_US + HOUR_US, changes={"EXTTRIG": False})
    counts = night.synchronize().counts
    assert counts == SyncCounts(
        raw=397 + 80,
        synchronised=394,
        solo=83,
        unpaired=3,
        deinterleaved=397,
        dubious=0,
    )


@pytest.mark.parametrize("frames", [10, 40])
def test_single_frames_far_apart_pair_where_they_lie_alike(frames: int) -> None:
    night = Night()
    for number in range(frames):
        start_us = START_US + 1_100_000 * number
        night += expose(trigger_train(1), start_us=start_us, seed=number)
    counted = [
        replace(cube, timing=replace(cube.timing, cnt0=cube.timing.cnt0 + position // 2))
        for position, cube in enumerate(night.cubes)
    ]
    night = replace(night, cubes=tuple(counted))
    night.check(night.synchronize(), missed=0)


def test_of_one_frame_of_each_camera_nothing_tells_that_they_are_of_one_trigger() -> None:
    cubes = tuple(
        make_cube(stream, [START_US + lag])
        for stream, lag in ((Stream.VCAM1, 0), (Stream.VCAM2, 300))
    )
    generation = Night(cubes).synchronize()
    assert synchronised(generation) == []
    assert generation.counts.unpaired == 2
    assert "which of its frames is of their trigger is not certain" in generation.remarks[0]


def unexpected(counts: SyncCounts, cubes: int = 10, aside: int = 0) -> str | None:
    limits = {"max_unpaired": 0.2, "max_dubious": 0.1, "max_set_aside": 0.5}
    return find_unexpected(counts, cubes=cubes, aside=aside, **limits)


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        (SyncCounts(), None),
        (SyncCounts(raw=100, synchronised=80, unpaired=20), None),
        (
            SyncCounts(raw=100, synchronised=79, unpaired=21),
            "21 of 100 frames should have a partner",
        ),
        (SyncCounts(raw=100, deinterleaved=100, dubious=10), None),
        (SyncCounts(raw=100, deinterleaved=100, dubious=11), "no certain FLC state (limit 10%)"),
        (SyncCounts(raw=100, set_aside=50), None),
        (SyncCounts(raw=100, set_aside=51), "51 of 100 frames were set aside"),
    ],
)
def test_a_night_is_unexpected_beyond_each_limit(counts: SyncCounts, words: str | None) -> None:
    found = unexpected(counts)
    if words is None:
        assert found is None
    else:
        assert words in str(found)


def test_several_findings_are_all_reported() -> None:
    counts = SyncCounts(raw=10, synchronised=1, unpaired=9, deinterleaved=9, dubious=9, set_aside=9)
    found = find_unexpected(
        counts, cubes=10, aside=0, max_unpaired=0, max_dubious=0, max_set_aside=0
    )
    assert str(found).count(";") == 2


def test_cubes_are_judged_as_frames_are_for_these_may_be_unknown() -> None:
    counts = SyncCounts(raw=100)
    assert unexpected(counts, cubes=10, aside=5) is None
    assert "6 of 10 cubes were set aside (limit 50%)" in str(unexpected(counts, cubes=10, aside=6))


@pytest.mark.parametrize("cubes", [1, 7])
def test_a_night_whose_every_cube_is_set_aside_is_never_as_expected(cubes: int) -> None:
    limits = {"max_unpaired": 1, "max_dubious": 1, "max_set_aside": 1}
    assert find_unexpected(SyncCounts(), cubes=cubes, aside=cubes, **limits) is not None
    assert find_unexpected(SyncCounts(), cubes=0, aside=0, **limits) is None
