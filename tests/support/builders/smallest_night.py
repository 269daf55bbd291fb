"""The smallest night in which every stage has something to do: for tests that run it often."""

from __future__ import annotations

from dataclasses import replace
from datetime import time
from pathlib import Path

from tests.support.builders.nights import make_scenario
from vampd.model.nights import Kind, NightId
from vampd.simulate import CROP_64, Defect, Run, Scenario, Spoiled, Truth

_TRIGGERS = 16
_SWITCHING = Run(
    triggers=_TRIGGERS,
    period_us=10_000,
    exptime_us=9_900,
    frames_per_cube=(_TRIGGERS, _TRIGGERS),
    flc_jitter_us=20,
    skipped=(0, 0),
)
_SOLO = Run(
    triggers=6,
    period_us=20_000,
    exptime_us=19_000,
    frames_per_cube=(6, 3),
    cameras=(2,),
    spoiled=(Spoiled(2, 1, Defect.TIMING_MISSING),),
)
# Both cameras with the FLC, one solo cube, one cube to set aside.
SMALLEST = Scenario("smallest", CROP_64, (_SWITCHING, _SOLO))
# What the observers add to the same night an hour later.
LATE = Scenario("late", CROP_64, (replace(_SWITCHING, hwp_angle_deg=45.0),), time(6))
# Most of its frames should have a partner and have none: sync is not to be believed unseen.
UNPAIRED = Scenario(
    "unpaired",
    CROP_64,
    (
        Run(
            triggers=24,
            period_us=20_000,
            exptime_us=19_000,
            frames_per_cube=(24, 24),
            skipped=(0, 16),
        ),
    ),
)


def make_smallest(
    root: Path, date: str = "20251106", kind: Kind = Kind.ARCHIVE, seed: int = 3
) -> tuple[NightId, Truth]:
    """Write the smallest night."""
    return make_scenario(root, SMALLEST, date, kind, seed)


def make_without_timing(
    root: Path, keep: Path, date: str = "20251106", kind: Kind = Kind.ARCHIVE
) -> tuple[Path, Path]:
    """A night of whole cubes but one, whose timing file is still to come; its place, and it."""
    night, _ = make_scenario(root, LATE, date, kind)
    timing = min((root / night.folder).glob("vcam1/*.txt"))
    return timing, timing.rename(keep / timing.name)


def add_late_cubes(
    root: Path, date: str = "20251106", kind: Kind = Kind.ARCHIVE, seed: int = 4
) -> tuple[NightId, Truth]:
    """Write two cubes more into a night that exists."""
    return make_scenario(root, LATE, date, kind, seed)
