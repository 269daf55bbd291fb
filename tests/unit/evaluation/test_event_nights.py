"""The random nights of events tell the truth about themselves."""

from itertools import pairwise

import numpy as np
import pytest

from tests.evaluation.event_nights import event_night
from vampd.model.nights import CAMERA_STREAMS
from vampd.model.sync import CODE_A, CODE_B, CODE_NONE
from vampd.simulate.night import SimulatedNight

SEEDS = range(12)
WITHOUT_A_FRAME_AT_FIRST = 32


def stamps(night: SimulatedNight) -> np.ndarray:
    return np.concatenate([cube.timing.acquired_us for cube in night.cubes])


def counts(night: SimulatedNight) -> np.ndarray:
    return np.concatenate([cube.timing.cnt0 for cube in night.cubes])


def rows_in_order(night: SimulatedNight, camera: int) -> np.ndarray:
    """The frames of a camera by their triggers, whatever order the cubes are in."""
    cameras = np.array([cube.stream.camera for cube in night.truth.cubes])[night.truth.cube]
    rows = np.flatnonzero(cameras == camera)
    return rows[np.argsort(night.truth.trigger[rows])]


def test_a_seed_gives_one_night_and_another_seed_another() -> None:
    first, again = event_night(3), event_night(3)
    assert (stamps(first) == stamps(again)).all()
    assert [cube.cards for cube in first.cubes] == [cube.cards for cube in again.cubes]
    assert len(stamps(first)) != len(stamps(event_night(4)))


def test_a_night_without_a_frame_is_drawn_again() -> None:
    assert len(stamps(event_night(WITHOUT_A_FRAME_AT_FIRST))) > 0


@pytest.mark.parametrize("seed", SEEDS)
def test_the_truth_has_each_frame_once(seed: int) -> None:
    night = event_night(seed)
    truth = night.truth
    assert [cube.path for cube in truth.cubes] == [cube.path for cube in night.cubes]
    assert len({cube.path for cube in truth.cubes}) == len(truth.cubes)
    told = list(zip(truth.cube.tolist(), truth.frame.tolist(), strict=True))
    held = [(n, m) for n, cube in enumerate(night.cubes) for m in range(len(cube.timing.cnt0))]
    assert told == held
    for stream in CAMERA_STREAMS:
        assert (np.diff(truth.trigger[rows_in_order(night, stream.camera)]) > 0).all()


def test_frames_of_both_cameras_are_of_one_trigger() -> None:
    pairs = 0
    for night in map(event_night, SEEDS):
        first, second = night.truth.pairs()
        pairs += len(first)
        assert (night.truth.trigger[first] == night.truth.trigger[second]).all()
        assert (night.truth.flc[first] == night.truth.flc[second]).all()
    assert pairs > 1_000


@pytest.mark.parametrize("seed", SEEDS)
def test_a_counter_never_counts_more_than_there_were(seed: int) -> None:
    night = event_night(seed)
    for stream in CAMERA_STREAMS:
        rows = rows_in_order(night, stream.camera)
        rises = np.diff(counts(night)[rows])
        begins_anew = rises < 0
        assert (rises != 0).all()
        assert (rises <= np.diff(night.truth.trigger[rows]))[~begins_anew].all()


@pytest.mark.parametrize("seed", SEEDS)
def test_states_alternate_and_a_flc_at_rest_has_none(seed: int) -> None:
    truth = event_night(seed).truth
    runs = event_night(seed).scenario.runs
    switching = np.array([run.flc_jitter_us is not None for run in runs])[truth.run]
    assert ((truth.flc == CODE_NONE) == ~switching).all()
    state_of = dict(zip(truth.trigger.tolist(), truth.flc.tolist(), strict=True))
    run_of = dict(zip(truth.trigger.tolist(), truth.run.tolist(), strict=True))
    for one, other in pairwise(sorted(state_of)):
        # Whatever began or stopped, A is the second half of a turn.
        if other == one + 1 and run_of[one] == run_of[other]:
            assert (state_of[one], state_of[other]) != (CODE_A, CODE_A)
            assert state_of[one] != CODE_B or state_of[other] == CODE_A


def test_the_interval_after_a_relaxed_frame_is_longer_by_twice_the_half_width() -> None:
    seen = 0
    for night in map(event_night, range(20)):
        times_us, truth = stamps(night), night.truth
        for run, setting in enumerate(night.scenario.runs):
            rows = rows_in_order(night, camera=1)
            rows = rows[(truth.run[rows] == run) & (times_us[rows] > 0)]
            after: dict[int, list[int]] = {CODE_NONE: [], CODE_A: [], CODE_B: []}
            for one, other in pairwise(rows.tolist()):
                if truth.trigger[other] == truth.trigger[one] + 1:
                    after[int(truth.flc[one])].append(int(times_us[other] - times_us[one]))
            if setting.flc_jitter_us is None or min(len(after[c]) for c in (CODE_A, CODE_B)) < 30:
                continue
            longer_us = np.median(after[CODE_B]) - np.median(after[CODE_A])
            assert abs(longer_us - 2 * setting.flc_jitter_us) < 60 + setting.readout.row_us / 2
            seen += 1
    assert seen >= 5


def test_what_only_these_nights_have_is_in_some_of_them() -> None:
    """Clocks that step back in a file, counters that begin anew, changes in a cube, one camera."""
    stepped = reset = changed = alone = 0
    for night in map(event_night, range(170, 195)):
        truth = night.truth
        times_us = [cube.timing.acquired_us for cube in night.cubes]
        stepped += any((np.diff(times[times > 0]) < 0).any() for times in times_us)
        for stream in CAMERA_STREAMS:
            rows = rows_in_order(night, stream.camera)
            reset += bool((np.diff(counts(night)[rows]) < 0).any())
        same_cube = np.diff(truth.cube) == 0
        changed += bool((same_cube & (np.diff(truth.run) != 0)).any())
        alone += len(truth.pairs()[0]) < len(truth.trigger) / 4
    assert min(stepped, reset, changed, alone) >= 2, (stepped, reset, changed, alone)
