"""Lost frames, and cameras whose frames, cubes and loggers do not begin and end together."""

from __future__ import annotations

from typing import Any

from tests.evaluation.scenarios.runs import SLOW, image, polarise
from vampd.simulate.scenario import CROP_64, MBI, STANDARD, Defect, Scenario, Spoiled

_BURSTS: dict[str, Any] = {"longest_loss": 120, "frames_per_cube": (400, 400)}


def _single_losses(rate: float) -> dict[str, Any]:
    return {"camera_loss": rate / 2, "logger_loss": rate / 2, "longest_loss": 1}


LOSS_SCENARIOS = (
    *(
        Scenario(
            f"single_losses_{name}",
            STANDARD,
            (
                image(1_000, 5_000, **_single_losses(rate)),
                image(1_000, 5_000, offset_us=-420.0, **_single_losses(rate)),
                image(400, 50_000, **SLOW, **_single_losses(rate)),
            ),
            description=f"{100 * rate:g} % of the frames are lost one by one, by cameras and by"
            " loggers: their partners are solo, all others pair.",
        )
        for name, rate in (("rare", 0.001), ("one_percent", 0.01), ("five_percent", 0.05))
    ),
    Scenario(
        "bursts_of_one_logger",
        STANDARD,
        (
            image(1_500, 5_000, logger_loss=0.004, losing=(1,), **_BURSTS),
            image(1_500, 5_000, logger_loss=0.004, losing=(2,), offset_us=-300.0, **_BURSTS),
        ),
        description="One logger loses up to 120 frames in a row, now of camera 1, now of camera 2.",
    ),
    Scenario(
        "bursts_of_one_camera",
        CROP_64,
        (
            image(1_500, 1_000, camera_loss=0.004, losing=(1,), offset_us=300.0, **_BURSTS),
            image(1_500, 1_000, camera_loss=0.004, losing=(2,), offset_us=-300.0, **_BURSTS),
        ),
        description="One camera itself misses up to 120 triggers in a row: cnt0 tells nothing.",
    ),
    Scenario(
        "bursts_of_both",
        STANDARD,
        (
            image(2_000, 5_000, camera_loss=0.002, logger_loss=0.002, **_BURSTS),
            image(600, 20_000, camera_loss=0.002, logger_loss=0.002, **SLOW, **_BURSTS),
        ),
        description="Both sides lose bursts, each at its own times.",
    ),
    Scenario(
        "bursts_of_both_at_once",
        STANDARD,
        (
            image(1_500, 5_000, common_loss=0.003, **_BURSTS),
            image(900, 20_000, common_loss=0.003, longest_loss=250, offset_us=-300.0),
        ),
        description="The disk stalls: both loggers lose frames from the same trigger on, for times"
        " of their own, some of them for longer than 3 s.",
    ),
    Scenario(
        "camera_starts_late",
        STANDARD,
        (
            image(500, skipped=(137, 0)),
            image(500, skipped=(0, 61), offset_us=-300.0),
            polarise(500, skipped=(0, 1)),
            polarise(500, skipped=(330, 0)),
        ),
        description="One logger is switched on late, by one frame or by most of the run.",
    ),
    Scenario(
        "camera_stops_early",
        STANDARD,
        (
            image(500, cut_short=(137, 0)),
            image(500, cut_short=(0, 1), offset_us=-300.0),
            polarise(500, cut_short=(0, 410)),
            polarise(500, cut_short=(3, 0)),
        ),
        description="One logger is switched off early, by one frame or by most of the run.",
    ),
    Scenario(
        "camera_starts_and_stops_late",
        CROP_64,
        (
            image(500, 1_000, skipped=(0, 90), cut_short=(70, 0), offset_us=250.0),
            polarise(500, 1_000, 60, skipped=(40, 0), cut_short=(0, 120), offset_us=-250.0),
        ),
        description="The loggers' times overlap in part only, at 1 kHz.",
    ),
    Scenario(
        "loggers_never_meet",
        STANDARD,
        (
            image(400, skipped=(0, 220), cut_short=(220, 0)),
            polarise(400, skipped=(230, 0), cut_short=(0, 230)),
        ),
        description="One logger starts after the other stopped: nothing to pair, all is solo.",
    ),
    Scenario(
        "one_camera_only",
        STANDARD,
        (
            image(400, cameras=(1,), **_single_losses(0.01)),
            polarise(400, cameras=(2,), **_single_losses(0.01)),
            polarise(400, cameras=(1,)),
            polarise(200, 50_000, 300, cameras=(2,), **SLOW),
        ),
        description="Triggered, but only one logger is on: solo, and labeled where the FLC"
        " switches.",
    ),
    Scenario(
        "one_camera_then_both",
        STANDARD,
        (
            image(40, 2_000, cameras=(2,), pause_s=0.5),
            image(60, 50_000, offset_us=900.0, pause_s=0.5),
            polarise(40, 2_000, cameras=(1,), pause_s=0.1),
            polarise(60, 10_000, pause_s=0.5),
            image(60, 10_000, cameras=(1,), exptime_us=9_880, pause_s=0.2),
            image(60, 20_000, offset_us=-700.0),
        ),
        description="One logger is on for a short run, and half a second later both are for the"
        " next one: what one camera took before tells nothing about the pairs.",
    ),
    Scenario(
        "cubes_begin_apart",
        STANDARD,
        (
            image(1_000, 5_000, skipped=(0, 33), frames_per_cube=(100, 100)),
            polarise(1_000, 5_000, skipped=(51, 0), frames_per_cube=(100, 100)),
        ),
        description="Cubes of equal length that begin at different frames.",
    ),
    Scenario(
        "cubes_of_different_length",
        STANDARD,
        (
            image(1_400, 5_000, frames_per_cube=(30, 700), **_single_losses(0.005)),
            polarise(1_400, 5_000, frames_per_cube=(1_400, 37), **_single_losses(0.005)),
        ),
        description="One camera's cube overlaps many of the other's.",
    ),
    Scenario(
        "one_camera_too_slow",
        STANDARD,
        (
            image(600, 5_000, keeps_every=(1, 2)),
            image(600, 5_000, keeps_every=(3, 1), offset_us=-300.0, logger_loss=0.005),
            polarise(600, 5_000, keeps_every=(1, 2), frames_per_cube=(200, 110)),
        ),
        description="One camera takes every second or third trigger only. With the FLC, it sees one"
        " state only, which the other camera tells.",
    ),
    Scenario(
        "bad_cubes_between",
        STANDARD,
        (
            polarise(
                500, frames_per_cube=(50, 70), spoiled=(Spoiled(2, 3, Defect.TIMING_MISSING),)
            ),
            image(
                400,
                5_000,
                frames_per_cube=(100, 80),
                spoiled=(Spoiled(1, 0, Defect.CUBE_CUT), Spoiled(1, 2, Defect.EXPTIME_NAN)),
            ),
        ),
        description="Cubes that cannot be used are set aside in the middle of runs: their partners"
        " are solo, and labels go on across the hole.",
    ),
    Scenario(
        "mbi_losses",
        MBI,
        (
            image(300, 20_000, frames_per_cube=(60, 45), **_single_losses(0.02)),
            polarise(300, 20_000, 200, frames_per_cube=(60, 45), **_single_losses(0.02)),
        ),
        description="Multiband imaging: few frames a cube, windows of different width.",
    ),
)
