"""Raw files that are no longer as sync saw them, and what became of each.

Size and mtime say only that a file may be another one. One whose bytes are the same, such as one
that was copied back without its times, is taken up; any other holds the night.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TypeVar

from vampd.model.cubes.cube import SetAside
from vampd.model.cubes.generation import CubeAccount, Generation
from vampd.model.nights import FileStamp

_Cube = TypeVar("_Cube", CubeAccount, SetAside)


class RawFinding(StrEnum):
    """What a comparison found, or a person said."""

    SAME = "same"  # gives what was made of it again, byte for byte
    OTHER = "other"
    UNPACKED = "unpacked"  # nothing was made of it yet that it could be compared with
    ACCEPTED = "accepted"  # other, and a person said that what was made of it stays


@dataclass(frozen=True)
class ChangedRaw:
    """A raw file as sync saw it and as it is ``now``; ``why`` it is another one, '' if it is not.

    Both have the same path.
    """

    synced: FileStamp
    now: FileStamp
    finding: RawFinding
    why: str = ""

    @property
    def path(self) -> str:
        """Where it lies."""
        return self.now.path

    @property
    def is_taken_up(self) -> bool:
        """Whether it stands for the file that sync saw."""
        return self.finding in (RawFinding.SAME, RawFinding.ACCEPTED)


def take_up(
    generations: Iterable[Generation], changed: Iterable[ChangedRaw]
) -> tuple[Generation, ...]:
    """The generations with the files that were taken up as they are now."""
    now = {each.synced: each.now for each in changed if each.is_taken_up}
    known = tuple(generations)
    return tuple(_restamped(generation, now) for generation in known) if now else known


def _restamped(generation: Generation, now: Mapping[FileStamp, FileStamp]) -> Generation:
    return replace(
        generation,
        cubes=tuple(_restamp(cube, now) for cube in generation.cubes),
        set_aside=tuple(_restamp(cube, now) for cube in generation.set_aside),
    )


def _restamp(cube: _Cube, now: Mapping[FileStamp, FileStamp]) -> _Cube:
    timing_file = cube.timing_file
    return replace(
        cube,
        fits=now.get(cube.fits, cube.fits),
        timing_file=None if timing_file is None else now.get(timing_file, timing_file),
    )
