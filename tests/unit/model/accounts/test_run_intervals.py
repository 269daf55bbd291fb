"""Lost frames and the alternation, from the intervals of one camera."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.builders.frames import START_US, expose, trigger_train
from tests.support.builders.observed import observe
from vampd.model.accounts import LABEL_THRESHOLD, alternation, find_losses, mean_interval_us
from vampd.model.cubes import SetAside
from vampd.model.nights import Stream


@given(
    st.sets(st.integers(1, 78), max_size=20),
    st.sets(st.integers(1, 78), max_size=20),
    st.sampled_from([None, 20.0]),
)
def test_losses_are_shown_by_who_lost_them(
    by_camera: set[int], by_logger: set[int], flc_us: float | None
) -> None:
    train = trigger_train(80, period_us=10_000, flc_us=flc_us)
    night = expose(train, lost=(by_camera, ()), logger_lost=(by_logger, ()), cameras=(1,))
    (cube,) = night.cubes
    losses = find_losses(
        cube.timing.acquired_us,
        cube.timing.cnt0,
        np.zeros(cube.frames - 1, bool),
        10_000,
        flc_us or 0.0,
        # What the other camera has.
        START_US + train.times_us[sorted(by_camera | by_logger)].astype(np.int64),
    )
    assert losses.by_camera.sum() == len(by_camera)
    assert losses.by_logger.sum() == len(by_logger - by_camera)


def test_frames_that_are_set_aside_are_not_lost() -> None:
    night = expose(trigger_train(300, period_us=10_000), cube_frames=(100, 100))
    middle = night.of(Stream.VCAM1)[1]
    bad = SetAside(middle.fits, middle.timing_file, 100, "timing_cut", "a reason")
    left = replace(night, cubes=tuple(c for c in night.cubes if c is not middle), set_aside=(bad,))
    (run,) = observe(left).summary.runs
    assert run.lost == 0


def test_late_frames_are_not_lost() -> None:
    night = expose(trigger_train(300, period_us=10_000), cube_frames=(100, 100))
    late = tuple(night.of(stream)[1] for stream in (Stream.VCAM1, Stream.VCAM2))
    (run,) = observe(
        replace(night, cubes=tuple(c for c in night.cubes if c not in late)),
        late=replace(night, cubes=late),
    ).summary.runs
    assert run.lost == 0


@pytest.mark.parametrize("cameras", [(1,), (1, 2)])
def test_a_trigger_that_stands_still_for_a_few_periods_loses_nothing(
    cameras: tuple[int, ...],
) -> None:
    train = trigger_train(400, period_us=10_000)
    stood_us = np.repeat(np.arange(20), 20) * 90_000.0
    paused = replace(train, times_us=train.times_us + stood_us)
    (run,) = observe(expose(paused, cameras=cameras)).summary.runs
    assert (run.lost, run.pauses) == (0, 19)


def test_what_only_the_other_camera_has_is_lost_by_this_one() -> None:
    lost = set(range(1, 399, 2))
    (run,) = observe(expose(trigger_train(400, period_us=10_000), lost=((), lost))).summary.runs
    assert run.lost_by_camera == (0, len(lost))
    assert run.pauses == 0


def test_a_pause_of_the_trigger_is_no_loss() -> None:
    times_us = np.concatenate([np.arange(50) * 10_000, 1_500_000 + np.arange(50) * 10_000])
    losses = find_losses(times_us, np.arange(100), np.zeros(99, bool), 10_000)
    assert losses.by_camera.sum() == losses.by_logger.sum() == 0


@pytest.mark.parametrize(("period_us", "flc_us"), [(1_000, 500), (1_500, 1_000), (3_000, 500)])
def test_the_longer_interval_of_the_flc_is_no_pause(period_us: int, flc_us: int) -> None:
    train = trigger_train(200, period_us=period_us, flc_us=flc_us)
    lost = ({20, 61}, {90, 91, 130, 131, 132})
    night = expose(train, lost=lost, changes={"EXPTIME": (period_us - flc_us - 100) / 1e6})
    (run,) = observe(night).summary.runs
    assert run.pauses == 0
    assert run.lost_by_camera == (2, 5)


def test_a_period_that_became_longer_within_a_run_is_no_pause() -> None:
    times_us = np.concatenate([np.arange(200) * 3_000, 600_000 + np.arange(200) * 8_000])
    train = replace(trigger_train(400), times_us=times_us)
    (run,) = observe(expose(train, lost=({50, 300}, {90, 350}))).summary.runs
    assert run.pauses == 0
    assert run.lost_by_camera == (2, 2)


def test_a_counter_that_starts_anew_loses_nothing() -> None:
    times_us = np.arange(100, dtype=np.int64) * 10_000
    counts = np.concatenate([np.arange(50) + 7_000, np.arange(50)])
    assert find_losses(times_us, counts, np.zeros(99, bool), 10_000).by_logger.sum() == 0


@pytest.mark.parametrize("frames", [0, 1, 2, 3])
def test_a_few_frames_lose_nothing_and_fail_nowhere(frames: int) -> None:
    times_us = START_US + np.arange(frames, dtype=np.int64) * 10_000
    losses = find_losses(times_us, np.arange(frames), np.zeros(max(0, frames - 1), bool), 10_000)
    assert losses.by_camera.sum() == 0
    assert len(alternation(times_us, 20.0)) == frames
    assert mean_interval_us(times_us, 0.0) == (10_000 if frames > 1 else float("inf"))


@given(
    st.integers(30, 200),
    st.sampled_from(["A", "B"]),
    st.sets(st.integers(1, 199), max_size=12),
    st.booleans(),
)
def test_the_alternation_has_the_sign_of_the_true_state_and_clears_the_threshold(
    triggers: int, first: str, lost: set[int], shown: bool
) -> None:
    train = trigger_train(triggers, period_us=10_000, flc_us=20, first=first)
    night = expose(train, lost=(lost, ()), cameras=(1,), jitter_us=0, cube_frames=(500, 500))
    (cube,) = night.cubes
    response = alternation(cube.timing.acquired_us, 20.0 if shown else None)
    states = [night.state[cube.path, frame] for frame in range(cube.frames)]
    sign = np.array([1 if state == "B" else -1 for state in states])
    known = np.isfinite(response)
    assert ((response * sign)[known] > LABEL_THRESHOLD).all()
    # Only a frame between two losses has no interval to tell by.
    steps = np.diff(cube.timing.acquired_us) < 15_000
    has_neighbour = np.append(steps, False) | np.append(False, steps)
    assert (known == has_neighbour).all()


def test_intervals_that_do_not_alternate_have_no_response() -> None:
    assert np.isnan(alternation(np.arange(50, dtype=np.int64) * 10_000, None)).all()


@pytest.mark.parametrize("flc_us", [None, 20.0, 300.0])
@pytest.mark.parametrize("every", [2, 3, 4])
def test_losses_that_repeat_regularly_do_not_hide_the_interval(
    every: int, flc_us: float | None
) -> None:
    train = trigger_train(120, period_us=10_000, flc_us=flc_us)
    lost = set(range(every, 119, every + 1))
    (run,) = observe(expose(train, lost=(lost, ()))).summary.runs
    assert run.lost_by_camera == (len(lost), 0)
