"""The runs of a night: uninterrupted, one configuration."""

from dataclasses import replace

import numpy as np
import pytest

from tests.support.builders.frames import (
    START_US,
    Changes,
    Night,
    expose,
    set_clock_back,
    trigger_train,
)
from tests.support.builders.observed import Observed, observe
from vampd.model.accounts import (
    NO_RUN,
    NightFrames,
    find_clock_steps,
    format_numbers,
    number_runs,
    split_by_run,
)
from vampd.model.cubes import Generation, Int64
from vampd.model.nights import Stream

GAP_US = 3_000_000
TRAIN = trigger_train(100, period_us=10_000, flc_us=20)
SECOND_US = 1_000_000


def runs_of(seen: Observed) -> list[tuple[int, int]]:
    return [run.frames for run in seen.summary.runs]


def test_one_sequence_is_one_run_whatever_its_losses() -> None:
    night = expose(TRAIN, lost=({0, 1, 2, 50}, {99}), logger_lost=({60}, {10, 11}))
    assert runs_of(observe(night)) == [(95, 97)]


@pytest.mark.parametrize(("pause_s", "runs"), [(1, 1), (5, 2)])
def test_a_run_ends_where_the_cameras_stand_idle(pause_s: int, runs: int) -> None:
    end_us = START_US + int(TRAIN.times_us[-1])
    night = expose(TRAIN) + expose(TRAIN, start_us=end_us + pause_s * SECOND_US)
    assert len(observe(night).summary.runs) == runs


@pytest.mark.parametrize("lost", [((), ()), ({49, 50, 51}, ()), ((), {48, 49, 50})])
@pytest.mark.parametrize("keyword", ["RET-ANG1", "OBJECT", "EXPTIME"])
def test_a_change_of_configuration_ends_a_run_once_for_both_cameras(
    lost: tuple[set[int], set[int]], keyword: str
) -> None:
    values: Changes = {"RET-ANG1": 67.25, "OBJECT": "M 31", "EXPTIME": 0.005}
    size = (50 - sum(t < 50 for t in lost[0]), 50 - sum(t < 50 for t in lost[1]))
    changes: dict[tuple[int, int], Changes] = {
        (camera, cube): {keyword: values[keyword]} for camera in (1, 2) for cube in (1, 2)
    }
    night = expose(TRAIN, lost=lost, cube_frames=size, cube_changes=changes)
    found = runs_of(observe(night))
    assert len(found) == 2
    assert sum(map(sum, found)) == 200 - len(lost[0]) - len(lost[1])


def test_a_header_that_shows_a_change_a_cube_late_makes_a_run_of_its_own() -> None:
    train = trigger_train(900, period_us=10_000)
    angle = {"RET-ANG1": 45.0}
    # Camera 2 tells it from frame 300 on, camera 1 from 700 on: 4 s later.
    changes = {(1, 1): angle, (2, 1): angle, (2, 2): angle}
    night = expose(train, cube_frames=(700, 300), cube_changes=changes)
    assert len(observe(night).summary.runs) == 3


@pytest.mark.parametrize("camera", [1, 2])
def test_both_frames_of_a_pair_are_of_one_run(camera: int) -> None:
    night = expose(TRAIN, cube_frames=(50, 50), cube_changes={(camera, 1): {"OBJECT": "M 31"}})
    assert runs_of(observe(night)) == [(50, 50), (50, 50)]
    assert [run.paired for run in observe(night).summary.runs] == [1.0, 1.0]


def test_an_offset_that_jumps_without_a_pause_ends_a_run() -> None:
    end_us = START_US + int(TRAIN.times_us[-1]) + 10_000
    seen = observe(expose(TRAIN, offset_us=50) + expose(TRAIN, start_us=end_us, offset_us=90))
    middle_us = end_us - 5_000
    # Sync has one offset for an uninterrupted sequence; a later version may tell more.
    shown = replace(
        seen.frames,
        origins=tuple(replace(o, offset_us=50, tolerance_us=20) for o in seen.frames.origins)
        + tuple(replace(o, offset_us=90, tolerance_us=20) for o in seen.frames.origins),
        origin=np.where(
            seen.frames.time_us > middle_us,
            seen.frames.origin + len(seen.frames.origins),
            seen.frames.origin,
        ).astype(np.int32),
    )
    assert number_runs(seen.frames, GAP_US).max() == 1
    assert number_runs(shown, GAP_US).max() == 2


def test_free_running_cameras_have_runs_of_their_own() -> None:
    free = {"EXTTRIG": False, "U_FLCEN": False}
    night = expose(TRAIN, changes=free)
    summary = observe(night).summary
    assert [run.frames for run in summary.runs] == [(100, 0), (0, 100)]
    assert [run.paired for run in summary.runs] == [None, None]
    assert not summary.findings


def test_a_triggered_run_of_one_camera_is_pointed_at() -> None:
    (finding,) = observe(expose(TRAIN, cameras=(2,))).summary.findings
    assert finding == "triggered, and only one camera has frames: run 1"


def test_runs_are_numbered_in_time_order_and_late_frames_are_in_none() -> None:
    starts = [START_US + n * 60 * SECOND_US for n in (2, 0, 3, 1)]
    night = sum((expose(TRAIN, start_us=start) for start in starts), Night())
    late = expose(TRAIN, start_us=START_US + 600 * SECOND_US)
    seen = observe(night, late=late)
    runs = number_runs(seen.frames, GAP_US)
    firsts = [int(seen.frames.time_us[own].min()) for _, own in split_by_run(runs)]
    assert [number for number, _ in split_by_run(runs)] == [1, 2, 3, 4]
    assert firsts == sorted(firsts)
    assert np.count_nonzero(runs == NO_RUN) == 200


def test_a_night_without_frames_has_no_run() -> None:
    seen = observe(Night())
    assert isinstance(seen.generation, Generation)
    assert isinstance(seen.frames, NightFrames)
    assert list(split_by_run(number_runs(seen.frames, GAP_US))) == []
    assert seen.summary.minutes == ()


def test_a_run_shows_the_offset_and_the_jitter_that_made_it() -> None:
    train = trigger_train(2_000, period_us=5_000)
    (run,) = observe(expose(train, offset_us=230, jitter_us=7.2)).summary.runs
    assert run.offset_us is not None
    assert abs(run.offset_us - 230) <= 1
    assert run.jitter_us == pytest.approx(7.2 / np.sqrt(6), abs=0.3)  # two uniform lags
    assert run.paired == 1


@pytest.mark.parametrize(
    ("numbers", "shown"),
    [([4], "run 4"), ([1, 2, 3, 7], "runs 1-3, 7"), ([1, 3], "runs 1, 3"), ([5, 6], "runs 5-6")],
)
def test_numbers_of_runs_are_reported_shortly(numbers: list[int], shown: str) -> None:
    assert format_numbers(numbers) == shown


def test_a_clock_that_drifts_shows_in_the_offset_and_not_in_the_jitter() -> None:
    train = trigger_train(2_000, period_us=5_000)
    night = expose(train, offset_us=100, jitter_us=7.2, cube_frames=(500, 500))
    drifting = tuple(
        replace(cube, timing=replace(cube.timing, acquired_us=drifted(cube.timing.acquired_us)))
        if cube.stream is Stream.VCAM2
        else cube
        for cube in night.cubes
    )
    (run,) = observe(replace(night, cubes=drifting)).summary.runs
    assert run.pairs == 2_000
    assert run.offset_range_us == pytest.approx((100, 300), abs=5)
    assert run.offset_range_us is not None
    assert run.offset_text == "{}..{}".format(*run.offset_range_us)
    assert run.jitter_us == pytest.approx(7.2 / np.sqrt(6), abs=0.3)


def drifted(acquired_us: Int64) -> Int64:
    """20 us a second too fast."""
    return acquired_us + (acquired_us - START_US) * 20 // SECOND_US


def test_a_steady_offset_is_one_number() -> None:
    (run,) = observe(expose(trigger_train(1_000, period_us=5_000), offset_us=100)).summary.runs
    assert run.offset_text == str(run.offset_us) == "100"
    (alone,) = observe(expose(TRAIN, cameras=(1,))).summary.runs
    assert (alone.offset_text, alone.offset_us, alone.jitter_us) == ("-", None, None)


def test_runs_of_a_clock_that_was_set_back_go_by_the_order_of_taking() -> None:
    train = trigger_train(100, period_us=10_000, flc_us=20)
    night = set_clock_back(expose(train, lost=({20}, {70})), 400_000, 50)
    found = observe(night).summary.runs
    assert [(run.frames, run.lost_by_camera) for run in found] == [
        ((49, 50), (1, 0)),
        ((50, 49), (0, 1)),
    ]
    assert found[1].first_us < found[0].last_us
    assert [run.jitter_us is not None and run.jitter_us < 10 for run in found] == [True, True]


def test_runs_that_went_back_before_all_others_keep_the_order_of_taking() -> None:
    train = trigger_train(100, period_us=10_000, flc_us=20)
    night = set_clock_back(expose(train), 30 * SECOND_US, 50)
    first, second = observe(night).summary.runs
    assert second.first_us < second.last_us < first.first_us < first.last_us


def test_a_step_of_the_clock_is_found_where_it_was_set_back_and_by_how_much() -> None:
    train = trigger_train(100, period_us=10_000, flc_us=20)
    night = set_clock_back(expose(train, jitter_us=0), 400_000, 50)
    (step,) = find_clock_steps(observe(night).frames)
    assert step.before_us - step.after_us == pytest.approx(390_000, abs=1_000)
    assert list(find_clock_steps(observe(expose(train)).frames)) == []


def test_a_pause_of_the_trigger_stands_after_the_last_frame_before_it() -> None:
    train = trigger_train(100, period_us=10_000, flc_us=20)
    times_us = train.times_us + np.where(np.arange(100) < 60, 0, SECOND_US)
    (run,) = observe(expose(replace(train, times_us=times_us), jitter_us=0)).summary.runs
    assert run.pauses == 1
    assert run.paused_us[0] - START_US == pytest.approx(train.times_us[59], abs=200)
