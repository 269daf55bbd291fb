"""What a summary tells of a night: by minute, in all, and what a person should look at."""

from dataclasses import replace

import pytest

from tests.support.builders.frames import RULES, START_US, expose, set_aside, trigger_train
from tests.support.builders.observed import LIMITS, MIDNIGHT_US, observe
from vampd.model.accounts import (
    SYNC_KINDS,
    FrameKind,
    gather_frames,
    observe_cube,
    percent,
    summarize_night,
)
from vampd.model.cubes import CubeAccount, FrameRange, Generation, Product, ProductOrder, SyncCounts
from vampd.model.nights import DAY_US, Stream
from vampd.model.sync import find_unexpected

MINUTE_US = 60_000_000
TRAIN = trigger_train(60, period_us=10_000, flc_us=20)


def test_a_pair_across_the_minute_counts_in_one_minute_for_both_cameras() -> None:
    start_us = START_US + MINUTE_US - 300_000 - 60  # camera 2 is 120 us later
    seen = observe(expose(TRAIN, start_us=start_us, offset_us=120, jitter_us=0))
    assert len(seen.summary.minutes) == 2
    for minute in seen.summary.minutes:
        first, second = (minute.frames(*SYNC_KINDS, camera=camera) for camera in (1, 2))
        assert first == second > 0
    assert seen.summary.findings == ()


def test_a_minute_shows_all_its_targets_and_exposure_times() -> None:
    night = expose(TRAIN, changes={"OBJECT": "M 31", "EXPTIME": 0.009}) + expose(
        TRAIN, start_us=START_US + 20_000_000, changes={"OBJECT": "DARK", "EXPTIME": 0.0095}
    )
    (minute,) = observe(night).summary.minutes
    assert minute.targets == ("DARK", "M 31")
    assert minute.exposures_us == (9_000, 9_500)


@pytest.mark.parametrize(
    ("name", "day"),
    [("vcam1_23:59:58.5.fits", -1), ("vcam1_00:00:01.5.fits", 0), ("vcam1_13:00:00.0.fits", -1)],
)
def test_a_cube_set_aside_counts_at_the_time_in_its_name_on_the_nearest_day(
    name: str, day: int
) -> None:
    night = expose(TRAIN, start_us=MIDNIGHT_US - 100_000)
    aside = replace(night, set_aside=(set_aside(Stream.VCAM1, name, frames=7),))
    (minute,) = (m for m in observe(aside).summary.minutes if m.frames(FrameKind.SET_ASIDE))
    assert minute.frames(FrameKind.SET_ASIDE) == 7
    assert minute.start_us is not None
    assert (minute.start_us - MIDNIGHT_US) // DAY_US == day


def test_frames_of_no_known_time_are_counted_nevertheless() -> None:
    night = replace(expose(TRAIN), set_aside=(set_aside(Stream.VCAM2, "junk.fits", frames=9),))
    last = observe(night).summary.minutes[-1]
    assert last.start_us is None
    assert last.frames(FrameKind.SET_ASIDE, camera=2) == 9


def test_a_night_of_nothing_but_bad_cubes_lies_on_its_own_date() -> None:
    bad = set_aside(Stream.VCAM1, "vcam1_05:06:07.000000000.fits", frames=5)
    night = replace(expose(trigger_train(0)), set_aside=(bad,))
    (minute,) = observe(night).summary.minutes
    assert minute.start_us == MIDNIGHT_US + (5 * 60 + 6) * MINUTE_US
    assert observe(night).summary.runs == ()


def test_late_frames_are_counted_as_late_and_pointed_at() -> None:
    late = expose(TRAIN, start_us=START_US + 30_000_000)
    summary = observe(expose(TRAIN), late=late).summary
    assert summary.frames(FrameKind.LATE) == 120
    assert len(summary.runs) == 1
    assert "late: 120 frames are still to be synchronized" in summary.findings


def test_a_late_cube_that_cannot_be_used_counts_with_its_reason() -> None:
    bad = set_aside(Stream.VCAM1, "vcam1_10:21:00.fits", frames=3, code="timing_cut")
    summary = observe(expose(TRAIN), late_set_aside=[bad]).summary
    assert summary.frames(FrameKind.LATE, camera=1) == 3
    assert any("timing_cut" in finding for finding in summary.findings)


@pytest.mark.parametrize("change", ["gone", "other frames"])
def test_products_whose_raw_cubes_are_gone_or_changed_still_count(change: str) -> None:
    night = expose(TRAIN)
    generation = night.synchronize()
    cubes = {cube.path: observe_cube(cube, ()) for cube in night.cubes}
    path = night.of(Stream.VCAM1)[0].path
    shown = cubes.pop(path)
    if change == "other frames":
        cubes[path] = replace(shown, acquired_us=shown.acquired_us[:-1], cnt0=shown.cnt0[:-1])
    frames = gather_frames([generation], cubes, [], midnight_us=MIDNIGHT_US)
    summary = summarize_night(frames, [generation], generation.counts, LIMITS, 3_000_000)
    assert summary.frames(*SYNC_KINDS, camera=1) == summary.frames(*SYNC_KINDS, camera=2) == 60
    assert summary.notable == ()
    assert any("raw cubes gone or changed" in finding for finding in summary.findings)


def test_a_night_is_summed_up_by_the_corrected_cards_that_sync_went_by() -> None:
    night = expose(TRAIN, changes={"RET-ANG1": 22.5, "OBJECT": "HD 1"})
    corrected = (
        ("RET-ANG1", "22.50", "67.5", "the log of the plate"),
        ("OBJECT", "HD 1", "HD 2", "a typo"),
        # Other cubes of the product said these.
        ("RET-ANG1", "67.5", "0", "the log of the plate"),
        ("DATA-TYP", "DARK", "FLAT", "a typo"),
    )
    generation = night.synchronize()
    generation = replace(
        generation,
        products=tuple(replace(each, corrected=corrected) for each in generation.products),
    )
    cubes = {cube.path: observe_cube(cube, RULES.cut_on) for cube in night.cubes}
    frames = gather_frames([generation], cubes, [], midnight_us=MIDNIGHT_US)
    (was, *_), (now, *_) = (
        [cube.configuration for cube in cubes.values()],
        frames.configurations,
    )
    assert len(frames.configurations) == 1
    assert (was.target, now.target) == ("HD 1", "HD 2")
    assert dict(now.others) == {**dict(was.others), "RET-ANG1": "67.5"}
    assert dict(was.others)["RET-ANG1"] == "22.5"


def test_a_cube_taken_back_in_is_no_longer_counted_as_set_aside() -> None:
    night = expose(TRAIN, cameras=(1,))
    (cube,) = night.cubes
    bad = set_aside(Stream.VCAM1, cube.path.partition("/")[2], frames=60)
    first = Generation(
        1, "0", (CubeAccount(bad.fits, None, 60),), (), (bad,), SyncCounts(raw=60, set_aside=60)
    )
    second = replace(night.synchronize(), number=2)
    frames = gather_frames(
        [first, second], {cube.path: observe_cube(cube, ())}, [], midnight_us=MIDNIGHT_US
    )
    assert not frames.counted
    assert len(frames) == 60


def test_the_verdict_is_that_of_the_gate_before_frame_ids() -> None:
    night = expose(TRAIN, lost=(range(0, 60, 2), ()))
    seen = observe(night)
    assert seen.summary.unexpected is not None
    assert seen.summary.unexpected == find_unexpected(
        seen.generation.counts,
        cubes=len(seen.generation.cubes),
        aside=0,
        max_unpaired=0.2,
        max_dubious=0.1,
        max_set_aside=0.5,
    )


def test_the_worst_run_is_named_only_among_several() -> None:
    first = expose(TRAIN, lost=(range(0, 60, 2), ()))
    second = expose(
        TRAIN,
        start_us=START_US + 20_000_000,
        lost=(range(0, 45, 2), ()),
        changes={"OBJECT": "DARK"},
    )
    (alone, *_) = observe(first).summary.findings
    assert alone.startswith("too many frames without a partner: run 1 at ")
    (both, *_) = observe(first + second).summary.findings
    assert both.startswith("too many frames without a partner: runs 1-2, the worst run 1 at ")


def test_a_night_as_it_should_be_has_nothing_to_look_at() -> None:
    summary = observe(expose(TRAIN)).summary
    assert summary.unexpected is None
    assert summary.findings == ()


def test_what_sync_remarked_is_passed_on() -> None:
    seen = observe(expose(TRAIN))
    remarked = replace(seen.generation, remarks=("an offset near half a period",))
    summary = summarize_night(seen.frames, [remarked], seen.generation.counts, LIMITS, 3_000_000)
    assert summary.findings == ("an offset near half a period",)


def test_cameras_that_disagree_on_synchronised_frames_are_pointed_at() -> None:
    night = expose(TRAIN)
    cubes = {cube.path: observe_cube(cube, ()) for cube in night.cubes}
    one, two = (night.of(stream)[0].path for stream in (Stream.VCAM1, Stream.VCAM2))

    def product(camera: int, state: str, own: str, other: str) -> Product:
        order = ProductOrder(START_US, camera, state)
        whole = (FrameRange(own, 0, 60),), (FrameRange(other, 0, 60),)
        return Product(f"{camera}", order, True, *whole, START_US, START_US, START_US, 150, 400)

    generation = replace(
        night.synchronize(), products=(product(1, "A", one, two), product(2, "B", two, one))
    )
    frames = gather_frames([generation], cubes, [], midnight_us=MIDNIGHT_US)
    summary = summarize_night(frames, [generation], generation.counts, LIMITS, 3_000_000)
    assert any("do not agree" in finding for finding in summary.findings)
    assert "the cameras' synchronized frames do not agree" in summary.notable
    assert summary.verdict.startswith("to be checked, within the limits of [sync]: ")


@pytest.mark.parametrize(
    ("part", "shown"),
    [(0.0, "0.0%"), (1.0, "100.0%"), (1e-6, "<0.1%"), (1 - 1e-6, ">99.9%"), (0.125, "12.5%")],
)
def test_a_rate_is_never_rounded_to_none_or_all(part: float, shown: str) -> None:
    assert percent(part) == shown


@pytest.mark.parametrize(
    ("value", "text"),
    [(True, "T"), (False, "F"), (22.50, "22.5"), (3, "3"), ("Open ", "Open"), (None, "")],
)
def test_a_setting_of_any_type_is_reported(value: str | float | bool | None, text: str) -> None:
    (cube,) = expose(TRAIN, cameras=(1,), changes={"U_FLCEN": value}).cubes
    assert observe_cube(cube, ("U_FLCEN",)).configuration.others == (("U_FLCEN", text),)


def test_what_was_set_aside_is_listed_in_the_order_of_time() -> None:
    cubes = tuple(
        set_aside(Stream.VCAM1, f"{name}.fits", frames=10, code=code)
        for name, code in (
            ("junk", "absent"),
            ("vcam1_10:30:00.0", "broken"),
            ("vcam1_10:20:00.0", "cut"),
        )
    )
    findings = observe(replace(expose(TRAIN), set_aside=cubes)).summary.findings
    assert findings == (
        "set aside from 10:20:00 UT on: cut (1 cube, 10 frames)",
        "set aside from 10:30:00 UT on: broken (1 cube, 10 frames)",
        "set aside: absent (1 cube, 10 frames)",
    )
