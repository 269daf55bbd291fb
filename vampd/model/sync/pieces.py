"""Pieces: cubes of a long night that are decided together, so that never all frames are in memory.

A piece ends at a pause that ends a run, where the cards on both sides leave no doubt of the
settings: to decide more cubes together gives the same products. A run that goes on for longer than
memory should is divided at its longest pause.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from vampd.model.cubes import RawCube
from vampd.model.nights import CAMERA_STREAMS
from vampd.model.sync.cards.setting_cards import setting_key
from vampd.model.sync.sequence import exposure_us

_FEWEST_FRAMES, _MOST_FRAMES = 125_000, 250_000  # of both cameras
_PAUSE_US = 5_000_000
_EVER_US = int(np.iinfo(np.int64).max)


@dataclass(frozen=True)
class Piece:
    """The frames of these cubes that were taken after one time and until another one."""

    cubes: tuple[RawCube, ...]
    after_us: int = -_EVER_US
    until_us: int = _EVER_US


def split_night(cubes: Sequence[RawCube], gap_us: int) -> Iterator[Piece]:
    """Both cameras' cubes in pieces, at least one; a pause of ``gap_us`` ends a run.

    ``cubes`` are each camera's in order of taking. A night in which the host's clock was set back
    is one piece: only all of its frames show what follows what.
    """
    ordered = sorted(cubes, key=lambda cube: (cube.span_us, cube.path))
    left = sum(cube.frames for cube in ordered)
    if left < 2 * _FEWEST_FRAMES or _is_set_back(cubes):
        yield Piece(tuple(ordered))
        return
    held: list[RawCube] = []
    frames, after_us, end_us = 0, -_EVER_US, -_EVER_US
    for position, cube in enumerate(ordered):
        first_us, last_us = cube.span_us
        paused = first_us - end_us > _PAUSE_US + gap_us + exposure_us(cube)
        if min(frames, left) >= _FEWEST_FRAMES:
            if paused and _is_settled(reversed(held), ordered[position:]):
                yield Piece(tuple(held), after_us)
                held, frames, after_us = [], 0, -_EVER_US
            elif frames > _MOST_FRAMES:
                # No later cube has frames before this one's first.
                until_us = _find_longest_pause(held, after_us, first_us)
                if until_us is not None:
                    yield Piece(tuple(held), after_us, until_us)
                    held, after_us = [c for c in held if c.span_us[1] > until_us], until_us
                    frames = sum(each.frames for each in held)
        held.append(cube)
        frames, left, end_us = frames + cube.frames, left - cube.frames, max(end_us, last_us)
    yield Piece(tuple(held), after_us)


def _is_set_back(cubes: Iterable[RawCube]) -> bool:
    own = [[cube for cube in cubes if cube.stream is stream] for stream in CAMERA_STREAMS]
    return any(cube.is_stepped for cube in cubes) or any(
        after.span_us[0] <= before.span_us[1] for side in own for before, after in pairwise(side)
    )


def _is_settled(before: Iterable[RawCube], after: Iterable[RawCube]) -> bool:
    """Whether both cameras' nearest cards agree on either side, and the exposure goes on."""
    sides = [_nearest(before), _nearest(after)]
    angles = [{setting_key(cube, "RET-ANG1") for cube in side} for side in sides]
    exposures = {setting_key(cube, "EXPTIME") for side in sides for cube in side}
    return max(map(len, angles)) == 1 == len(exposures)


def _nearest(cubes: Iterable[RawCube]) -> list[RawCube]:
    """The first cube of each camera."""
    found: dict[str, RawCube] = {}
    for cube in cubes:
        found.setdefault(cube.stream, cube)
        if len(found) == len(CAMERA_STREAMS):
            break
    return list(found.values())


def _find_longest_pause(cubes: Iterable[RawCube], after_us: int, before_us: int) -> int | None:
    """The last time before the longest pause of both cameras, None of too few frames."""
    times_us = np.sort(np.concatenate([cube.timing.acquired_us[cube.good] for cube in cubes]))
    times_us = times_us[(times_us > after_us) & (times_us <= before_us)]
    if len(times_us) <= _FEWEST_FRAMES:
        return None
    steps_us = np.diff(times_us[_FEWEST_FRAMES - 1 :])
    return int(times_us[_FEWEST_FRAMES - 1 + int(np.argmax(steps_us))])
