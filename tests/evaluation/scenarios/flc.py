"""Frames that alternate between the two states of the FLC.

B is the frame that the long interval follows; for a frame without a next trigger its place in the
alternation decides.
"""

from __future__ import annotations

from tests.evaluation.scenarios.runs import SLOW, polarise
from vampd.simulate.scenario import CROP_64, MBI, STANDARD, Scenario

FLC_SCENARIOS = (
    Scenario(
        "flc_smallest_jitter",
        STANDARD,
        (polarise(1_000, 10_000, 20), polarise(1_000, 2_500, 20), polarise(300, 100_000, 20)),
        description="J = 20 us at 400, 100 and 10 Hz, FAST: three times the arrivals' jitter.",
    ),
    Scenario(
        "flc_middle_jitter",
        STANDARD,
        (polarise(600, 10_000, 100), polarise(600, 10_000, 400), polarise(600, 2_500, 150)),
        description="J from 1 to 6 % of the period.",
    ),
    Scenario(
        "flc_quarter_of_period",
        STANDARD,
        (polarise(600, 2_500, 625), polarise(600, 10_000, 2_500), polarise(600, 10_000, 1_800)),
        description="J up to a quarter of the period: long intervals are 1.7 times the short ones.",
    ),
    Scenario(
        "flc_quarter_of_period_losses",
        CROP_64,
        (
            polarise(800, 1_000, 250, camera_loss=0.01, logger_loss=0.01, longest_loss=3),
            polarise(800, 1_000, 200, camera_loss=0.01, logger_loss=0.01, offset_us=-200.0),
        ),
        description="The same at 1 kHz, and frames get lost: their gaps are multiples of T, and of"
        " T plus or minus J.",
    ),
    Scenario(
        "flc_quarter_of_period_offset",
        CROP_64,
        tuple(
            polarise(500, 1_000, 250, offset_us=sign * 350.0, logger_loss=0.005) for sign in (1, -1)
        ),
        description="J of a quarter and an offset of 0.35 of the period: the offset is just under"
        " half the short interval.",
    ),
    Scenario(
        "flc_quarter_of_period_offset_short",
        STANDARD,
        tuple(
            polarise(triggers, 50_000, jitter, offset_us=offset)
            for triggers in (30, 60)
            for jitter in (11_300, 6_000)
            for offset in (14_300.0, -14_300.0)
        ),
        description="Short runs with J of up to a quarter and an offset of 0.29 of the period.",
    ),
    Scenario(
        "flc_slow",
        STANDARD,
        (
            polarise(400, 50_000, 250, **SLOW),
            polarise(400, 50_000, 1_000, **SLOW),
            polarise(400, 50_000, 12_500, **SLOW),
        ),
        description="SLOW readout scatters the arrivals by 172.8 us; J is larger than that.",
    ),
    Scenario(
        "flc_slow_small_jitter",
        STANDARD,
        (
            polarise(1_000, 50_000, 100, frames_per_cube=(500, 500), **SLOW),
            polarise(8_000, 50_000, 20, frames_per_cube=(1_000, 1_000), **SLOW),
        ),
        description="J is less than the arrivals' jitter in SLOW mode: only many frames together"
        " tell the alternation.",
    ),
    Scenario(
        "flc_slow_losses",
        STANDARD,
        (
            polarise(800, 50_000, 250, camera_loss=0.005, logger_loss=0.005, **SLOW),
            polarise(800, 50_000, 400, camera_loss=0.01, logger_loss=0.01, **SLOW),
        ),
        description="SLOW readout and lost frames.",
    ),
    Scenario(
        "flc_slow_hopeless",
        STANDARD,
        (polarise(60, 50_000, 20, **SLOW), polarise(26, 50_000, 40, **SLOW)),
        description="So few frames cannot tell so small a J in SLOW mode: dubious, not guessed.",
    ),
    Scenario(
        "flc_losses",
        STANDARD,
        (
            polarise(1_000, 5_000, 20, camera_loss=0.005, logger_loss=0.005, longest_loss=1),
            polarise(1_000, 10_000, 100, camera_loss=0.005, logger_loss=0.005, longest_loss=1),
        ),
        description="1 % of the frames get lost: no label behind a loss flips.",
    ),
    Scenario(
        "flc_many_losses",
        STANDARD,
        (
            polarise(1_000, 5_000, 20, camera_loss=0.025, logger_loss=0.025, longest_loss=1),
            polarise(1_000, 10_000, 100, camera_loss=0.025, logger_loss=0.025, longest_loss=1),
        ),
        description="5 % of the frames get lost on either side.",
    ),
    Scenario(
        "flc_triple_losses",
        STANDARD,
        (
            polarise(1_000, 5_000, 20, camera_loss=0.006, longest_loss=3),
            polarise(1_000, 5_000, 20, logger_loss=0.006, longest_loss=3),
            polarise(1_000, 5_000, 20, common_loss=0.006, longest_loss=3),
        ),
        description="Up to three frames in a row get lost by cameras, by loggers, by both at once.",
    ),
    Scenario(
        "flc_bursts",
        STANDARD,
        (
            polarise(2_000, 5_000, 20, camera_loss=0.002, logger_loss=0.002, longest_loss=90),
            polarise(1_500, 5_000, 60, common_loss=0.004, longest_loss=150, offset_us=-300.0),
        ),
        description="Bursts of up to 150 frames get lost.",
    ),
    Scenario(
        "flc_cubes_of_one",
        STANDARD,
        (polarise(150, frames_per_cube=(1, 1)), polarise(150, frames_per_cube=(1, 150))),
        description="A logger that writes each frame of a continuous run into a cube of its own:"
        " the run tells the states.",
    ),
    Scenario(
        "flc_cubes_of_two_and_three",
        STANDARD,
        (
            polarise(160, frames_per_cube=(2, 2)),
            polarise(160, frames_per_cube=(3, 2), logger_loss=0.01),
            polarise(160, frames_per_cube=(25, 3)),
        ),
        description="Cubes too short to tell their states from themselves, in continuous runs.",
    ),
    Scenario(
        "flc_short_cubes_slow",
        STANDARD,
        (
            polarise(300, 50_000, 250, frames_per_cube=(2, 3), **SLOW),
            polarise(300, 50_000, 500, frames_per_cube=(1, 1), logger_loss=0.01, **SLOW),
        ),
        description="The same in SLOW mode.",
    ),
    Scenario(
        "flc_short_runs_with_losses",
        STANDARD,
        tuple(
            polarise(40, jitter_us=jitter, camera_loss=0.02, logger_loss=0.02, longest_loss=2)
            for jitter in (20, 100, 500)
        ),
        description="Runs of 40 frames of which some are lost: few votes for each label.",
    ),
    Scenario(
        "flc_isolated_cubes",
        STANDARD,
        tuple(polarise(triggers) for triggers in (1, 2, 3, 4, 5, 6, 8, 12) * 4),
        description="Runs of 1 to 12 frames with nothing around them: labeled rightly where the"
        " evidence is strong, else dubious.",
    ),
    Scenario(
        "flc_isolated_cubes_large_jitter",
        CROP_64,
        tuple(polarise(triggers, 1_000, 250) for triggers in (1, 2, 3, 4, 5, 6, 8, 12) * 4),
        description="The same with J of a quarter of the period.",
    ),
    Scenario(
        "flc_isolated_cubes_slow",
        STANDARD,
        tuple(
            polarise(triggers, 50_000, jitter, **SLOW)
            for triggers in (2, 3, 4, 5, 6, 8, 12, 16)
            for jitter in (20, 60, 100, 250)
        ),
        description="The same in SLOW mode.",
    ),
    Scenario(
        "flc_isolated_cubes_with_losses",
        STANDARD,
        tuple(
            polarise(
                triggers, 5_000, jitter, camera_loss=0.06, logger_loss=0.04, longest_loss=longest
            )
            for triggers in (4, 6, 8, 10, 12, 16, 20)
            for jitter in (20, 300, 800, 1_250)
            for longest in (1, 3)
        ),
        description="Runs of 4 to 20 frames of which a tenth and more is lost: gaps imitate long"
        " intervals. Dubious rather than wrong.",
    ),
    Scenario(
        "flc_late_on_one_camera",
        STANDARD,
        (
            polarise(400, skipped=(0, 211), frames_per_cube=(90, 70)),
            polarise(400, cut_short=(0, 150), frames_per_cube=(90, 70), offset_us=-200.0),
        ),
        description="Frames without a partner at a run's ends are labeled as well.",
    ),
    Scenario(
        "flc_back_to_back",
        STANDARD,
        (
            *(polarise(101, pause_s=pause) for pause in (0.0, 0.013, 0.1, 1.0)),
            polarise(101, 10_000, 100, pause_s=0.0),
            polarise(60, 5_000, 100, pause_s=0.5),
            polarise(27, 10_000, 20),
        ),
        description="Runs follow each other at once and after pauses, with J and T that change,"
        " each beginning in either state.",
    ),
    Scenario(
        "flc_mbi",
        MBI,
        (
            polarise(250, 20_000, 20, frames_per_cube=(50, 50), logger_loss=0.01),
            polarise(120, 50_000, 1_000, frames_per_cube=(25, 40), logger_loss=0.01, **SLOW),
        ),
        description="Multiband polarimetry, cubes of few frames, FAST and SLOW.",
    ),
)
