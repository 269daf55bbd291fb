"""Files as the loggers leave them: timing files, counters, names, cubes."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given

from tests.support.builders.planned_nights import DAY_US, NIGHT, plan, small_nights
from vampd.model.cubes import check_timing, parse_timing
from vampd.model.nights import CAMERA_STREAMS, Stream, is_cube_name, seconds_in_name
from vampd.simulate import (
    CROP_64,
    PRESETS,
    Defect,
    Scenario,
    Spoiled,
    plan_night,
)
from vampd.simulate.header_cards import CubeSetting, cube_cards
from vampd.simulate.logger_files import timing_bytes

FIRST_UT_US = 1_762_405_200_000_000  # 2025-11-06T05:00:00


@given(small_nights)
def test_every_good_timing_file_describes_its_cube_without_loss(simulated):
    for cube in simulated.cubes:
        text = timing_bytes(replace(cube, defect=None))
        assert text is not None
        timing = parse_timing(text)
        check_timing(timing, len(cube.exposures))
        assert np.array_equal(timing.logged_ns, cube.timing.logged_ns)
        assert np.array_equal(timing.acquired_us, cube.timing.acquired_us)
        assert timing.frame.tolist() == list(range(len(cube.exposures)))
        assert timing.elapsed_ns[0] == 0


def test_comment_lines_and_rows_have_the_loggers_form(real_telemetry):
    ours = (timing_bytes(plan().cubes[0]) or b"").decode().splitlines()
    path = next(real_telemetry.rglob("*.txt"))
    real = path.read_text().splitlines()

    def comments(lines):
        return [line for line in lines if line.startswith("#") and "written by" not in line]

    def shape(row):
        return "".join("0" if character.isdigit() else character for character in row[11:])

    assert comments(ours) == comments(real)
    assert shape(ours[-1])[-80:] == shape(real[-1])[-80:]


@given(small_nights)
def test_cnt0_never_goes_back_within_a_camera(simulated):
    for stream in CAMERA_STREAMS:
        cnt0 = np.concatenate([cube.timing.cnt0 for cube in simulated.stream_cubes(stream)])
        assert (np.diff(cnt0) > 0).all()


@given(small_nights)
def test_a_name_shows_the_ut_of_the_first_frame_and_is_unique(simulated):
    assert len({cube.path for cube in simulated.cubes}) == len(simulated.cubes)
    for cube in simulated.cubes:
        assert is_cube_name(cube.name)
        logged_s = int(cube.timing.logged_ns[0]) % (DAY_US * 1000) / 1e9
        assert seconds_in_name(cube.name) == pytest.approx(logged_s, abs=1e-4)


def test_a_night_begins_at_its_hour_on_its_date():
    first_us = min(int(cube.timing.acquired_us[0]) for cube in plan().cubes)

    assert 0 < first_us - FIRST_UT_US < 20_000


def test_a_run_may_cross_midnight():
    dates = {cube.cards.string("DATE-OBS") for cube in plan("midnight").cubes}
    names = {cube.name[6:8] for cube in plan("midnight").cubes}

    assert dates == {"2025-11-06", "2025-11-07"}
    assert names == {"23", "00"}


def test_the_cameras_cubes_begin_and_end_at_different_frames():
    simulated = plan()
    first, second = (
        [int(cube.exposures[0]) for cube in simulated.stream_cubes(stream) if cube.run == 0]
        for stream in CAMERA_STREAMS
    )

    assert len(second) > len(first) > 1
    assert not set(first) & set(second)


@pytest.mark.parametrize(
    ("defect", "has"), [(Defect.EXPTIME_MISSING, False), (Defect.EXPTIME_NAN, True), (None, True)]
)
def test_only_defects_of_exptime_change_it(defect, has):
    cube = plan().cubes[0]
    cards = cube_cards(CubeSetting(PRESETS["tiny"].runs[0], CROP_64, 1, defect), cube.timing)

    assert ("EXPTIME" in cards) == has
    assert (cards.number("EXPTIME") is None) == (defect is not None)


def test_a_defect_needs_a_cube():
    run = replace(PRESETS["tiny"].runs[0], spoiled=(Spoiled(1, 2, Defect.CUBE_CUT),))

    with pytest.raises(ValueError, match="no cube 2"):
        plan_night(Scenario("wrong", CROP_64, (run,)), NIGHT, 1)


def test_a_defect_counted_from_the_end_takes_the_last_cube():
    run = replace(PRESETS["tiny"].runs[0], spoiled=(Spoiled(2, -1, Defect.CUBE_CUT),))
    simulated = plan_night(Scenario("last", CROP_64, (run,)), NIGHT, 1)

    defects = [cube.defect for cube in simulated.stream_cubes(Stream.VCAM2)]
    assert defects == [None, None, Defect.CUBE_CUT]
