"""Where cubes must be cut: settings that change, gaps, midnight, other kinds of runs."""

from __future__ import annotations

from dataclasses import replace
from datetime import time

from tests.evaluation.scenarios.runs import SLOW, image, polarise
from vampd.simulate.scenario import CROP_64, STANDARD, Run, Scenario, Trigger

_BEFORE_MIDNIGHT = time(23, 59, 57)


def _free(triggers: int = 100, pause_s: float = 4.0) -> Run:
    return image(triggers, trigger=Trigger.FREE_RUNNING, pause_s=pause_s)


def _darks(triggers: int, period_us: int) -> Run:
    return image(triggers, period_us, target="DARK", data_type="DARK", filter01="Block")


CUTTING_SCENARIOS = (
    Scenario(
        "long_exposures",
        STANDARD,
        (
            image(30, 5_100_000, exptime_us=5_000_000, frames_per_cube=(10, 10)),
            image(12, 20_500_000, exptime_us=20_000_000, frames_per_cube=(5, 5), **SLOW),
        ),
        description="Exposures of 5 and 20 s: frames are far apart, but the camera is never idle,"
        " so only the span of 10 s cuts.",
    ),
    Scenario(
        "long_exposures_with_idle_time",
        STANDARD,
        (
            image(20, 6_500_000, exptime_us=4_000_000, frames_per_cube=(10, 10)),
            image(20, 7_500_000, exptime_us=4_000_000, frames_per_cube=(10, 10)),
        ),
        description="Idle for 2.5 s between frames, which is no gap, and for 3.5 s, which is one"
        " each time. All pairs are found either way.",
    ),
    Scenario(
        "long_exposures_flc",
        STANDARD,
        (
            polarise(60, 1_000_000, 1_000, frames_per_cube=(10, 10)),
            polarise(60, 3_000_000, 20, frames_per_cube=(10, 12)),
        ),
        description="Polarimetry with exposures of 1 and 3 s: few frames a product, labeled.",
    ),
    Scenario(
        "half_wave_plate_turns",
        STANDARD,
        tuple(
            polarise(200, hwp_angle_deg=angle, pause_s=0.3, logger_loss=0.005)
            for angle in (0.0, 45.0, 22.5, 67.5)
        ),
        description="RET-ANG1 changes from cube to cube after 0.3 s: a cut at each change.",
    ),
    Scenario(
        "header_late_on_one_camera",
        STANDARD,
        (
            polarise(300, hwp_angle_deg=0.0, pause_s=0.5, frames_per_cube=(100, 100)),
            polarise(
                300, hwp_angle_deg=45.0, pause_s=0.0, frames_per_cube=(100, 100), stale_cubes=(0, 1)
            ),
            polarise(
                300, hwp_angle_deg=22.5, pause_s=0.5, frames_per_cube=(70, 100), stale_cubes=(2, 0)
            ),
        ),
        description="One camera's header tells the wheel's move one or two cubes late: the cut"
        " follows the earlier change, on both cameras.",
    ),
    Scenario(
        "exposure_time_changes",
        STANDARD,
        (
            image(200, 10_000, pause_s=0.0),
            image(200, 20_000, pause_s=0.0),
            image(200, 20_000, exptime_us=5_000, pause_s=0.5),
            image(200, 5_000, pause_s=0.0, offset_us=-250.0),
            image(50, 50_000, offset_us=-250.0),
        ),
        description="EXPTIME changes without a pause, with the period or alone.",
    ),
    Scenario(
        "exposure_time_changes_with_losses",
        STANDARD,
        (
            image(100, 10_000, pause_s=0.0, cut_short=(0, 1)),
            image(100, 10_000, exptime_us=200, pause_s=0.0, skipped=(1, 0)),
            image(100, 10_000, pause_s=0.0, cut_short=(26, 0), offset_us=0.0),
            image(100, 10_000, exptime_us=200, pause_s=0.0, skipped=(0, 1), cut_short=(1, 0)),
            image(3, 10_000, exptime_us=9_700, pause_s=0.0, offset_us=-970.0),
            image(60, 10_000, exptime_us=9_000, logger_loss=0.05),
        ),
        description="Where EXPTIME changes, one camera misses the last long exposure and the other"
        " the first short one, which ends 0.3 ms later: near in time, yet no pair. Frames without a"
        " partner are not spread over more solo cubes than there are settings.",
    ),
    Scenario(
        "exposure_time_late_on_one_camera",
        STANDARD,
        (
            image(200, 10_000, pause_s=0.3, frames_per_cube=(100, 100)),
            image(300, 20_000, pause_s=0.0, frames_per_cube=(100, 100), stale_cubes=(0, 1)),
            image(300, 10_000, exptime_us=4_000, frames_per_cube=(100, 90), stale_cubes=(1, 0)),
        ),
        description="EXPTIME changes, and one camera's header tells it a cube late.",
    ),
    Scenario(
        "settings_change",
        STANDARD,
        (
            image(80, pause_s=0.2, target="HD 34700"),
            image(80, pause_s=0.2, target="HD 169142"),
            image(80, pause_s=0.2, target="HD 169142", data_type="SKYFLAT"),
            image(80, pause_s=0.2, target="HD 169142", filter01="675-60"),
            image(80, pause_s=0.2, target="HD 169142", filter02="Halpha"),
            image(80, pause_s=0.2, target="HD 169142", fields=(("DETGAIN", "2"),)),
            image(80, pause_s=0.2, target="HD 169142", fields=(("PRD-MIN1", "1800"),)),
            image(80, pause_s=0.2, target="HD 169142", fields=(("PRD-MIN2", "900"),)),
            image(80, pause_s=0.2, target="HD 169142", fields=(("U_MBI", "'Dichroics'"),)),
            image(80, 40_000, exptime_us=9_900, target="HD 169142", **SLOW),
        ),
        description="Target, type, filters, gain, window, beam splitter and readout mode change one"
        " by one, each after 0.2 s: no product holds frames of two settings.",
    ),
    Scenario(
        "flc_switched",
        STANDARD,
        (
            polarise(200, pause_s=0.0),
            image(200, exptime_us=9_880, pause_s=0.0),
            polarise(200, pause_s=0.1),
            image(200, exptime_us=9_880, pause_s=0.1),
            polarise(40),
        ),
        description="The FLC is switched off and on between cubes of one exposure time, at once:"
        " labels in and only in the cubes of which the header says that it switches.",
    ),
    Scenario(
        "flc_switched_late_on_one_camera",
        STANDARD,
        (
            polarise(200, pause_s=0.3, frames_per_cube=(50, 50)),
            image(200, exptime_us=9_880, pause_s=0.3, frames_per_cube=(50, 50), stale_cubes=(1, 0)),
            polarise(200, pause_s=0.3, frames_per_cube=(50, 50), stale_cubes=(0, 1)),
        ),
        description="One camera's header tells a cube late that the FLC is switched off, then on: a"
        " pair carries one label, which is never wrong.",
    ),
    Scenario(
        "across_midnight",
        STANDARD,
        (image(600, logger_loss=0.01, skipped=(0, 7)),),
        start_ut=_BEFORE_MIDNIGHT,
        description="A run goes on across 00:00 UT: a cut there, for synchronised and solo frames.",
    ),
    Scenario(
        "across_midnight_flc",
        STANDARD,
        (polarise(600, logger_loss=0.01, camera_loss=0.01, skipped=(3, 0)),),
        start_ut=_BEFORE_MIDNIGHT,
        description="The same with the FLC: labels go on across the cut.",
    ),
    Scenario(
        "across_midnight_long_exposures",
        CROP_64,
        (image(20, 500_000, frames_per_cube=(7, 9), offset_us=140.0),),
        start_ut=time(23, 59, 54, 499_750),
        description="A pair whose two times lie on either side of 00:00 UT stays one pair.",
    ),
    Scenario(
        "free_running_between",
        STANDARD,
        (
            image(200, pause_s=0.0),
            _free(pause_s=0.0),
            polarise(200, pause_s=0.5),
            _free(pause_s=0.5),
            image(200, pause_s=0.5),
            replace(_free(60), cameras=(2,)),
        ),
        description="Free-running cubes between triggered ones: never paired, never labeled.",
    ),
    Scenario(
        "one_camera_free_running",
        STANDARD,
        (
            image(300, cameras=(1,), pause_s=-3.0),
            replace(_free(300), cameras=(2,)),
            polarise(300, cameras=(2,), pause_s=-3.0),
            replace(_free(300), cameras=(1,)),
        ),
        description="One camera is triggered while the other runs freely at the same rate: their"
        " frames are no pairs, however near in time.",
    ),
    Scenario(
        "two_days_in_one_folder",
        STANDARD,
        (
            image(200, pause_s=2 * 86_400 - 2.0),
            polarise(200, pause_s=86_400.0, logger_loss=0.01),
            image(100, pause_s=4.0, offset_us=-300.0),
        ),
        description="The folder gets cubes of later days, at the same times of day.",
    ),
    Scenario(
        "darks_at_the_end",
        STANDARD,
        (
            polarise(300, pause_s=900.0),
            _darks(50, 10_000),
            _darks(50, 100_000),
            _darks(12, 1_000_000),
        ),
        description="Automatic darks follow after a quarter of an hour.",
    ),
    Scenario(
        "whole_night",
        STANDARD,
        (
            *(
                polarise(
                    400,
                    5_000,
                    offset_us=offset,
                    skipped=skipped,
                    frames_per_cube=(160, 150),
                    camera_loss=0.003,
                    logger_loss=0.003,
                    hwp_angle_deg=angle,
                    pause_s=1.5,
                )
                for angle, offset, skipped in (
                    (0.0, 140.0, (0, 7)),
                    (45.0, 85.0, (4, 0)),
                    (22.5, -230.0, (0, 0)),
                    (67.5, 470.0, (0, 31)),
                )
            ),
            image(300, 20_000, common_loss=0.003, longest_loss=30, target="* alf Lyr"),
            _free(40),
            image(100, cameras=(1,)),
            _darks(40, 10_000),
        ),
        description="A little of everything, as a night is.",
    ),
)
