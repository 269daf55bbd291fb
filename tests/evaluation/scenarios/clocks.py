"""Clocks that drift, jump or stamp late, and trigger trains that stand still."""

from __future__ import annotations

from tests.evaluation.scenarios.runs import SLOW, image, polarise
from vampd.simulate.scenario import CROP_64, STANDARD, ClockJump, Pause, Scenario

CLOCK_SCENARIOS = (
    Scenario(
        "drift_slow",
        STANDARD,
        (
            image(6_000, 20_000, drift_us_per_s=1.0, frames_per_cube=(500, 500)),
            polarise(6_000, 20_000, drift_us_per_s=-3.0, frames_per_cube=(500, 500)),
        ),
        description="The clocks drift by 1 and 3 us per second for two minutes.",
    ),
    Scenario(
        "drift_fast",
        STANDARD,
        (image(9_000, 20_000, drift_us_per_s=10.0, frames_per_cube=(800, 700), logger_loss=0.005),),
        description="10 us per second for three minutes: 1.8 ms in all, four times the rows rule.",
    ),
    Scenario(
        "drift_fast_flc",
        STANDARD,
        (
            polarise(
                9_000,
                10_000,
                drift_us_per_s=-10.0,
                offset_us=500.0,
                frames_per_cube=(900, 800),
                logger_loss=0.005,
            ),
        ),
        description="-10 us per second with the FLC: the offset changes its sign on the way.",
    ),
    Scenario(
        "drift_small_window",
        CROP_64,
        (
            image(
                60_000,
                2_000,
                drift_us_per_s=5.0,
                offset_us=50.0,
                frames_per_cube=(5_000, 5_000),
                logger_loss=0.001,
            ),
        ),
        description="500 Hz and 64 rows: 600 us of drift, ten times the rows rule and a third of"
        " the period.",
    ),
    Scenario(
        "drift_past_half_period",
        CROP_64,
        (
            image(
                60_000,
                1_000,
                drift_us_per_s=10.0,
                offset_us=100.0,
                frames_per_cube=(5_000, 5_000),
                logger_loss=0.001,
            ),
        ),
        description="The drift passes half a period within a minute. Paired by continuity or not"
        " at all, and never off by one.",
    ),
    Scenario(
        "drift_small_window_flc",
        CROP_64,
        (
            polarise(
                40_000,
                2_000,
                60,
                drift_us_per_s=-8.0,
                offset_us=300.0,
                frames_per_cube=(3_000, 2_500),
                logger_loss=0.001,
            ),
        ),
        description="-8 us per second with the FLC at 500 Hz: 640 us in all.",
    ),
    Scenario(
        "trigger_clock_off",
        STANDARD,
        (
            polarise(6_000, 2_500, trigger_ppm=40.0, logger_loss=0.002),
            polarise(6_000, 2_500, trigger_ppm=-37.0, logger_loss=0.002, longest_loss=200),
            image(3_000, 2_500, trigger_ppm=-90.0, logger_loss=0.002),
            polarise(1_500, 50_000, 250, trigger_ppm=33.0, logger_loss=0.002, **SLOW),
        ),
        description="The trigger's clock and the computers' differ by tens of parts per million, so"
        " that the period is no whole number of microseconds.",
    ),
    Scenario(
        "clock_jumps",
        STANDARD,
        (
            image(600, clock_steps=(ClockJump(2, 290, 400.0),)),
            image(600, clock_steps=(ClockJump(1, 333, 700.0),), offset_us=-100.0),
            image(600, clock_steps=(ClockJump(2, 150, -650.0),), logger_loss=0.005),
        ),
        description="One camera's clock jumps once, by a small part of the period.",
    ),
    Scenario(
        "clock_jumps_flc",
        STANDARD,
        (
            polarise(600, clock_steps=(ClockJump(2, 290, 400.0),)),
            polarise(600, clock_steps=(ClockJump(1, 333, -700.0),), offset_us=-100.0),
            polarise(600, clock_steps=(ClockJump(2, 151, 20.0),)),
            polarise(600, clock_steps=(ClockJump(2, 400, -40.0),), logger_loss=0.005),
        ),
        description="The same with the FLC, and by just J and 2 J, which looks like its phase.",
    ),
    Scenario(
        "clock_jumps_past_half_period",
        CROP_64,
        (
            image(600, 1_000, clock_steps=(ClockJump(2, 290, 800.0),)),
            image(600, 1_000, clock_steps=(ClockJump(2, 290, -700.0),)),
            image(600, 1_000, clock_steps=(ClockJump(1, 290, 960.0),)),
            polarise(600, 1_000, 100, clock_steps=(ClockJump(2, 290, 1_000.0),)),
        ),
        description="The jump is most of a period (with the FLC, all of it), and the other camera"
        " saw no gap. What is behind it may stay solo, and is never paired off by one. Without the"
        " FLC a jump by exactly a period cannot be told from a missed frame.",
    ),
    Scenario(
        "late_stamps",
        STANDARD,
        (
            image(1_500, late_stamps=0.002, latest_stamp_us=300.0),
            image(1_500, 2_500, late_stamps=0.002, latest_stamp_us=300.0, offset_us=-300.0),
        ),
        description="Single frames are stamped up to 300 us late: within the rows rule, so paired.",
    ),
    Scenario(
        "late_stamps_flc",
        STANDARD,
        (
            polarise(1_500, late_stamps=0.002, latest_stamp_us=300.0),
            polarise(1_500, 2_500, 100, late_stamps=0.002, latest_stamp_us=200.0),
        ),
        description="Late stamps much larger than the FLC's jitter: no label flips behind them.",
    ),
    Scenario(
        "very_late_stamps",
        CROP_64,
        (
            image(3_000, 5_000, late_stamps=0.0001, latest_stamp_us=4_800.0),
            polarise(3_000, 5_000, 60, late_stamps=0.0001, latest_stamp_us=4_800.0),
        ),
        description="Once in a while a frame is stamped nearly a period late: it may stay solo, and"
        " is never taken for its neighbour.",
    ),
    Scenario(
        "trigger_pauses",
        STANDARD,
        (
            image(600, pauses=(Pause(250, 0.7), Pause(430, 2.0))),
            image(600, pauses=(Pause(300, 5.0),), offset_us=-300.0, logger_loss=0.01),
        ),
        description="The trigger train stands still in the middle, for less and for more than 3 s.",
    ),
    Scenario(
        "trigger_pauses_flc",
        STANDARD,
        (
            polarise(600, pauses=(Pause(251, 0.7), Pause(430, 2.0))),
            polarise(600, 10_000, 200, pauses=(Pause(60, 0.05), Pause(90, 0.03))),
            polarise(600, pauses=(Pause(300, 5.0),), logger_loss=0.01),
        ),
        description="Behind a pause the FLC begins in either state: nothing is carried across a"
        " gap that is no multiple of the period.",
    ),
)
