"""Which cubes sync makes: where they are cut, how they are named, what they share."""

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
    solo,
    synchronised,
    trigger_train,
)
from vampd.model.cubes import SyncCounts
from vampd.model.nights import DAY_US, Stream, format_clock

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


def test_another_rule_for_cuts_is_followed() -> None:
    night = expose(
        trigger_train(100),
        cube_frames=(50, 50),
        cube_changes={(1, 1): {"OBJECT": "b"}, (2, 1): {"OBJECT": "b"}},
    )
    assert len(night.synchronize().products) == 4
    assert len(night.synchronize(replace(RULES, cut_on=())).products) == 2
    assert len(night.synchronize(replace(RULES, span_us=19_000, cut_on=())).products) == 20
