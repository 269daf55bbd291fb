"""Timing files without a cube beside cubes: frames that lie where no logger puts them, or nowhere.

Of a cube that has another name, is hidden, or was not copied whole, its timing file is what is left
to see. Where a night has no cube at all, it waits (`unknown_files`).
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from vampd.errors import DataError
from vampd.model.cubes import accounted_cubes
from vampd.model.nights import NightId, find_cubes, timing_name, unfinished_cube_name
from vampd.ports import NightReader

_NAMED = 3
# Of a row: the frame's number and its counters, then two times.
_FIELDS = 5


def describe_strays(night: NightId, reader: NightReader) -> Iterator[str]:
    """Each timing file without a cube, here or on record, one sentence, at most a few."""
    for path, rows in islice(_lone_timing_files(night, reader), _NAMED):
        yield (
            f"{path} has no cube beside it: at least {rows:,} frames, as it tells, are in no"
            f" product and not set aside; give the cube its logger's name"
            f" ({path.removesuffix('.txt')}.fits), or move the timing file away"
        )


def _lone_timing_files(night: NightId, reader: NightReader) -> Iterator[tuple[str, int]]:
    here = [file.path for file in reader.raw_files(night)]
    known = accounted_cubes(reader.generations(night))
    cubes = {*find_cubes(here, known), *known}
    for path in here:
        folder, _, name = path.rpartition("/")
        if unfinished := unfinished_cube_name(name):
            cubes.add(f"{folder}/{unfinished}")
    timed = {timing_name(cube) for cube in cubes}
    for path in here:
        is_hidden = path.rpartition("/")[2].startswith(".")
        if path.endswith(".txt") and not is_hidden and path not in timed:
            rows = _count_rows(night, reader, path)
            if rows:
                yield path, rows


def _count_rows(night: NightId, reader: NightReader, path: str) -> int:
    """The rows of a timing file; 0 of what is none."""
    try:
        text = reader.text(night, path)
    except DataError:
        return 0  # a link, or too long for one
    return sum(map(_is_row, (text or "").splitlines()))


def _is_row(line: str) -> bool:
    fields = line.split()
    try:
        return len(fields) >= _FIELDS and all(float(field) >= 0 for field in fields[:_FIELDS])
    except ValueError:
        return False
