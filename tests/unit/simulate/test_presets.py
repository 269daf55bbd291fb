"""Presets look like the nights that they are named after."""

from dataclasses import replace
from datetime import time

import numpy as np

from tests.support.builders.planned_nights import NIGHT, plan, presets
from vampd.model.nights import CAMERA_STREAMS
from vampd.simulate import (
    CROP_64,
    MBI,
    PRESETS,
    Defect,
    Scenario,
    Trigger,
    plan_night,
)


def test_the_cameras_windows_differ_in_multiband_imaging():
    widths = {cube.cards.integer("NAXIS1") for cube in plan("mbi").cubes}

    assert widths == set(MBI.columns) == {2228, 2232}


@presets
def test_presets_but_defects_look_like_a_night_that_nobody_asks_about(preset):
    truth = plan(preset).truth
    bad = np.array([cube.defect is not None for cube in truth.cubes])
    triggered = np.flatnonzero((truth.trigger >= 0) & ~bad[truth.cube])
    unpaired = 1 - 2 * len(truth.pairs()[0]) / len(triggered)

    if preset == "defects":
        assert {cube.defect for cube in truth.bad_cubes} == set(Defect)
    else:
        assert unpaired < 0.12
        assert bad.mean() < 0.1


def test_large_presets_have_cubes_of_fifty_frames_and_more_under_the_flc():
    for preset in ("tiny", "small", "demo", "medium", "standard", "large"):
        runs = [run for run in PRESETS[preset].runs if run.flc_jitter_us is not None]
        assert runs
        assert min(min(run.frames_per_cube) for run in runs) >= 50


def test_presets_have_the_sizes_that_their_users_count_on():
    megabytes = {
        name: sum(
            len(cube.timing) * 2 * np.prod(scenario.crop.shape(cube.stream.camera))
            for cube in plan(name).cubes
        )
        / 1e6
        for name, scenario in PRESETS.items()
    }

    assert megabytes["tiny"] < 6
    assert 35 < megabytes["small"] < 60
    assert 100 < megabytes["demo"] < 150
    assert 400 < megabytes["medium"] < 600
    assert 1700 < megabytes["standard"] < 2300
    assert 1700 < megabytes["mbi"] < 2300
    assert 5000 < megabytes["large"] < 7000


def test_the_demo_shows_every_kind_of_run():
    runs = PRESETS["demo"].runs

    assert {run.trigger for run in runs} == set(Trigger)
    assert {run.cameras for run in runs} == {(1, 2), (1,)}
    assert runs[-1].data_type == "DARK"
    assert len({run.hwp_angle_deg for run in runs}) > 2
    assert any(run.logger_loss for run in runs)
    assert sum(len(run.spoiled) for run in runs) == 2


def test_late_cubes_are_a_night_that_starts_later():
    later = plan_night(replace(PRESETS["tiny"], start_ut=time(9)), NIGHT, 2)

    assert not {cube.path for cube in later.cubes} & {cube.path for cube in plan().cubes}


def test_runs_may_overlap_where_each_has_a_camera_of_its_own():
    one = replace(PRESETS["tiny"].runs[0], cameras=(1,), pause_s=-1.0)
    two = replace(one, cameras=(2,), trigger=Trigger.FREE_RUNNING, flc_jitter_us=None)
    simulated = plan_night(Scenario("overlap", CROP_64, (one, two)), NIGHT, 1)

    first, second = (simulated.stream_cubes(stream) for stream in CAMERA_STREAMS)
    assert first[-1].timing.acquired_us[-1] > second[0].timing.acquired_us[0]
    assert simulated.truth.pairs()[0].size == 0
