"""Headers as the loggers leave them, stale and incomplete ones as well."""

from dataclasses import replace

import pytest
from hypothesis import given

from tests.support.builders.planned_nights import DAY_US, NIGHT, plan, presets, small_nights
from vampd.model.cubes import UNDEFINED, Nonsense, Number
from vampd.model.nights import CAMERA_STREAMS, Stream
from vampd.simulate import (
    CROP_64,
    PRESETS,
    Defect,
    Scenario,
    Trigger,
    plan_night,
)

# The cards that instrument.md says decide something.
# fmt: off
NEEDED = (
    "EXPTIME", "EXTTRIG", "DETECTOR", "U_CAMERA", "U_FLCEN", "U_FLCST", "U_FLC", "U_TRIGJT",
    "U_DETMOD", "PRD-MIN1", "PRD-MIN2", "PRD-RNG1", "PRD-RNG2", "BIN-FCT1", "BIN-FCT2",
    "FILTER01", "FILTER02", "RET-ANG1", "OBJECT", "DATA-TYP", "OBS-MOD", "DATE-OBS", "DATE",
    "UT", "UT-STR", "UT-END", "HST", "HST-STR", "HST-END", "MJD", "MJD-STR", "MJD-END",
    "FRAMEID", "EXP-ID",
)


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


def test_a_stale_header_shows_the_setting_of_the_run_before_and_the_times_of_its_frames():
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
