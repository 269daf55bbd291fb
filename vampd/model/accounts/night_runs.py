"""The runs of a night, as its frames show them: for people, after sync has decided.

A run is an uninterrupted sequence of exposures with one configuration. It ends where the cameras
were idle for longer than the gap that cuts products, where the host's clock was set back, where
either camera's configuration changes, and where the offset between the cameras jumps by more than
the tolerance. Triggered frames of both cameras share their runs; a free-running camera has runs of
its own. The order is that of taking, which is that of time between two steps of the clock.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from vampd.model.accounts.frame_fates import Booleans, FrameKind, NightFrames
from vampd.model.sync import gaps_before, split_at

Int64 = npt.NDArray[np.int64]
NO_RUN = 0


@dataclass(frozen=True)
class ClockStep:
    """The host's clock was set back: frames of ``after_us`` came after those of ``before_us``.

    The step was at least as long as the difference; how much longer, no stamp shows.
    """

    before_us: int
    after_us: int


def find_clock_steps(frames: NightFrames) -> Iterator[ClockStep]:
    """The steps back of the host's clock, in the order of taking."""
    clocks = np.unique(frames.clock).tolist()
    for before, after in pairwise(clocks):
        yield ClockStep(
            int(frames.time_us[frames.clock == before].max()),
            int(frames.time_us[frames.clock == after].min()),
        )


def number_runs(frames: NightFrames, gap_us: int) -> Int64:
    """For each frame its run, numbered from 1 in the order of taking; NO_RUN for late frames."""
    runs = np.full(len(frames), NO_RUN, np.int64)
    if not len(frames):
        return runs
    used = frames.where_origin(lambda origin: origin.kind is not FrameKind.LATE)
    triggered = frames.where_configuration(lambda configuration: configuration.triggered)
    found = 0
    for chosen in (
        used & triggered,
        used & ~triggered & (frames.camera == 1),
        used & ~triggered & (frames.camera == 2),
    ):
        positions = np.flatnonzero(chosen)
        keys = frames.camera[positions], frames.time_us[positions], frames.clock[positions]
        order = positions[np.lexsort(keys)]
        if len(order):
            runs[order] = found + 1 + np.cumsum(_begins(frames, order, gap_us))
            found = int(runs[order[-1]])
    return _renumbered(runs, frames)


def split_by_run(runs: Int64) -> Iterator[tuple[int, Int64]]:
    """Each run's number and the positions of its frames, by number."""
    order = np.argsort(runs, kind="stable")
    for positions in split_at(np.diff(runs[order]) != 0, len(order)):
        run = order[positions]
        if runs[run[0]] != NO_RUN:
            yield int(runs[run[0]]), run


def in_order_of_taking(frames: NightFrames, positions: Int64, camera: int) -> Int64:
    """Those of these positions that are of one camera, in the order of taking."""
    own = positions[frames.camera[positions] == camera]
    return np.asarray(own[np.lexsort((frames.acquired_us[own], frames.clock[own]))])


def _begins(frames: NightFrames, order: Int64, gap_us: int) -> Booleans:
    """For each of these frames, in order of taking, whether a run begins there; not the first."""
    exposure_us = np.array([c.exposure_us for c in frames.configurations], np.int64)
    time_us = frames.time_us[order]
    begins = np.zeros(len(order), bool)
    begins[1:] = gaps_before(time_us, exposure_us[frames.configuration[order]], gap_us)
    begins[1:] |= np.diff(frames.clock[order]) != 0
    stretch = np.cumsum(begins)
    changes = _changes(frames, order, stretch)
    # One change shows up to three times, some frames apart if one camera lost some: in each
    # camera's header and in the offset.
    seen: set[int] = set()
    begun = 0
    for position in np.flatnonzero(changes).tolist():
        change = int(changes[position])
        near = stretch[position] == stretch[begun] and time_us[position] - time_us[begun] <= gap_us
        if seen and change not in seen and near:
            seen.add(change)
            continue
        seen, begun = {change}, position
        begins[position] = True
    # Both frames of a pair, which have one time, are of one run.
    paired = frames.synchronized[order]
    second = np.flatnonzero(begins[1:] & paired[1:] & paired[:-1] & (np.diff(time_us) == 0)) + 1
    begins[second], begins[second - 1] = False, True
    return begins


def _changes(frames: NightFrames, order: Int64, stretch: Int64) -> npt.NDArray[np.int8]:
    """For each of these frames what changes there within its stretch, 0 if nothing does.

    1 and 2: that camera's configuration; 3: the offset between the cameras.
    """
    changes = np.zeros(len(order), np.int8)
    offset_us = np.array([o.offset_us for o in frames.origins], np.int64)[frames.origin[order]]
    allowed_us = np.array([o.tolerance_us for o in frames.origins], np.int64)[frames.origin[order]]
    paired = np.flatnonzero(frames.synchronized[order] & (frames.camera[order] == 1))
    jumps = np.abs(np.diff(offset_us[paired])) > np.maximum(
        allowed_us[paired[1:]], allowed_us[paired[:-1]]
    )
    jumps &= np.diff(stretch[paired]) == 0
    changes[paired[1:][jumps]] = 3
    for camera in (1, 2):
        own = np.flatnonzero(frames.camera[order] == camera)
        changed = np.diff(frames.configuration[order[own]]) != 0
        changed &= np.diff(stretch[own]) == 0
        changes[own[1:][changed]] = camera
    return changes


def _renumbered(runs: Int64, frames: NightFrames) -> Int64:
    """The same runs, numbered from 1 in the order in which their first frames were taken."""
    order = np.lexsort((frames.time_us, frames.clock))
    numbers, first, inverse = np.unique(runs[order], return_index=True, return_inverse=True)
    first[numbers == NO_RUN] = -1
    rank = np.empty(len(numbers), np.int64)
    rank[np.argsort(first)] = np.arange(len(numbers))
    if NO_RUN not in numbers:
        rank += 1
    renumbered = np.empty_like(runs)
    renumbered[order] = rank[inverse]
    return renumbered
