"""Duplicates: raw cubes whose frames the night already has, in another cube of the same camera.

One camera takes one frame at a time, so equal times are equal frames: a copy, a hard link or a
symbolic link under another name, or a cube that overlaps one whose frames are in products.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from vampd.model.cubes import RawCube, SetAside


def set_aside_duplicates(
    late: Sequence[RawCube], used: Sequence[RawCube]
) -> tuple[list[RawCube], list[SetAside]]:
    """The late cubes whose frames are new, and the others as SetAside.

    Codes: ``duplicate_cube`` (the same times, frame by frame) and ``overlaps_cube`` (frames from
    the time of a cube in ``used``, whose frames are in products). Of copies that are all late, the
    one with the logger's name is kept; else the first by path.
    """
    originals = {_times_key(cube): cube for cube in used}
    kept: list[RawCube] = []
    aside: list[SetAside] = []
    for cube in sorted(late, key=_name_key):
        original = originals.setdefault(_times_key(cube), cube)
        if original is not cube:
            reason = f"it holds the same {cube.frames} frames as {original.path}"
            aside.append(_set_aside(cube, "duplicate_cube", reason))
        elif other := _overlapped(cube, used):
            reason = (
                f"its frames were acquired at the same time as those of {other.path}, which are in"
                " products"
            )
            aside.append(_set_aside(cube, "overlaps_cube", reason))
        else:
            kept.append(cube)
    return kept, aside


def _times_key(cube: RawCube) -> tuple[str, bytes]:
    return cube.stream, cube.timing.acquired_us.tobytes()


def _name_key(cube: RawCube) -> tuple[bool, str]:
    return not cube.path.startswith(f"{cube.stream}/{cube.stream}_"), cube.path


def _overlapped(cube: RawCube, others: Iterable[RawCube]) -> RawCube | None:
    first_us, last_us = cube.timing.acquired_us[[0, -1]]
    return next(
        (
            other
            for other in others
            if other.stream is cube.stream
            and other.timing.acquired_us[0] <= last_us
            and first_us <= other.timing.acquired_us[-1]
        ),
        None,
    )


def _set_aside(cube: RawCube, code: str, reason: str) -> SetAside:
    return SetAside(cube.fits, cube.timing_file, cube.frames, code, reason)
