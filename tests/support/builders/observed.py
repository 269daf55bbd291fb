"""Nights in memory as `vampctl summary` and `vampctl plot` see them, also in a fake world.

seen = observe(expose(trigger_train(100)))
assert [run.pairs for run in seen.summary.runs] == [100]
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tests.support.builders.frames import RULES, Night
from tests.support.tools.terminal import FakeWorld
from vampd.cli.shared.observed_night import ObservedNight
from vampd.model.accounts import (
    NightFrames,
    Summary,
    SummaryLimits,
    gather_frames,
    observe_cube,
    summarize_night,
)
from vampd.model.cubes import Generation, RawCube, SetAside
from vampd.model.nights import DAY_US, Kind, NightId

NIGHT = NightId("20251106", Kind.ARCHIVE)
MIDNIGHT_US = 20_398 * DAY_US  # of that date
LIMITS = SummaryLimits(max_unpaired=0.2, max_dubious=0.1, max_set_aside=0.5)


@dataclass(frozen=True, eq=False)
class Observed:
    """What a summary is made from, and the summary."""

    generation: Generation
    frames: NightFrames
    summary: Summary

    @property
    def night(self) -> ObservedNight:
        """The same as the plot takes it."""
        return ObservedNight(self.frames, self.summary, RULES.gap_us)


def observe(
    night: Night, *, late: Night | None = None, late_set_aside: Iterable[SetAside] = ()
) -> Observed:
    """Synchronise a night and sum it up; the cubes of ``late`` came afterwards."""
    generation = night.synchronize()
    cubes = [*night.cubes, *(late.cubes if late else ())]
    frames = gather_frames(
        [generation],
        {cube.path: observe_cube(cube, RULES.cut_on) for cube in cubes},
        late_set_aside,
        midnight_us=MIDNIGHT_US,
    )
    summary = summarize_night(frames, [generation], generation.counts, LIMITS, RULES.gap_us)
    return Observed(generation, frames, summary)


def show_night(world: FakeWorld, night: Night, *, late: Night | None = None) -> Observed:
    """Put a synchronised night into the world that commands connect to."""
    world.store.discover(NIGHT, 0.0)
    cubes: list[RawCube | SetAside] = [
        *night.cubes,
        *night.set_aside,
        *(late.cubes if late else ()),
    ]
    for cube in cubes:
        world.reader.add_cube(cube)
    seen = observe(night, late=late)
    world.reader.committed.append(seen.generation)
    return seen
