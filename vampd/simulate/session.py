"""Sessions: runs that share cubes, because a setting changed while the cameras logged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from vampd.model.cubes import Int64
from vampd.model.sync import Labels
from vampd.simulate.scenario import Run, Scenario
from vampd.simulate.trigger import Recorded


@dataclass(frozen=True)
class Logged:
    """What one camera's logger keeps; arrays of shape (frames,).

    ``exposures`` number the exposures within the night, also without a trigger: the pixels need it.
    """

    run: Int64
    exposures: Int64
    trigger: Int64
    states: Labels
    acquired_us: Int64
    logged_ns: Int64
    cnt0: Int64


@dataclass(frozen=True)
class Session:
    """Runs that share cubes: their positions, and the night's exposures after each."""

    positions: tuple[int, ...]
    ends: Int64

    def closing_run(self, run: int, exposure: int) -> int:
        """The run whose setting is in the cards when this exposure is the last of a cube."""
        if len(self.positions) == 1:
            return run
        index = int(np.searchsorted(self.ends, exposure, side="right"))
        return self.positions[min(index, len(self.positions) - 1)]


def group_runs(scenario: Scenario) -> list[tuple[int, ...]]:
    """The positions of the runs of each session."""
    groups: list[tuple[int, ...]] = []
    for position, run in enumerate(scenario.runs):
        if run.joins:
            groups[-1] += (position,)
        else:
            groups.append((position,))
    return groups


def log_frames(recorded: Recorded, position: int, fired: int, counted: int) -> Logged:
    """A run's frames, after ``fired`` exposures of the night and ``counted`` of the camera."""
    return Logged(
        run=np.full(len(recorded.exposures), position, dtype=np.int64),
        exposures=fired + recorded.exposures,
        trigger=recorded.trigger_numbers(fired),
        states=recorded.states,
        acquired_us=recorded.acquired_us,
        logged_ns=recorded.logged_ns,
        cnt0=np.where(recorded.restarted, 0, counted) + recorded.count,
    )


def count_past(run: Run, recorded: Recorded, counted: int) -> int:
    """The camera's counter when the next run begins, after ``counted`` frames before this one."""
    if run.logging.counter_resets:
        return recorded.delivered
    if run.handshake:
        return counted + recorded.delivered
    # A trigger that ticks goes on between the runs.
    return counted + recorded.delivered + max(0, round(run.pause_s * 1e6 / run.period_us))


def join_frames(parts: Sequence[Logged]) -> Logged:
    """The frames of runs that join, as one sequence."""
    return Logged(*(np.concatenate(arrays) for arrays in zip(*map(_arrays, parts), strict=True)))


def _arrays(logged: Logged) -> tuple[npt.NDArray[np.generic], ...]:
    return tuple(getattr(logged, field.name) for field in fields(logged))
