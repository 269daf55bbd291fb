"""Named scenarios, from a few megabytes to several gigabytes.

All of them look like an unremarkable night, except ``defects``: most triggered
frames have a partner, few are lost, and bad cubes are the exception.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import time
from types import MappingProxyType

from vampd.simulate.scenario import (
    CROP_64,
    CROP_192,
    MBI,
    STANDARD,
    Crop,
    Defect,
    HeaderCopy,
    Run,
    Scenario,
    Spoiled,
    Trigger,
)

_HWP_ANGLES_DEG = (0.0, 45.0, 22.5, 67.5)
_JITTER_US = 20


def _polarimetry(
    triggers: int, frames_per_cube: tuple[int, int], period_us: int, cycles: int = 1
) -> tuple[Run, ...]:
    """FLC runs, one per angle of the half-wave plate; offset and first frames differ by run."""
    return tuple(
        Run(
            triggers=triggers,
            period_us=period_us,
            exptime_us=period_us - 100,
            frames_per_cube=frames_per_cube,
            flc_jitter_us=_JITTER_US,
            offset_us=(140.0, 85.0, 230.0, 47.0)[position % 4],
            skipped=((0, 7), (4, 0), (0, 0), (0, 3))[position % 4],
            camera_loss=0.003,
            logger_loss=0.003,
            hwp_angle_deg=angle_deg,
            flux_e=3e5,
        )
        for position, angle_deg in enumerate(_HWP_ANGLES_DEG * cycles)
    )


def _imaging(triggers: int, frames_per_cube: tuple[int, int], period_us: int) -> Run:
    return Run(
        triggers=triggers,
        period_us=period_us,
        exptime_us=period_us - 500,
        frames_per_cube=frames_per_cube,
        offset_us=110.0,
        camera_loss=0.003,
        logger_loss=0.003,
        target="* alf Lyr",
        filter01="675-60",
        flux_e=6e5,
    )


def _free_running(triggers: int, period_us: int) -> Run:
    return Run(
        triggers=triggers,
        period_us=period_us,
        exptime_us=period_us - 500,
        frames_per_cube=(triggers, triggers),
        trigger=Trigger.FREE_RUNNING,
        target="* alf Lyr",
        data_type="ACQUISITION",
        filter01="675-60",
        flux_e=6e5,
    )


def _solo(triggers: int, period_us: int) -> Run:
    """Triggered, but only camera 1's logger is on."""
    return replace(_imaging(triggers, (triggers, triggers), period_us), cameras=(1,))


def _darks(triggers: int, period_us: int, exptime_us: int) -> Run:
    return Run(
        triggers=triggers,
        period_us=period_us,
        exptime_us=exptime_us,
        frames_per_cube=(triggers, triggers),
        offset_us=140.0,
        target="DARK",
        data_type="DARK",
        filter01="Block",
        flux_e=0.0,
        pause_s=60.0,
    )


def _tiny_runs() -> tuple[Run, ...]:
    first, second, *_ = _polarimetry(120, (60, 50), 10_000)
    return (
        first,
        replace(second, triggers=60, frames_per_cube=(60, 60), camera_loss=0.0, logger_loss=0.0),
        replace(_imaging(50, (50, 30), 20_000), header_copy=HeaderCopy.LEFT),
        replace(_free_running(20, 20_000), spoiled=(Spoiled(2, 0, Defect.TIMING_MISSING),)),
        _solo(12, 20_000),
        _darks(20, 20_000, 9_900),
    )


def _demo_runs() -> tuple[Run, ...]:
    runs = _polarimetry(150, (80, 70), 10_000)
    return (
        *runs,
        replace(_imaging(120, (60, 60), 20_000), spoiled=(Spoiled(1, -1, Defect.CUBE_CUT),)),
        replace(_free_running(60, 20_000), spoiled=(Spoiled(2, 0, Defect.TIMING_CUT),)),
        replace(_solo(60, 20_000), header_copy=HeaderCopy.LEFT),
        _darks(50, 20_000, 9_900),
    )


def _long_night(crop: Crop, triggers: int, per_cube: tuple[int, int], period_us: int) -> Scenario:
    """Polarimetry at four angles, ``triggers`` each, with a little of everything else."""
    few = max(10, triggers // 10)
    return Scenario(
        crop.name.lower(),
        crop,
        (
            *_polarimetry(triggers, per_cube, period_us),
            _imaging(2 * few, (few, few), 2 * period_us),
            _free_running(few, 2 * period_us),
            _darks(few, period_us, period_us - 100),
        ),
    )


def _one_of_each_defect() -> tuple[Run, ...]:
    """A run per defect, in which it takes one cube of three on either camera, by turns."""
    return tuple(
        replace(
            _imaging(30, (10, 10), 20_000),
            camera_loss=0.0,
            logger_loss=0.0,
            undefined=("D_APDTO", "U_QWP2TH"),
            nan=("X_ZAPGN",),
            spoiled=(Spoiled(1 + position % 2, 1, defect),),
        )
        for position, defect in enumerate(Defect)
    )


_SCENARIOS = (
    Scenario("tiny", CROP_64, _tiny_runs()),
    Scenario("midnight", CROP_64, _polarimetry(120, (60, 60), 20_000)[:2], time(23, 59, 59)),
    Scenario("defects", CROP_64, _one_of_each_defect()),
    replace(_long_night(CROP_192, 65, (65, 60), 10_000), name="small"),
    Scenario("demo", CROP_192, _demo_runs()),
    replace(_long_night(STANDARD, 90, (90, 80), 5_000), name="medium"),
    replace(_long_night(STANDARD, 370, (200, 185), 2_500), name="standard"),
    replace(_long_night(MBI, 45, (45, 45), 20_000), name="mbi"),
    replace(_long_night(STANDARD, 1_100, (600, 550), 2_500), name="large"),
)

PRESETS: Mapping[str, Scenario] = MappingProxyType({preset.name: preset for preset in _SCENARIOS})
