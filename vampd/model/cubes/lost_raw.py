"""Whether the raw files that products were made from are still what they were."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from vampd.model.cubes.cube import PRODUCT_LOST
from vampd.model.cubes.generation import Generation, accounted_cubes, set_aside_cubes
from vampd.model.nights import FileStamp, plain_cube_path


@dataclass(frozen=True)
class LostRaw:
    """A raw file that cannot give its frames a second time, and why, in a few words."""

    path: str
    why: str

    def __str__(self) -> str:
        return f"{self.path} {self.why}"


def find_lost_raw(
    generations: Iterable[Generation], files: Mapping[str, FileStamp]
) -> tuple[LostRaw, ...]:
    """What the generations account for and ``files``, by path, no longer have, in their order.

    A cube whose frames are in products must have the size that it had at sync, and so its timing
    file: whether another time means other bytes is found by reading. Of one that is set aside no
    product holds a frame, so it may have changed, but not gone.
    """
    known = tuple(generations)
    aside = set_aside_cubes(known)
    return tuple(
        lost
        for path, account in sorted(accounted_cubes(known).items())
        for stamp in (account.fits, account.timing_file)
        if stamp is not None
        for lost in _losses(stamp, files, may_change=path in aside)
    )


def find_given_up(generations: Iterable[Generation]) -> tuple[LostRaw, ...]:
    """The cubes of products that a person gave up, which raw did not give again."""
    return tuple(
        LostRaw(cube.path, f"no longer gives what was made of it: {cube.reason}")
        for cube in set_aside_cubes(generations).values()
        if cube.code == PRODUCT_LOST
    )


def _losses(
    stamp: FileStamp, files: Mapping[str, FileStamp], *, may_change: bool
) -> Iterator[LostRaw]:
    found = files.get(stamp.path)
    if found == stamp:
        return
    if found is None:
        # The cube may have got its name since.
        if plain_cube_path(stamp.path) not in files:
            yield LostRaw(stamp.path, "is gone")
    elif not (found.size or found.mtime_ns):
        yield LostRaw(stamp.path, "cannot be read")
    elif not may_change and stamp.size != found.size:
        yield LostRaw(
            stamp.path, f"has changed since sync ({stamp.size} bytes then, {found.size} now)"
        )
