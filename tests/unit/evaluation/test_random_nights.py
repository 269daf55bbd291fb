"""The random nights tell the truth about themselves."""

from itertools import pairwise

import numpy as np
import pytest

from tests.evaluation.random_nights import random_night
from vampd.model.nights import CAMERA_STREAMS
from vampd.model.sync import CODE_A, CODE_B, CODE_NONE
from vampd.simulate.night import SimulatedNight

SEEDS = range(6)


def stamps(night: SimulatedNight) -> np.ndarray:
    return np.concatenate([cube.timing.acquired_us for cube in night.cubes])


def counts(night: SimulatedNight) -> np.ndarray:
    return np.concatenate([cube.timing.cnt0 for cube in night.cubes])


def cameras(night: SimulatedNight) -> np.ndarray:
    return np.array([c.stream.camera for c in night.truth.cubes])[night.truth.cube]


def test_a_seed_gives_one_night_and_another_seed_another() -> None:
    assert (stamps(random_night(3)) == stamps(random_night(3))).all()
    assert len(stamps(random_night(3))) != len(stamps(random_night(4)))


@pytest.mark.parametrize("rough", [False, True])
@pytest.mark.parametrize("seed", SEEDS)
def test_frames_of_a_camera_are_in_order_of_their_triggers_and_counts(
    seed: int, rough: bool
) -> None:
    night = random_night(seed, rough=rough)
    times_us, cnt0, camera = stamps(night), counts(night), cameras(night)
    for stream in CAMERA_STREAMS:
        own = np.flatnonzero(camera == stream.camera)
        assert (np.diff(times_us[own]) > 0).all()
        assert (np.diff(night.truth.trigger[own]) > 0).all()
        # A count that jumps is a frame that is missing; it never counts more than there were.
        rises = np.diff(cnt0[own])
        assert (rises >= 1).all()
        assert (rises <= np.diff(night.truth.trigger[own])).all()


@pytest.mark.parametrize("seed", SEEDS)
def test_partners_are_of_one_trigger_and_no_stamp_is_early(seed: int) -> None:
    night = random_night(seed)
    first, second = night.truth.pairs()
    assert len(first) > 10
    times_us = stamps(night)
    for run in range(len(night.scenario.runs)):
        setting = night.scenario.runs[run]
        own = night.truth.run[first] == run
        difference_us = times_us[second[own]] - times_us[first[own]]
        if len(difference_us) > 20:
            usual_us = float(np.median(difference_us))
            assert abs(usual_us - setting.offset_us) < setting.readout.row_us + 150
        # A trigger is never sooner than an exposure after the one before.
        for camera in (1, 2):
            rows = np.flatnonzero((night.truth.run == run) & (cameras(night) == camera))
            spans_us = times_us[rows[20:]] - times_us[rows[:-20]]
            triggers = night.truth.trigger[rows[20:]] - night.truth.trigger[rows[:-20]]
            assert (spans_us > triggers * setting.exptime_us - 25_000).all()


def test_the_interval_after_a_relaxed_frame_is_longer_by_twice_the_half_width() -> None:
    seen = 0
    for seed in range(20):
        night = random_night(seed)
        times_us, truth = stamps(night), night.truth
        for run, setting in enumerate(night.scenario.runs):
            rows = np.flatnonzero((truth.run == run) & (cameras(night) == 1))
            if setting.flc_jitter_us is None:
                assert (truth.flc[rows] == CODE_NONE).all()
                continue
            after: dict[int, list[int]] = {CODE_A: [], CODE_B: []}
            for a, b in pairwise(rows.tolist()):
                if truth.trigger[b] == truth.trigger[a] + 1:
                    assert {truth.flc[a], truth.flc[b]} == {CODE_A, CODE_B}
                    after[int(truth.flc[a])].append(int(times_us[b] - times_us[a]))
            if min(map(len, after.values())) >= 30:
                longer_us = np.median(after[CODE_B]) - np.median(after[CODE_A])
                scatter_us = 30 + setting.readout.row_us
                assert (
                    abs(longer_us - 2 * setting.flc_jitter_us)
                    < 0.12 * 2 * setting.flc_jitter_us + scatter_us
                )
                seen += 1
    assert seen >= 10


def frames_that_waited_and_triggers_missed(*, rough: bool) -> tuple[int, int]:
    """Of some nights: stamps that follow another at once, and misses that no counter shows."""
    waited = missed = 0
    for night in (random_night(seed, rough=rough) for seed in SEEDS):
        for stream in CAMERA_STREAMS:
            own = np.flatnonzero(cameras(night) == stream.camera)
            same = np.diff(night.truth.run[own]) == 0
            waited += int((same & (np.diff(stamps(night)[own]) < 40)).sum())
            unseen = np.diff(night.truth.trigger[own]) - np.diff(counts(night)[own])
            missed += int(unseen[same].sum())
    return waited, missed


def test_on_a_rough_night_more_frames_wait_and_more_triggers_are_missed() -> None:
    plain, rough = (frames_that_waited_and_triggers_missed(rough=r) for r in (False, True))
    assert rough[0] > 3 * plain[0] > 0
    assert rough[1] > plain[1] > 0
