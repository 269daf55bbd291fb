"""Simulated nights for tests: raw folders as the loggers leave them, with their truth."""

from __future__ import annotations

from pathlib import Path

from vampd.model.nights import Kind, NightId
from vampd.simulate import PRESETS, Scenario, Truth, plan_night, write_night


def make_night(
    root: Path,
    date: str = "20251106",
    kind: Kind = Kind.ENGINEERING,
    preset: str = "tiny",
    seed: int = 1,
) -> tuple[NightId, Truth]:
    """Write a preset's night below the watched root; its folder is ``root / night.folder``."""
    return make_scenario(root, PRESETS[preset], date, kind, seed)


def make_scenario(
    root: Path,
    scenario: Scenario,
    date: str = "20251106",
    kind: Kind = Kind.ENGINEERING,
    seed: int = 1,
) -> tuple[NightId, Truth]:
    """Write any scenario's night; late cubes of a night are one more scenario that starts later."""
    night = NightId(date, kind)
    simulated = plan_night(scenario, night, seed)
    write_night(simulated, root)
    return night, simulated.truth
