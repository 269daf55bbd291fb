"""Polarimetry where the framegrabber's counter tells what time does not, or tells nonsense.

A counter that is one joins what long gaps and late stamps have parted; one that is not changes
nothing, and no label is ever wrong for believing it.
"""

from __future__ import annotations

from typing import Any

from tests.evaluation.scenarios.runs import SLOW, polarise
from vampd.simulate.scenario import (
    CROP_64,
    STANDARD,
    Counter,
    Defect,
    Pause,
    Scenario,
    Spoiled,
)

_LATE: dict[str, Any] = {"late_stamps": 0.004, "latest_stamp_us": 450.0}


def _holes(*cubes: int) -> tuple[Spoiled, ...]:
    """Neither camera's cube of these numbers can be used."""
    return tuple(
        Spoiled(camera, cube, Defect.TIMING_MISSING) for cube in cubes for camera in (1, 2)
    )


COUNTER_SCENARIOS = (
    Scenario(
        "counter_over_long_gaps",
        STANDARD,
        (
            polarise(4_000, 5_000, 20, logger_loss=0.004, longest_loss=500),
            polarise(4_000, 5_000, 300, common_loss=0.02, longest_loss=500, offset_us=-300.0),
        ),
        description="The loggers lose up to 500 frames in a row, and between such gaps keep few:"
        " the counter joins them to their run.",
    ),
    Scenario(
        "counter_over_bad_cubes",
        STANDARD,
        tuple(
            polarise(
                250 + last, jitter_us=jitter, frames_per_cube=(50, 50), spoiled=_holes(2, 3, 4)
            )
            for last in (1, 2, 3)
            for jitter in (20, 400)
        ),
        description="Three cubes in a row are set aside on either side, and behind them come one to"
        " three frames: the counter tells them by their run.",
    ),
    Scenario(
        "counter_tells_nothing_of_the_cameras_losses",
        STANDARD,
        (
            polarise(4_000, 5_000, 20, camera_loss=0.001, longest_loss=500),
            polarise(4_000, 5_000, 300, camera_loss=0.001, logger_loss=0.002, longest_loss=300),
        ),
        description="The cameras themselves miss up to 500 triggers in a row: the counter does not"
        " rise in such a gap, so that nothing is carried across it.",
    ),
    Scenario(
        "counter_and_late_stamps",
        STANDARD,
        (
            polarise(2_000, 10_000, 20, cameras=(1,), late_stamps=0.02, latest_stamp_us=9_000.0),
            polarise(2_000, 10_000, 200, logger_loss=0.005, **_LATE),
            polarise(
                1_000,
                50_000,
                400,
                cameras=(2,),
                late_stamps=0.02,
                latest_stamp_us=40_000.0,
                logger_loss=0.002,
                **SLOW,
            ),
        ),
        description="Many frames are stamped late, by up to most of a period: where the counter"
        " says that none is missing, each has its place.",
    ),
    Scenario(
        "counter_and_pauses",
        CROP_64,
        tuple(
            polarise(
                600,
                1_000,
                jitter,
                pauses=tuple(Pause(before, 0.3) for before in range(60, 600, 60)),
                logger_loss=0.002,
            )
            for jitter in (20, 100)
        ),
        description="The train stands still for about 300 periods, and the counter does not rise"
        " meanwhile: the FLC begins in either state.",
    ),
    *(
        Scenario(
            f"counter_{counter}",
            STANDARD,
            (
                polarise(1_000, 5_000, 20, camera_loss=0.003, logger_loss=0.003, counter=counter),
                polarise(800, 10_000, 200, counter=counter, **_LATE),
                polarise(
                    1_500,
                    5_000,
                    60,
                    common_loss=0.002,
                    longest_loss=200,
                    counter=counter,
                    frames_per_cube=(40, 60),
                ),
                polarise(400, 50_000, 300, logger_loss=0.005, counter=counter, **SLOW),
                *(polarise(few, counter=counter) for few in (2, 3, 4, 6, 30)),
            ),
            description=f"cnt0 {what}: no label is wrong, and hardly any is missing.",
        )
        for counter, what in (
            (Counter.STUCK, "is the same in all frames"),
            (Counter.RANDOM, "is random"),
            (Counter.BY_TWOS, "rises by two per frame"),
            (Counter.OF_LOGGED, "counts the frames that were logged"),
            (Counter.NEW_IN_CUBES, "restarts with each cube"),
            (Counter.RESTARTS, "restarts now and then"),
            (Counter.SKIPS, "now and then skips numbers though no frame is missing"),
        )
    ),
)
