"""Nights that Hypothesis found sync to be wrong on, each with the seed that showed it."""

from __future__ import annotations

from vampd.simulate import CROP_64, STANDARD, Counter, Readout, Run, Scenario

_SOON_S = 0.2037

ONCE_WRONG = (
    (
        Scenario(
            "period_of_the_run_beside",
            CROP_64,
            (
                Run(
                    triggers=5,
                    period_us=1_000,
                    exptime_us=931,
                    frames_per_cube=(1, 1),
                    flc_jitter_us=20,
                    offset_us=0.0,
                    cut_short=(1, 0),
                    pause_s=_SOON_S,
                ),
                Run(
                    triggers=2,
                    period_us=1_000,
                    exptime_us=950,
                    frames_per_cube=(1, 1),
                    offset_us=0.0,
                    counter=Counter.STUCK,
                    pause_s=_SOON_S,
                ),
                Run(
                    triggers=8,
                    period_us=50_000,
                    exptime_us=47_500,
                    frames_per_cube=(1, 1),
                    offset_us=0.0,
                    pause_s=_SOON_S,
                ),
            ),
            description="The period of a run of few frames was that of the one beside it.",
        ),
        0,
    ),
    (
        Scenario(
            "counted_alike",
            STANDARD,
            (
                Run(
                    triggers=8,
                    period_us=50_000,
                    exptime_us=40_769,
                    frames_per_cube=(110, 53),
                    flc_jitter_us=7_085,
                    offset_us=645.1719396860701,
                    skipped=(0, 2),
                    camera_loss=0.001,
                    longest_loss=1,
                    counter=Counter.OF_LOGGED,
                    pause_s=1.0041,
                ),
                Run(
                    triggers=100,
                    period_us=50_000,
                    exptime_us=47_500,
                    frames_per_cube=(13, 39),
                    offset_us=0.0,
                    cut_short=(25, 0),
                    trigger_ppm=-6.627035494015033,
                    camera_loss=0.05,
                    logger_loss=0.01,
                    longest_loss=3,
                    counter=Counter.RESTARTS,
                    pause_s=1.0041,
                ),
                Run(
                    triggers=3,
                    period_us=20_000,
                    exptime_us=19_000,
                    frames_per_cube=(85, 39),
                    offset_us=426.7819659050904,
                    readout=Readout.SLOW,
                    skipped=(0, 1),
                    trigger_ppm=29.468376379784544,
                    camera_loss=0.05,
                    longest_loss=1,
                    counter=Counter.SKIPS,
                    pause_s=_SOON_S,
                ),
            ),
            description="Frames 0.15 s apart were a pair because they were counted alike.",
        ),
        44_347,
    ),
    (
        Scenario(
            "logger_that_began_late",
            CROP_64,
            (
                Run(
                    triggers=26,
                    period_us=5_000,
                    exptime_us=4_750,
                    frames_per_cube=(13, 13),
                    offset_us=0.0,
                    readout=Readout.SLOW,
                    pause_s=_SOON_S,
                ),
                Run(
                    triggers=40,
                    period_us=1_000,
                    exptime_us=950,
                    frames_per_cube=(16, 26),
                    offset_us=0.0,
                    skipped=(10, 0),
                    cut_short=(0, 13),
                    pause_s=_SOON_S,
                ),
            ),
            description="Frames before the other logger began had the exposure time of before.",
        ),
        0,
    ),
    (
        Scenario(
            "late_by_the_period_after",
            CROP_64,
            (
                Run(
                    triggers=60,
                    period_us=2_500,
                    exptime_us=2_338,
                    frames_per_cube=(12, 22),
                    flc_jitter_us=39,
                    offset_us=-281.0,
                    skipped=(0, 1),
                    cut_short=(8, 0),
                    pause_s=0.02,
                ),
                Run(
                    triggers=8,
                    period_us=50_000,
                    exptime_us=25_000,
                    frames_per_cube=(16, 4),
                    offset_us=0.0,
                    cut_short=(0, 3),
                ),
            ),
            description="By the period of the run after it, a whole run was stamped late.",
        ),
        377,
    ),
    (
        Scenario(
            "missed_while_unlogged",
            CROP_64,
            (
                Run(
                    triggers=100,
                    period_us=2_500,
                    exptime_us=1_250,
                    frames_per_cube=(46, 34),
                    offset_us=0.0,
                    skipped=(10, 0),
                    cut_short=(25, 0),
                    pause_s=0.02,
                ),
                Run(
                    triggers=8,
                    period_us=1_000,
                    exptime_us=500,
                    frames_per_cube=(11, 40),
                    offset_us=0.0,
                    cut_short=(0, 1),
                ),
            ),
            description="In a pause, a camera missed what the other had counted before it.",
        ),
        1_730,
    ),
    (
        Scenario(
            "pause_of_a_period",
            CROP_64,
            (
                Run(
                    triggers=20,
                    period_us=50_000,
                    exptime_us=47_500,
                    frames_per_cube=(59, 22),
                    offset_us=-158.0,
                    skipped=(0, 9),
                    pause_s=0.05,
                ),
                Run(
                    triggers=40,
                    period_us=1_000,
                    exptime_us=800,
                    frames_per_cube=(34, 22),
                    offset_us=0.0,
                    cut_short=(12, 0),
                ),
            ),
            description="Behind a pause of a period, frames had the exposure time of before.",
        ),
        648,
    ),
)
