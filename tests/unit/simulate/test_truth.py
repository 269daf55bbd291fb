"""The truth of a simulated night: partners, triggers, states, and what is lost."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given

from tests.support.builders.planned_nights import plan, small_nights
from vampd.model.nights import CAMERA_STREAMS
from vampd.model.sync import CODE_NONE
from vampd.simulate import (
    PRESETS,
    Defect,
    Trigger,
    format_truth,
)
from vampd.simulate.logger_files import timing_bytes


def fingerprint(simulated):
    return [
        (cube.path, cube.cards.texts, timing_bytes(cube), cube.exposures.tolist())
        for cube in simulated.cubes
    ]


def test_the_same_seed_gives_the_same_night_and_another_seed_another():
    assert fingerprint(plan(seed=4)) == fingerprint(plan(seed=4))
    assert fingerprint(plan(seed=4)) != fingerprint(plan(seed=5))


@given(small_nights)
def test_the_truth_has_one_row_for_every_frame_of_every_readable_cube(simulated):
    truth = simulated.truth
    rows = Counter((frame.cube.path, frame.frame) for frame in truth.frames())

    expected = Counter(
        (cube.path, frame)
        for cube in simulated.cubes
        if cube.defect is not Defect.CUBE_JUNK
        for frame in range(len(cube.timing))
    )
    assert rows == expected
    assert [cube.path for cube in truth.cubes] == [cube.path for cube in simulated.cubes]


@given(small_nights)
def test_partners_have_one_trigger_one_state_and_nearly_one_time(simulated):
    truth = simulated.truth
    first, second = truth.pairs()

    acquired_us = np.concatenate([cube.timing.acquired_us for cube in simulated.cubes])
    apart_us = acquired_us[second] - acquired_us[first]
    offsets_us = np.array([run.offset_us for run in simulated.scenario.runs])
    runs = np.array([cube.run for cube in truth.cubes])[truth.cube[first]]
    assert len(first) > 100
    assert np.array_equal(truth.trigger[first], truth.trigger[second])
    assert np.array_equal(truth.flc[first], truth.flc[second])
    assert (np.abs(apart_us - offsets_us[runs]) < 10).all()


@given(small_nights)
def test_triggers_rise_along_a_cameras_frames(simulated):
    truth = simulated.truth
    for stream in CAMERA_STREAMS:
        of_stream = np.array([cube.stream is stream for cube in truth.cubes])[truth.cube]
        triggered = truth.trigger[of_stream & (truth.trigger >= 0)]
        assert (np.diff(triggered) > 0).all()


@given(small_nights)
def test_triggers_number_the_exposures_that_decide_the_pixels(simulated):
    exposures = np.concatenate([cube.exposures for cube in simulated.cubes])
    triggers = simulated.truth.trigger
    triggered = triggers >= 0

    assert np.array_equal(exposures[triggered], triggers[triggered])
    for stream in CAMERA_STREAMS:
        numbers = np.concatenate([cube.exposures for cube in simulated.stream_cubes(stream)])
        assert len(np.unique(numbers)) == len(numbers)


def test_bad_free_running_and_solo_cubes_have_no_pairs():
    truth = plan("demo").truth
    in_pairs = {truth.cubes[truth.cube[row]].path for rows in truth.pairs() for row in rows}

    unpaired = {cube.path for cube in truth.bad_cubes}
    unpaired |= {cube.path for cube in truth.cubes if cube.trigger is Trigger.FREE_RUNNING}
    assert len(truth.bad_cubes) == 2
    assert in_pairs
    assert not in_pairs & unpaired


def test_free_running_frames_have_no_trigger_and_unswitched_ones_no_state():
    frames = list(plan().truth.frames())

    assert {frame.trigger for frame in frames if frame.cube.trigger is Trigger.FREE_RUNNING} == {
        None
    }
    assert all(
        frame.trigger is not None for frame in frames if frame.cube.trigger is Trigger.EXTERNAL
    )
    runs = PRESETS["tiny"].runs
    for frame in frames:
        switching = runs[frame.cube.run].flc_jitter_us is not None
        assert (frame.flc_state in ("A", "B")) == switching


def test_the_truth_is_reported_as_a_table():
    simulated = plan("defects")
    lines = format_truth(simulated.truth).splitlines()
    rows = [dict(zip(lines[0].split("\t"), line.split("\t"), strict=True)) for line in lines[1:]]

    junk = [row for row in rows if row["frame"] == "-"]
    assert len(rows) == len(simulated.truth) + 1
    assert [row["set_aside"] for row in junk] == ["cube"]
    assert {row["set_aside"] for row in rows} == {"-", "cube", "timing", "exptime"}


def test_states_are_reported_only_where_the_flc_switches():
    table = format_truth(plan().truth)
    states = Counter(line.split("\t")[4] for line in table.splitlines()[1:])

    assert states["A"] == pytest.approx(states["B"], rel=0.1)
    assert states["-"] == int((plan().truth.flc == CODE_NONE).sum())
