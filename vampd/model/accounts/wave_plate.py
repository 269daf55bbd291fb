"""The half-wave plate: frames per position, complete cycles, positions that were skipped."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np

from vampd.model.accounts.frame_fates import NightFrames

# The order in which the instrument turns the plate, in degrees.
_USUAL_CYCLE = (0.0, 45.0, 22.5, 67.5)


@dataclass(frozen=True)
class PlatePosition:
    """One angle of RET-ANG1: frames by FLC state, and how often a cycle passed over it."""

    angle_deg: float
    frames: tuple[int, int, int]  # A, B, D
    visits: int
    skipped: int


@dataclass(frozen=True)
class WavePlate:
    """The positions in the order of their cycle, and how often all of them came in that order."""

    positions: tuple[PlatePosition, ...] = ()
    cycles: int = 0

    @property
    def skipped(self) -> int:
        """The positions that cycles passed over."""
        return sum(position.skipped for position in self.positions)


def summarize_plate(frames: NightFrames) -> WavePlate:
    """The positions of the frames that were split by FLC state."""
    angles = np.array([_degrees(o.angle) if o.flc_state else np.nan for o in frames.origins])
    if not len(angles) or np.isnan(angles).all():
        return WavePlate()
    known = np.flatnonzero(~np.isnan(angles[frames.origin]))
    ordered = known[np.lexsort((frames.time_us[known], frames.clock[known]))]
    series = angles[frames.origin[ordered]]
    visits = [float(a) for a in series[np.append(True, np.diff(series) != 0)]]
    cycle = _cycle_of(visits)
    cycles, skipped = _follow(visits, cycle)
    states = np.array([o.flc_state for o in frames.origins], "U1")[frames.origin[ordered]]
    return WavePlate(
        tuple(
            PlatePosition(
                angle,
                (_count(here, "A"), _count(here, "B"), _count(here, "D")),
                visits.count(angle),
                skipped[angle],
            )
            for angle in cycle
            for here in (states[series == angle],)
        ),
        cycles,
    )


def _cycle_of(visits: list[float]) -> tuple[float, ...]:
    found = tuple(dict.fromkeys(visits))
    if set(found) <= set(_USUAL_CYCLE):
        return tuple(angle for angle in _USUAL_CYCLE if angle in found)
    return found


def _follow(visits: list[float], cycle: tuple[float, ...]) -> tuple[int, Counter[float]]:
    """How many cycles of several positions are complete, and how often each was passed over."""
    skipped: Counter[float] = Counter()
    cycles, seen, place = 0, 0, -1
    for angle in visits:
        position = cycle.index(angle)
        passed = (position - place - 1) % len(cycle)
        if place >= 0:
            skipped.update(cycle[(place + 1 + n) % len(cycle)] for n in range(passed))
        seen = 1 if passed or position == 0 else seen + 1
        cycles += seen == len(cycle) > 1
        place = position
    return cycles, skipped


def _count(states: np.ndarray, state: str) -> int:
    return int(np.count_nonzero(states == state))


def _degrees(text: str) -> float:
    try:
        return round(float(text), 2)
    except ValueError:
        return np.nan
