"""Loggers that start and stop by themselves, and frames that get lost with and without a trace."""

from __future__ import annotations

from tests.evaluation.scenarios.handshake.runs import shoot, switch
from vampd.simulate.handshake import Logging, Unlogged
from vampd.simulate.scenario import STANDARD, Pause, Scenario


def _off(*spans: tuple[int, int, int]) -> Logging:
    return Logging(unlogged=tuple(Unlogged(*span) for span in spans))


LOGGING_SCENARIOS = (
    Scenario(
        "loggers_start_apart",
        STANDARD,
        (
            switch(500, skipped=(0, 133)),
            switch(500, skipped=(61, 0), cut_short=(0, 40)),
            shoot(300, skipped=(0, 37), cut_short=(15, 0)),
        ),
        description="A script starts and stops the loggers up to 0.4 s apart.",
    ),
    Scenario(
        "loggers_start_seconds_apart",
        STANDARD,
        (switch(3_000, skipped=(0, 1_001), cut_short=(700, 0)), shoot(900, skipped=(301, 0))),
        description="The loggers are started and stopped up to 3 s apart.",
    ),
    Scenario(
        "logger_off_in_mid_run",
        STANDARD,
        (
            switch(600, logging=_off((2, 200, 301))),
            switch(600, logging=_off((1, 200, 300), (2, 420, 421))),
            shoot(600, logging=_off((1, 200, 233))),
        ),
        description="One logger is off for some frames; cnt0 counts them.",
    ),
    Scenario(
        "both_loggers_off_in_mid_run",
        STANDARD,
        (
            switch(600, logging=_off((1, 200, 301), (2, 205, 310))),
            switch(600, 10_000, logging=_off((1, 200, 300), (2, 180, 301))),
        ),
        description="Both loggers are off at about the same time: the gap's length tells nothing,"
        " cnt0 counts.",
    ),
    Scenario(
        "both_loggers_off_for_seconds",
        STANDARD,
        (
            switch(4_000, logging=_off((1, 200, 2_201), (2, 205, 2_300))),
            switch(2_000, 3_000, 100, logging=_off((1, 600, 1_401), (2, 590, 1_300))),
        ),
        description="The same for two to six seconds: too long to be counted by the mean interval.",
    ),
    Scenario(
        "frames_lost_between_cubes",
        STANDARD,
        (
            switch(
                800,
                logging=_off(
                    *((1, cube, cube + 1 + cube // 200 % 3) for cube in (200, 401, 603)),
                    *((2, cube, cube + 2) for cube in (200, 402)),
                ),
            ),
        ),
        description="A logger loses up to three frames while it switches buffers.",
    ),
    Scenario(
        "lost_with_a_jump",
        STANDARD,
        (switch(1_000, logger_loss=0.02), shoot(1_000, 2_000, logger_loss=0.02)),
        description="The framegrabber counted what is lost.",
    ),
    Scenario(
        "lost_without_a_jump",
        STANDARD,
        (switch(1_000, camera_loss=0.02), shoot(1_000, 2_000, camera_loss=0.02)),
        description="The framegrabber never saw what is lost.",
    ),
    Scenario(
        "lost_both_ways",
        STANDARD,
        (
            switch(1_500, camera_loss=0.01, logger_loss=0.01, longest_loss=3),
            switch(1_500, 10_000, 200, camera_loss=0.01, logger_loss=0.01, longest_loss=3),
        ),
        description="Both at once, up to three frames in a row.",
    ),
    Scenario(
        "lost_in_bursts",
        STANDARD,
        (
            switch(2_000, camera_loss=0.002, logger_loss=0.002, longest_loss=90),
            switch(2_000, common_loss=0.003, longest_loss=150),
        ),
        description="Up to 150 frames in a row are lost, by one camera or by both.",
    ),
    Scenario(
        "every_second_missed",
        STANDARD,
        (
            shoot(600, 5_000, keeps_every=(1, 2)),
            switch(600, keeps_every=(2, 1)),
            shoot(500, keeps_every=(1, 3), offset_us=-200.0),
        ),
        description="One camera misses every second or third trigger, and counts what it took.",
    ),
    Scenario(
        "lost_at_a_pause",
        STANDARD,
        (
            switch(600, pauses=(Pause(200, 0.5),), logging=_off((1, 199, 201))),
            switch(600, pauses=(Pause(200, 0.5),), logging=_off((2, 200, 203))),
            shoot(600, pauses=(Pause(200, 0.5),), logging=_off((1, 200, 201))),
        ),
        description="Frames beside a pause of the trigger are lost by one camera.",
    ),
    Scenario(
        "logged_in_pieces",
        STANDARD,
        (
            switch(
                1_000,
                logging=_off(
                    *((1, first, first + 31) for first in range(60, 1_000, 90)),
                    *((2, first, first + 40) for first in range(75, 1_000, 110)),
                ),
            ),
        ),
        description="Both loggers are on and off by turns, each in a rhythm of its own.",
    ),
)
