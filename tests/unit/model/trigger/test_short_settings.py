"""Settings of few frames that no card shows, between frames of another one, are no evidence."""

import numpy as np
import pytest

from tests.support.builders.frames import (
    FAST_US,
    Night,
    expose,
    join_trains,
    labels_made,
    pairs_made,
    trigger_train,
)
from tests.unit.model.trigger.test_labels import label, wrong

AROUND = {"period_us": 3_000, "flc_us": 500, "first": "B"}


def night_with(frames: int, period_us: int, flc_us: int, seed: int) -> Night:
    """So many frames of another T and J, whose cubes' cards say those of the frames around."""
    trains = [
        trigger_train(200, **AROUND),  # type: ignore[arg-type]
        trigger_train(frames, period_us=period_us, flc_us=flc_us, first="B"),
        trigger_train(200, **AROUND),  # type: ignore[arg-type]
    ]
    return expose(
        join_trains(*trains), changes={"EXPTIME": 0.0024}, cube_frames=(500, 500), seed=seed
    )


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("frames", [12, 16, 24])
@pytest.mark.parametrize(
    ("period_us", "flc_us"), [(3_700, 200), (4_500, 500), (4_500, 200), (6_000, 500), (9_100, 500)]
)
def test_no_label_and_no_pair_is_wrong_in_a_short_setting(
    frames: int, period_us: int, flc_us: int, seed: int
) -> None:
    night = night_with(frames, period_us, flc_us, seed)
    generation = night.synchronize()
    labels = labels_made(generation)
    assert all(label in {"D", night.state[frame]} for frame, label in labels.items())
    assert pairs_made(generation) <= night.true_pairs()


@pytest.mark.parametrize("frames", [8, 16, 30])
def test_the_order_of_turns_tells_the_states_where_intervals_do_not(frames: int) -> None:
    """T' - J' is T + J: by each interval alone, the other state is as likely."""
    night = night_with(frames, 3_700, 200, seed=1)
    night.check(night.synchronize(), missed=0, dubious=0)


@pytest.mark.parametrize("frames", [8, 10, 12])
def test_a_short_setting_is_not_labeled_by_the_period_of_the_next_one(frames: int) -> None:
    """U_TRIGOF was raised by 2 J: what T - J is then was T + J before."""
    turns_us = np.tile([22_280, 21_280], 30)
    steps_us = np.concatenate([turns_us[: frames - 1], [22_500], 1_000 + turns_us[:40]])
    for seed in range(4):
        lags_us = np.random.default_rng(seed).uniform(0, FAST_US, len(steps_us) + 1)
        times_us = 1e9 + np.concatenate([[0], np.cumsum(steps_us)]) + lags_us
        found = label(times_us, 500, cnt0=np.arange(len(times_us)))
        assert found == "BA" * (frames // 2) + ("BA" * 21)[:41]


@pytest.mark.parametrize("frames", [4, 8, 14])
@pytest.mark.parametrize("pause_us", [0, 48_000])
def test_a_setting_at_the_end_is_not_labeled_by_the_period_before_it(
    frames: int, pause_us: float
) -> None:
    """U_TRIGOF was raised by 2 J: what T + J was is T - J now, the shorter interval."""
    steps_us = np.concatenate([np.tile([7_330, 6_330], 30), np.tile([8_320, 7_320], 7)[:frames]])
    truth = "B" + "AB" * 30 + ("AB" * 7)[:frames]
    if pause_us:
        # Whatever the state was, the next frame is relaxed.
        steps_us = np.insert(steps_us, 60, pause_us)
        truth = "B" + "AB" * 30 + "B" + ("AB" * 7)[:frames]
    for seed in range(4):
        lags_us = np.random.default_rng(seed).uniform(0, 60, len(steps_us) + 1)
        times_us = 1e9 + np.concatenate([[0], np.cumsum(steps_us)]) + lags_us
        assert wrong(label(times_us, 500, cnt0=np.arange(len(times_us))), truth) == 0


@pytest.mark.parametrize("frames", [5, 9])
def test_frames_whose_period_none_around_have_carry_no_state_of_those_before(frames: int) -> None:
    """The exposure was changed twice, and the FLC switched off; no card says so."""
    steps_us = [*([18_790, 17_780] * 20), *([26_960, 26_030] * 3), 39_430, *([38_390] * 8)]
    steps_us = steps_us[: 46 + frames]
    truth = "B" + "AB" * 20 + "AB" * 3 + "-" * frames
    for seed in range(4):
        lags_us = np.random.default_rng(seed).uniform(0, FAST_US, len(steps_us) + 1)
        times_us = 1e9 + np.concatenate([[0], np.cumsum(steps_us)]) + lags_us
        assert wrong(label(times_us, 500, cnt0=np.arange(len(times_us))), truth) == 0


@pytest.mark.parametrize("lost", [2, 3])
def test_the_flc_may_be_switched_off_where_no_camera_has_a_frame(lost: int) -> None:
    """Each trigger without it takes T - J, as many as were lost."""
    turns_us = np.tile([30_250, 28_250], 20)
    steps_us = np.concatenate([turns_us, [28_250 * (lost + 1)], [28_250] * 2])
    numbers = np.concatenate([np.arange(41), 41 + lost + np.arange(3)])
    for seed in range(4):
        lags_us = np.random.default_rng(seed).uniform(0, 60, len(numbers))
        times_us = 1e9 + np.concatenate([[0], np.cumsum(steps_us)]) + lags_us
        assert wrong(label(times_us, 1_000, cnt0=numbers), "B" + "AB" * 20 + "-" * 3) == 0
