from collections import Counter
from dataclasses import replace
from datetime import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vampd.model.cubes import UNDEFINED, Nonsense, Number, check_timing, parse_timing
from vampd.model.nights import CAMERA_STREAMS, Kind, NightId, Stream, is_cube_name, seconds_in_name
from vampd.model.sync import CODE_NONE
from vampd.simulate import (
    CROP_64,
    MBI,
    PRESETS,
    Defect,
    Scenario,
    Spoilt,
    Trigger,
    format_truth,
    plan_night,
)
from vampd.simulate.header_cards import CubeSetting, cube_cards
from vampd.simulate.logger_files import timing_bytes

NIGHT = NightId("20251106", Kind.ARCHIVE)
FIRST_UT_US = 1_762_405_200_000_000  # 2025-11-06T05:00:00
DAY_US = 86_400_000_000
# The cards that instrument.md says decide something.
# fmt: off
NEEDED = (
    "EXPTIME", "EXTTRIG", "DETECTOR", "U_CAMERA", "U_FLCEN", "U_FLCST", "U_FLC", "U_TRIGJT",
    "U_DETMOD", "PRD-MIN1", "PRD-MIN2", "PRD-RNG1", "PRD-RNG2", "BIN-FCT1", "BIN-FCT2",
    "FILTER01", "FILTER02", "RET-ANG1", "OBJECT", "DATA-TYP", "OBS-MOD", "DATE-OBS", "DATE",
    "UT", "UT-STR", "UT-END", "HST", "HST-STR", "HST-END", "MJD", "MJD-STR", "MJD-END",
    "FRAMEID", "EXP-ID",
)
# fmt: on

presets = pytest.mark.parametrize("preset", PRESETS)
small_nights = st.builds(
    plan_night,
    st.sampled_from([PRESETS["tiny"], PRESETS["midnight"], PRESETS["demo"]]),
    st.just(NIGHT),
    st.integers(0, 2**32),
)


def plan(preset="tiny", seed=1):
    return plan_night(PRESETS[preset], NIGHT, seed)


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
def test_a_name_tells_the_ut_of_the_first_frame_and_is_unique(simulated):
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


@presets
def test_every_needed_card_is_there_and_agrees_with_the_cube(preset):
    simulated = plan(preset)
    for cube in simulated.cubes:
        cards, run, camera = cube.cards, simulated.scenario.runs[cube.run], cube.stream.camera
        rows, columns = simulated.scenario.crop.shape(camera)
        missing = {keyword for keyword in NEEDED if keyword not in cards}
        assert missing <= ({"EXPTIME"} if cube.defect is Defect.EXPTIME_MISSING else set())
        assert cards.integer("BITPIX") == 16
        assert cards.integer("BZERO") == 32768
        assert cards.integer("BSCALE") == 1
        assert cards.integer("NAXIS3") == len(cube.timing)
        assert cards.integer("NAXIS1") == cards.integer("PRD-RNG1") == columns
        assert cards.integer("NAXIS2") == cards.integer("PRD-RNG2") == rows
        assert cards.integer("U_CAMERA") == camera
        assert cards.string("DETECTOR") == f"VCAM{camera} - OrcaQ"
        assert cards.boolean("EXTTRIG") == (run.trigger is Trigger.EXTERNAL)
        assert cards.boolean("U_FLCEN") == (run.flc_jitter_us is not None)
        assert cards.string("U_FLCST") == ("OUT" if run.flc_jitter_us is None else "IN")
        assert cards.string("U_FLC") == "NA"
        assert cards.integer("U_TRIGJT") == (run.flc_jitter_us or 0)
        assert cards.number("RET-ANG1") == run.hwp_angle_deg
        assert cards.value("FRAMEID") == cards.value("EXP-ID") == ""
        if cube.defect not in (Defect.EXPTIME_MISSING, Defect.EXPTIME_NAN):
            assert cards.number("EXPTIME") == run.exptime_us / 1e6


@presets
def test_headers_are_about_four_hundred_cards_with_more_digits_than_wanted(preset):
    cards = plan(preset).cubes[0].cards
    long_numbers = [
        card
        for card in cards
        if isinstance(card.value, Number) and len(card.value.text.partition(".")[2]) > 8
    ]

    assert 400 <= len(cards) <= 450
    assert len(long_numbers) > 50
    assert not [card for card in cards if isinstance(card.value, Nonsense)] or preset == "defects"


@given(small_nights)
def test_time_cards_come_from_the_cubes_frames(simulated):
    for cube in simulated.cubes:
        for suffix, frame in (("-STR", 0), ("-END", -1)):
            time_us = int(cube.timing.acquired_us[frame])
            ut_s = clock_seconds(cube.cards.string(f"UT{suffix}"))
            hst_s = clock_seconds(cube.cards.string(f"HST{suffix}"))
            mjd = cube.cards.number(f"MJD{suffix}")
            assert ut_s == pytest.approx(time_us % DAY_US / 1e6, abs=0.011)
            assert (ut_s - hst_s) % 86400 == pytest.approx(36000, abs=0.011)
            assert mjd == pytest.approx(40587 + time_us / DAY_US, abs=1e-8)


def clock_seconds(text):
    hours, minutes, seconds = text.split(":")
    return int(hours) * 3600 + int(minutes) * 60 + float(seconds)


def test_unmeasured_cards_are_undefined_or_nan():
    run = replace(PRESETS["tiny"].runs[0], undefined=("D_APDTO",), nan=("X_ZAPGN", "RET-ANG1"))
    cards = plan_night(Scenario("quirks", CROP_64, (run,)), NIGHT, 1).cubes[0].cards

    assert "D_APDTO" in cards
    assert cards.value("D_APDTO") is UNDEFINED
    assert cards.value("X_ZAPGN") == cards.value("RET-ANG1") == Nonsense("NAN")


@pytest.mark.parametrize(
    ("defect", "has"), [(Defect.EXPTIME_MISSING, False), (Defect.EXPTIME_NAN, True), (None, True)]
)
def test_only_defects_of_exptime_change_it(defect, has):
    cube = plan().cubes[0]
    cards = cube_cards(CubeSetting(PRESETS["tiny"].runs[0], CROP_64, 1, defect), cube.timing)

    assert ("EXPTIME" in cards) == has
    assert (cards.number("EXPTIME") is None) == (defect is not None)


def test_a_defect_needs_a_cube():
    run = replace(PRESETS["tiny"].runs[0], spoilt=(Spoilt(1, 2, Defect.CUBE_CUT),))

    with pytest.raises(ValueError, match="no cube 2"):
        plan_night(Scenario("wrong", CROP_64, (run,)), NIGHT, 1)


def test_a_defect_counted_from_the_end_takes_the_last_cube():
    run = replace(PRESETS["tiny"].runs[0], spoilt=(Spoilt(2, -1, Defect.CUBE_CUT),))
    simulated = plan_night(Scenario("last", CROP_64, (run,)), NIGHT, 1)

    defects = [cube.defect for cube in simulated.stream_cubes(Stream.VCAM2)]
    assert defects == [None, None, Defect.CUBE_CUT]


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
    assert sum(len(run.spoilt) for run in runs) == 2


def test_the_truth_is_told_as_a_table():
    simulated = plan("defects")
    lines = format_truth(simulated.truth).splitlines()
    rows = [dict(zip(lines[0].split("\t"), line.split("\t"), strict=True)) for line in lines[1:]]

    junk = [row for row in rows if row["frame"] == "-"]
    assert len(rows) == len(simulated.truth) + 1
    assert [row["set_aside"] for row in junk] == ["cube"]
    assert {row["set_aside"] for row in rows} == {"-", "cube", "timing", "exptime"}


def test_states_are_told_only_where_the_flc_switches():
    table = format_truth(plan().truth)
    states = Counter(line.split("\t")[4] for line in table.splitlines()[1:])

    assert states["A"] == pytest.approx(states["B"], rel=0.1)
    assert states["-"] == int((plan().truth.flc == CODE_NONE).sum())


def test_late_cubes_are_a_night_that_starts_later():
    later = plan_night(replace(PRESETS["tiny"], start_ut=time(9)), NIGHT, 2)

    assert not {cube.path for cube in later.cubes} & {cube.path for cube in plan().cubes}


def test_a_stale_header_tells_the_setting_of_the_run_before_and_the_times_of_its_frames():
    run = replace(PRESETS["tiny"].runs[0], camera_loss=0.0, logger_loss=0.0, flc_jitter_us=None)
    moved = replace(run, hwp_angle_deg=45.0, exptime_us=5_000, stale_cubes=(0, 1))
    simulated = plan_night(Scenario("late", CROP_64, (run, moved)), NIGHT, 1)

    angles = {
        stream: [
            cube.cards.number("RET-ANG1")
            for cube in simulated.stream_cubes(stream)
            if cube.run == 1
        ]
        for stream in CAMERA_STREAMS
    }
    stale = next(cube for cube in simulated.stream_cubes(Stream.VCAM2) if cube.run == 1)
    assert angles[Stream.VCAM1] == [45.0, 45.0]
    assert angles[Stream.VCAM2][:2] == [0.0, 45.0]
    assert stale.cards.number("EXPTIME") == run.exptime_us / 1e6
    assert stale.cards.integer("NAXIS3") == len(stale.timing)


def test_the_first_run_has_no_header_to_be_stale():
    run = replace(PRESETS["tiny"].runs[0], stale_cubes=(1, 0))

    with pytest.raises(ValueError, match="stale"):
        Scenario("first", CROP_64, (run,))


def test_cards_may_be_absent_or_have_another_value():
    run = replace(
        PRESETS["tiny"].runs[0], absent=("U_TRIGJT",), fields=(("DETGAIN", "'high    '"),)
    )
    cards = plan_night(Scenario("cards", CROP_64, (run,)), NIGHT, 1).cubes[0].cards

    assert "U_TRIGJT" not in cards
    assert cards.value("DETGAIN") == "high"


def test_runs_may_overlap_where_each_has_a_camera_of_its_own():
    one = replace(PRESETS["tiny"].runs[0], cameras=(1,), pause_s=-1.0)
    two = replace(one, cameras=(2,), trigger=Trigger.FREE_RUNNING, flc_jitter_us=None)
    simulated = plan_night(Scenario("overlap", CROP_64, (one, two)), NIGHT, 1)

    first, second = (simulated.stream_cubes(stream) for stream in CAMERA_STREAMS)
    assert first[-1].timing.acquired_us[-1] > second[0].timing.acquired_us[0]
    assert simulated.truth.pairs()[0].size == 0
