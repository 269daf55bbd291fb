"""Static offsets between the cameras, and runs of every length."""

from __future__ import annotations

from tests.evaluation.scenarios.runs import SLOW, image, polarise
from vampd.simulate.scenario import CROP_64, MBI, STANDARD, Scenario

OFFSET_SCENARIOS = (
    Scenario(
        "offset_zero",
        STANDARD,
        (image(offset_us=0.0), polarise(offset_us=0.0), image(200, 50_000, offset_us=0.0, **SLOW)),
        description="The cameras' times agree but for jitter, in three modes.",
    ),
    Scenario(
        "offset_positive",
        STANDARD,
        tuple(image(300, offset_us=offset) for offset in (17.0, 140.0, 460.0, 900.0)),
        description="Camera 2 is later by tens to hundreds of microseconds, beyond the rows rule.",
    ),
    Scenario(
        "offset_negative",
        STANDARD,
        tuple(image(300, offset_us=-offset) for offset in (17.0, 140.0, 460.0, 900.0)),
        description="Camera 1 is later: all as with positive offsets.",
    ),
    Scenario(
        "offset_beyond_rows_rule",
        CROP_64,
        (
            image(800, 1_000, offset_us=300.0, camera_loss=0.003, logger_loss=0.003),
            image(800, 5_000, offset_us=900.0, camera_loss=0.003, logger_loss=0.003),
            polarise(800, 1_000, 60, offset_us=250.0, camera_loss=0.003, logger_loss=0.003),
        ),
        description="64 rows allow 56 us, and the offset is many times that: it is removed first.",
    ),
    Scenario(
        "offset_beyond_rows_rule_negative",
        CROP_64,
        (
            image(800, 1_000, offset_us=-300.0, camera_loss=0.003, logger_loss=0.003),
            image(400, 5_000, offset_us=-1_500.0, **SLOW),
            polarise(800, 1_000, 60, offset_us=-250.0, camera_loss=0.003, logger_loss=0.003),
        ),
        description="The same with camera 1 later, and in SLOW mode.",
    ),
    Scenario(
        "offset_third_of_period",
        STANDARD,
        tuple(
            image(500, 2_000, offset_us=sign * part * 2_000, logger_loss=0.005)
            for part in (0.25, 0.35)
            for sign in (1, -1)
        ),
        description="Up to 0.35 of the period at 500 Hz: still nearer to its partner than to any"
        " other frame.",
    ),
    Scenario(
        "offset_third_of_period_flc",
        CROP_64,
        tuple(
            polarise(500, 1_000, jitter, offset_us=sign * 350.0, logger_loss=0.005)
            for jitter in (20, 100)
            for sign in (1, -1)
        ),
        description="0.35 of the period, with intervals that alternate.",
    ),
    Scenario(
        "offset_third_of_period_mbi",
        MBI,
        (
            image(200, 20_000, offset_us=7_000.0, frames_per_cube=(90, 70)),
            polarise(200, 20_000, 500, offset_us=-7_000.0, frames_per_cube=(90, 70)),
        ),
        description="Multiband imaging at 50 Hz, windows of different width, large offsets.",
    ),
    Scenario(
        "offset_third_of_period_losses",
        CROP_64,
        tuple(
            image(500, 1_000, offset_us=sign * 350.0, camera_loss=0.025, logger_loss=0.025)
            for sign in (1, -1)
        ),
        description="0.35 of the period and 5 % of the frames lost on either side.",
    ),
    Scenario(
        "offset_half_period",
        CROP_64,
        tuple(image(400, 1_000, offset_us=sign * 500.0) for sign in (1, -1)),
        description="Ambiguous: either neighbour may be the partner. Nothing is paired, all frames"
        " stay as solo, and a remark says so.",
    ),
    Scenario(
        "offset_beyond_half_period",
        CROP_64,
        tuple(
            image(400, 1_000, offset_us=sign * part, logger_loss=0.005)
            for part in (550.0, 600.0)
            for sign in (1, -1)
        ),
        description="The nearest frame is the wrong one. Nothing is paired and a remark says so.",
    ),
    Scenario(
        "offset_three_quarters_of_period",
        CROP_64,
        tuple(image(400, 1_000, offset_us=sign * 750.0) for sign in (1, -1)),
        description="Looks like a quarter of the period the other way, but for the first and the"
        " last frame, which no pairing by nearest frames explains: both cameras saw every trigger."
        " Never paired off by one.",
    ),
    Scenario(
        "offset_one_period",
        CROP_64,
        tuple(image(400, 500, offset_us=sign * 500.0) for sign in (1, -1)),
        description="At 2 kHz a period is an offset that the instrument can have. It looks like no"
        " offset, but for the first and the last frame of a run without a loss. Never paired off by"
        " one.",
    ),
    Scenario(
        "offset_half_period_and_more_flc",
        CROP_64,
        tuple(
            polarise(400, 1_000, 100, offset_us=part * 1_000, logger_loss=0.005)
            for part in (0.5, -0.6, 0.75, 1.0, -1.3)
        ),
        description="The alternation of the intervals tells that the neighbour is the wrong one:"
        " paired rightly or not at all, and labeled rightly.",
    ),
    Scenario(
        "runs_of_few_frames",
        STANDARD,
        tuple(
            image(triggers, 10_000, offset_us=offset)
            for triggers in (1, 2, 3, 5)
            for offset in (140.0, -230.0)
        ),
        description="Runs of 1, 2, 3 and 5 frames pair like long ones.",
    ),
    Scenario(
        "runs_of_few_frames_slow",
        CROP_64,
        tuple(image(triggers, 20_000, offset_us=310.0, **SLOW) for triggers in (1, 2, 3, 5)),
        description="The same in SLOW mode with a small window.",
    ),
    Scenario(
        "runs_of_few_frames_fast",
        CROP_64,
        tuple(image(triggers, 1_000, offset_us=140.0) for triggers in (1, 2, 3, 5)),
        description="Few frames at 1 kHz with a small window: an offset of 2.5 times the rows rule"
        " and a seventh of the exposure time.",
    ),
    Scenario(
        "runs_of_few_frames_with_losses",
        STANDARD,
        tuple(
            image(triggers, 10_000, offset_us=offset, skipped=skipped, cut_short=cut_short)
            for triggers in (2, 3, 5, 8)
            for offset, skipped, cut_short in (
                (140.0, (0, 1), (0, 0)),
                (-230.0, (1, 0), (0, 0)),
                (140.0, (0, 1), (1, 0)),
                (-60.0, (0, 0), (0, 1)),
            )
        ),
        description="Runs of few frames of which one camera missed the first or the last; with two"
        " triggers, once each camera has another one.",
    ),
    Scenario(
        "short_runs_back_to_back",
        STANDARD,
        tuple(
            image(triggers, period, offset_us=offset, pause_s=pause)
            for triggers, period, offset, pause in (
                (6, 2_000, -90.0, 0.01),
                (6, 50_000, -310.0, 0.01),
                (8, 5_000, 110.0, 0.01),
                (40, 2_500, 170.0, 0.1),
                (5, 100_000, 250.0, 0.5),
                (12, 20_000, -12.0, 0.0),
                (6, 5_000, -160.0, 0.1),
                (25, 10_000, 260.0, 4.0),
            )
        ),
        description="Runs of few frames follow each other within half a second, with other periods,"
        " exposure times and offsets: each pairs as if it were alone.",
    ),
    Scenario(
        "runs_of_25_and_26",
        STANDARD,
        tuple(
            polarise(triggers, 10_000, jitter, offset_us=-90.0)
            for triggers in (25, 26)
            for jitter in (20, 300)
        ),
        description="Around the length at which the old tools turn their labels: one rule for all.",
    ),
    Scenario(
        "run_of_20000",
        STANDARD,
        (
            polarise(
                20_000,
                2_500,
                camera_loss=0.0005,
                logger_loss=0.0005,
                frames_per_cube=(2_000, 2_000),
            ),
        ),
        description="A long run at 400 Hz with a loss now and then.",
    ),
    Scenario(
        "two_runs_two_offsets",
        STANDARD,
        (
            image(400, offset_us=460.0, pause_s=30.0),
            image(400, offset_us=-310.0),
            polarise(400, offset_us=35.0, pause_s=30.0),
            polarise(400, offset_us=-650.0),
        ),
        description="The offset changes from run to run; each run has its own.",
    ),
    Scenario(
        "back_to_back_offsets",
        STANDARD,
        (
            image(400, offset_us=460.0, pause_s=1.0),
            image(300, offset_us=-310.0, pause_s=0.2),
            image(300, offset_us=900.0, pause_s=2.0),
            polarise(400, offset_us=35.0, pause_s=0.5),
            polarise(300, offset_us=-650.0),
        ),
        description="Runs with different offsets follow each other after less than 3 s, so that no"
        " gap parts them.",
    ),
    Scenario(
        "back_to_back_offsets_small_window",
        CROP_64,
        (
            image(400, 1_000, offset_us=300.0, pause_s=1.0),
            image(60, 1_000, offset_us=-300.0, pause_s=0.2),
            polarise(400, 1_000, 60, offset_us=-200.0, pause_s=0.5),
            polarise(400, 1_000, 60, offset_us=320.0),
        ),
        description="The same at 1 kHz, where one offset for all would be beyond half a period for"
        " some; one run is short.",
    ),
)
