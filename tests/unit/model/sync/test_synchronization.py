"""Synchronization: which product each raw frame belongs to, against the truth."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from tests.support.builders.frames import (
    HOUR_US,
    RULES,
    SLOW_US,
    START_US,
    Night,
    expose,
    frames_of,
    labels_made,
    make_cube,
    set_aside,
    solo,
    synchronised,
    trigger_train,
)
from vampd.model.cubes import SyncCounts
from vampd.model.nights import CAMERA_STREAMS, DAY_US, Stream, format_clock
from vampd.model.sync import find_unexpected

DAY_START_US = START_US - START_US % DAY_US


def stem(name: str) -> str:
    return name.partition(".cam")[0]


def test_no_cubes_make_an_empty_generation() -> None:
    generation = Night().synchronize()
    assert generation.products == ()
    assert generation.counts == SyncCounts()


def test_a_plain_run_is_one_cube_per_camera_that_share_stamp_and_times() -> None:
    night = expose(trigger_train(300), offset_us=200)
    generation = night.synchronize()
    night.check(generation)
    one, two = generation.products
    assert [product.order.camera for product in (one, two)] == [1, 2]
    assert one.name == stem(one.name) + ".cam1"
    assert two.name == stem(one.name) + ".cam2"
    assert (one.first_us, one.middle_us, one.last_us) == (two.first_us, two.middle_us, two.last_us)
    assert stem(one.name) == f"vsync_{format_clock(one.first_us, 6)}"
    first = night.of(Stream.VCAM1)[0].timing.acquired_us[0]
    second = night.of(Stream.VCAM2)[0].timing.acquired_us[0]
    assert one.first_us == (first + second) // 2
    assert one.frames == two.frames == 300
    assert one.partners == two.ranges
    assert generation.number == 1
    assert generation.version == "1.2.3"


def test_the_four_siblings_of_a_cube_share_stamp_and_times() -> None:
    generation = expose(trigger_train(300, flc_us=20)).synchronize()
    assert [p.name[len("vsync_10:20:00.000000") :] for p in generation.products] == [
        ".cam1.A",
        ".cam1.B",
        ".cam2.A",
        ".cam2.B",
    ]
    assert len({stem(p.name) for p in generation.products}) == 1
    assert len({(p.first_us, p.middle_us, p.last_us) for p in generation.products}) == 1
    assert len({p.order.first_us for p in generation.products}) == 1
    assert [p.frames for p in generation.products] == [150, 150, 150, 150]


def test_products_stand_in_the_order_of_time_camera_and_state() -> None:
    night = expose(trigger_train(100, flc_us=20), start_us=START_US + HOUR_US, lost=({5}, ()))
    night += expose(trigger_train(100))
    orders = [product.order for product in night.synchronize().products]
    assert orders == sorted(orders)
    assert all(order.first_us for order in orders)


def test_cubes_that_begin_at_different_frames_pair_across_their_borders() -> None:
    night = expose(trigger_train(1000, flc_us=20), cube_frames=(170, 233), lost=(range(37), ()))
    generation = night.synchronize()
    night.check(generation, dubious=0)
    assert len(synchronised(generation)) == 4
    assert sum(product.frames for product in solo(generation)) == 37


def test_frames_without_a_partner_are_one_solo_cube_per_camera_and_state() -> None:
    # Camera 1 loses A frames only, camera 2 both.
    lost = range(20, 180, 16), range(31, 190, 15)
    night = expose(trigger_train(200, flc_us=20), lost=lost)
    generation = night.synchronize()
    night.check(generation, dubious=0)
    found = Counter((p.order.camera, p.order.flc_state) for p in solo(generation))
    assert found == {(1, "A"): 1, (1, "B"): 1, (2, "A"): 1}
    assert all(p.partners == () and not p.synchronised for p in solo(generation))


def test_solo_cubes_are_one_per_run_camera_and_header() -> None:
    lost = [3, 50, 120, 160]
    night = expose(
        trigger_train(200),
        lost=((), lost),
        cube_frames=(100, 100),
        cube_changes={(1, 1): {"OBJECT": "another"}},
    )
    night += expose(trigger_train(200), start_us=START_US + HOUR_US, lost=((), [7]))
    generation = night.synchronize()
    night.check(generation)
    assert [(p.order.camera, p.frames) for p in solo(generation)] == [(1, 2), (1, 2), (1, 1)]


def test_a_solo_cube_does_not_cross_midnight() -> None:
    start_us = DAY_START_US + DAY_US - 1_000_000
    night = expose(trigger_train(1000), start_us=start_us, cameras=(1,))
    products = night.synchronize().products
    assert len(products) == 2
    assert [p.first_us // DAY_US for p in products] == [p.last_us // DAY_US for p in products]


def test_one_camera_alone_is_solo_and_no_surprise() -> None:
    night = expose(trigger_train(100, flc_us=20), cameras=(2,))
    generation = night.synchronize()
    night.check(generation)
    assert all(
        p.name.startswith("vcam2_") and p.name[-2:] in {".A", ".B"} for p in generation.products
    )
    assert generation.counts == SyncCounts(raw=100, solo=100, deinterleaved=100)


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


def test_no_product_crosses_midnight() -> None:
    start_us = DAY_START_US + DAY_US - 1_000_000
    night = expose(trigger_train(1000, flc_us=20), start_us=start_us, cube_frames=(400, 333))
    generation = night.synchronize()
    night.check(generation)
    firsts = sorted({(p.first_us, p.last_us) for p in generation.products})
    assert [first // DAY_US - START_US // DAY_US for first, _ in firsts] == [0, 1]
    assert [last // DAY_US - START_US // DAY_US for _, last in firsts] == [0, 1]


def test_a_pair_across_midnight_stays_together() -> None:
    # The two times lie on different days; their mean decides for both.
    night = expose(
        trigger_train(5), start_us=DAY_START_US + DAY_US - 4_050, offset_us=150, jitter_us=0
    )
    generation = night.synchronize()
    night.check(generation)
    assert [p.frames for p in synchronised(generation)] == [2, 2, 3, 3]
    assert solo(generation) == []


@pytest.mark.parametrize(("idle_us", "cubes"), [(2_900_000, 1), (3_100_000, 2)])
def test_a_gap_cuts_when_nothing_was_exposed_for_three_seconds(idle_us: int, cubes: int) -> None:
    train = trigger_train(20)
    exposure_us = 1_800
    last_us = int(train.times_us[-1])
    night = expose(train) + expose(train, start_us=START_US + last_us + exposure_us + idle_us)
    generation = night.synchronize()
    night.check(generation)
    assert len({stem(p.name) for p in generation.products}) == cubes


def test_a_long_exposure_is_no_gap() -> None:
    train = trigger_train(2, period_us=8_000_000)
    night = expose(train, changes={"EXPTIME": 7.9}, jitter_us=SLOW_US)
    assert [p.frames for p in night.synchronize().products] == [2, 2]
    short = expose(train, changes={"EXPTIME": 0.1}, jitter_us=SLOW_US)
    assert [p.frames for p in short.synchronize().products] == [1, 1, 1, 1]


def test_a_cube_spans_ten_seconds() -> None:
    night = expose(trigger_train(500, period_us=50_000), cube_frames=(500, 500))
    generation = night.synchronize()
    night.check(generation)
    frames = [p.frames for p in generation.products if p.order.camera == 1]
    assert [frames[0], frames[1], sum(frames)] == [pytest.approx(200, abs=2)] * 2 + [500]
    assert all(p.last_us - p.first_us <= 10_000_000 for p in generation.products)


@pytest.mark.parametrize(
    "change",
    [
        {"RET-ANG1": 45.0},
        {"FILTER01": "x"},
        {"FILTER02": None},
        {"OBJECT": "another"},
        {"DATA-TYP": "DARK"},
        {"EXPTIME": 0.0017},
        {"U_FLCST": "OUT"},
    ],
)
@pytest.mark.parametrize("cameras", [(1,), (2,), (1, 2)])
def test_a_header_that_changes_on_either_camera_cuts_both_at_the_same_frame(
    change: dict[str, object], cameras: tuple[int, ...]
) -> None:
    night = expose(
        trigger_train(300, flc_us=20),
        cube_frames=(100, 100),
        cube_changes={(camera, 1): change for camera in cameras},  # type: ignore[misc]
    )
    generation = night.synchronize()
    headers = {cube.path: number % 3 for number, cube in enumerate(night.cubes)}
    assert solo(generation) == []
    assert sum(p.frames for p in generation.products) == 600
    for product in generation.products:
        cubes = {frame[0] for frame in frames_of(product.ranges)}
        changed = {headers[path] == 1 for path in cubes}
        assert len(changed) == 1, "a product mixes two headers"
    assert len({stem(p.name) for p in generation.products}) == 3


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


def test_an_ambiguous_run_is_not_paired_and_told() -> None:
    night = expose(trigger_train(100), offset_us=1000)
    generation = night.synchronize()
    assert synchronised(generation) == []
    assert generation.counts.unpaired == 200
    assert len(generation.remarks) == 1
    assert "10:20:00 UT" in generation.remarks[0]
    assert "too close to half a period" in generation.remarks[0]


@pytest.mark.parametrize("lost", [({500}, {999}), ({0}, {500}), ({999}, {500}), ({500}, {0, 1})])
def test_a_missed_frame_and_a_camera_that_starts_or_stops_late_cost_no_pair(
    lost: tuple[set[int], set[int]],
) -> None:
    night = expose(trigger_train(1000), lost=lost)
    night.check(night.synchronize())


def test_the_slow_modes_tolerance_holds_when_either_camera_tells_it() -> None:
    night = expose(
        trigger_train(50, period_us=30_000),
        jitter_us=SLOW_US,
        rows=64,
        cube_changes={(2, 0): {"U_DETMOD": "Slow"}},
    )
    night.check(night.synchronize())


def test_one_trigger_jitter_does_not_speak_for_another() -> None:
    # In 12 frames the intervals alone do not tell it.
    night = expose(
        trigger_train(24, flc_us=20),
        cube_frames=(12, 12),
        cube_changes={(1, 0): {"U_TRIGJT": None}, (2, 0): {"U_TRIGJT": float("nan")}},
    )
    generation = night.synchronize()
    night.check(generation, dubious=None)
    labels = labels_made(generation)
    by_cube = Counter((frame[0], label) for frame, label in labels.items())
    first, second = night.of(Stream.VCAM1)
    assert by_cube[first.path, "D"] == 12
    assert by_cube[second.path, "D"] == 0
    assert generation.dubious == {"no_jitter_card": 24}


@pytest.mark.parametrize("told", [None, float("nan"), 0, -20, 1e6, "unknown", 200])
def test_a_trigger_jitter_that_the_intervals_tell_better_is_told(
    told: str | float | None,
) -> None:
    night = expose(trigger_train(200, flc_us=20), changes={"U_TRIGJT": told})
    generation = night.synchronize()
    night.check(generation, dubious=0)
    assert len(generation.remarks) == 2
    for remark, stream in zip(generation.remarks, CAMERA_STREAMS, strict=True):
        assert remark.startswith("U_TRIGJT is ")
        assert f"in {stream}/" in remark
        assert remark.endswith(
            ("200 frames show 20 us", "200 frames show 19 us", "200 frames show 21 us")
        )


@pytest.mark.parametrize("told", [20, None])
def test_frames_behind_a_gap_that_only_the_logger_made_are_told_by_the_counter(
    told: float | None,
) -> None:
    gap = range(40, 140)
    train = trigger_train(143, flc_us=20)
    dropped = expose(train, logger_lost=(gap, gap), changes={"U_TRIGJT": told}).synchronize()
    missed = expose(train, lost=(gap, gap), changes={"U_TRIGJT": told}).synchronize()
    assert dropped.dubious == {}
    assert missed.dubious == {"unclear": 6}


def test_a_camera_that_cannot_tell_takes_its_partners_label() -> None:
    night = expose(trigger_train(100, flc_us=20), cube_changes={(2, 0): {"U_TRIGJT": None}})
    night.check(night.synchronize(), dubious=0)


def test_names_are_unique_when_two_days_share_a_time_of_day() -> None:
    train = trigger_train(50, flc_us=20)
    night = Night()
    for day in range(3):
        night += expose(train, start_us=START_US + day * DAY_US)
    generation = night.synchronize()
    night.check(generation)
    names = [p.name for p in generation.products]
    assert len(set(names)) == len(names) == 12
    stems = {
        day: {stem(p.name) for p in generation.products if p.first_us // DAY_US == day}
        for day in {p.first_us // DAY_US for p in generation.products}
    }
    assert [len(found) for found in stems.values()] == [1, 1, 1]
    assert sorted(name for found in stems.values() for name in found)[1:] == [
        f"{stem(names[0])}_2",
        f"{stem(names[0])}_3",
    ]


@pytest.mark.parametrize("flc_us", [None, 20.0])
@pytest.mark.parametrize("cameras", [(1, 2), (1,), (2,)])
def test_no_name_of_an_earlier_generation_is_given_again(
    flc_us: float | None, cameras: tuple[int, ...]
) -> None:
    train = trigger_train(50, flc_us=flc_us)
    first = expose(train, cameras=cameras).synchronize()
    taken = [p.name for p in first.products]
    later = expose(train, cameras=cameras, start_us=START_US + DAY_US)
    names = [p.name for p in later.synchronize(taken=taken[:1]).products]
    assert not {n.removesuffix(".A").removesuffix(".B") for n in names} & {
        n.removesuffix(".A").removesuffix(".B") for n in taken
    }


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


def test_another_rule_for_cuts_is_followed() -> None:
    night = expose(
        trigger_train(100),
        cube_frames=(50, 50),
        cube_changes={(1, 1): {"OBJECT": "b"}, (2, 1): {"OBJECT": "b"}},
    )
    assert len(night.synchronize().products) == 4
    assert len(night.synchronize(replace(RULES, cut_on=())).products) == 2
    assert len(night.synchronize(replace(RULES, span_us=19_000, cut_on=())).products) == 20


def test_a_single_frame_of_each_camera_is_a_pair() -> None:
    cubes = tuple(
        make_cube(stream, [START_US + lag])
        for stream, lag in ((Stream.VCAM1, 0), (Stream.VCAM2, 300))
    )
    generation = Night(cubes).synchronize()
    assert [p.frames for p in synchronised(generation)] == [1, 1]


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
    found = find_unexpected(counts, max_unpaired=0.2, max_dubious=0.1, max_set_aside=0.5)
    if words is None:
        assert found is None
    else:
        assert words in str(found)


def test_several_findings_are_all_told() -> None:
    counts = SyncCounts(raw=10, synchronised=1, unpaired=9, deinterleaved=9, dubious=9, set_aside=9)
    found = find_unexpected(counts, max_unpaired=0, max_dubious=0, max_set_aside=0)
    assert str(found).count(";") == 2
