"""Frames that lie where no logger puts them: in a folder within a stream, beside the streams, or
in no cube at all.

Of a cube that has another name, is hidden, or was not copied whole, its timing file is what is left
to see. Where a night has no cube at all, it waits (`unknown_files`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

from vampd.disk.reading import list_raw_beside, list_raw_folders
from vampd.engine.nights.night_listing import WITHIN, Stranger
from vampd.errors import DataError, TransientError
from vampd.model.cubes import accounted_cubes
from vampd.model.nights import (
    FileStamp,
    NightId,
    find_cubes,
    is_fits_name,
    timing_name,
    unfinished_cube_name,
)
from vampd.ports import NightReader

_NAMED = 3
# Of a row: the frame's number and its counters, then two times.
_FIELDS = 5
# Folders that are looked into: a whole tree may have been moved there.
_MOST_FOLDERS = 100
_UNCOUNTED = "are in no product and not set aside"


def describe_strays(night: NightId, reader: NightReader, raw: Sequence[FileStamp]) -> Iterator[str]:
    """Each timing file without a cube, and place with raw in it, in a sentence; at most a few.

    ``raw`` are the files of the camera streams. OSError where a stream cannot be listed.
    """
    lone = (
        f"{path} has no cube beside it: at least {rows:,} frames, as it tells, {_UNCOUNTED};"
        f" give the cube its logger's name ({path.removesuffix('.txt')}.fits), or move the timing"
        " file away"
        for path, rows in _lone_timing_files(night, reader, raw)
    )
    return islice(
        chain(lone, _describe_beside(night, reader), _describe_folders(night, reader)), _NAMED
    )


def describe_late_raw(night: NightId, raw: Iterable[FileStamp]) -> Iterator[str]:
    """The raw cubes in a night of the old tools' products, in a sentence: no stage takes them up.

    ``raw`` are the files of the camera streams. From raw, frames of it might get a second ID.
    """
    if cubes := sorted(find_cubes([file.path for file in raw])):
        more = f" with {len(cubes) - 1:,} more cubes" if cubes[1:] else ""
        yield (
            f"{cubes[0]}{more} came to a night whose products the old tools made, and no stage"
            " takes up what it holds; keep it outside of the night;"
            f" `vampctl audit {night.date}` lists all"
        )


def find_strays(root: Path, nights: Iterable[NightId]) -> Iterator[Stranger]:
    """The folders in these nights' streams, or nearly of their names, and raw beside the streams.

    Without what cannot be listed.
    """
    for night in nights:
        folder = root / night.folder
        for within in WITHIN:
            with suppress(OSError, DataError):
                for path in list_raw_folders(folder, within):
                    what = "a folder in a camera stream" if within else "no camera stream"
                    yield Stranger(folder / path, f"is {what}")
        with suppress(OSError, DataError):
            if beside := list_raw_beside(folder):
                others = f" with {len(beside) - 1:,} more such files" if beside[1:] else ""
                yield Stranger(folder / beside[0], f"lies beside the camera streams{others}")


def _lone_timing_files(
    night: NightId, reader: NightReader, raw: Iterable[FileStamp]
) -> Iterator[tuple[str, int]]:
    here = [file.path for file in raw]
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


def _describe_folders(night: NightId, reader: NightReader) -> Iterator[str]:
    """Each folder in a stream, or nearly of its name, that has raw in it, however deep."""
    for within in WITHIN:
        for folder in reader.raw_folders(night, within):
            held = _count(night, reader, _files_below(night, reader, folder))
            if not (held.cubes or held.rows):
                continue
            what = "a folder in a camera stream" if within else "no camera stream"
            yield (
                f"{folder} is {what}, with {held}, {_UNCOUNTED}; move what belongs to the night"
                f" into {within or 'its stream'}, and the folder away"
            )


def _describe_beside(night: NightId, reader: NightReader) -> Iterator[str]:
    """Raw in the night's folder itself."""
    names = [file.path for file in reader.files(night, "")]
    held = _count(night, reader, names)
    if held.cubes or held.rows:
        raw = [name for name in names if is_fits_name(name) or name.endswith(".txt")]
        yield (
            f"{raw[0]} lies beside the camera streams, of {held}, {_UNCOUNTED}; move what belongs"
            " to the night into its stream, and the rest away"
        )


@dataclass(frozen=True)
class _Held:
    """FITS files in one place, and the rows of the timing files there."""

    cubes: int
    rows: int

    def __str__(self) -> str:
        files = f"{self.cubes:,} FITS {'file' if self.cubes == 1 else 'files'}"
        if not self.rows:
            return f"{files}: its frames"
        return f"{files}: at least {self.rows:,} frames, as timing files tell"


def _count(night: NightId, reader: NightReader, paths: Iterable[str]) -> _Held:
    cubes = rows = 0
    for path in paths:
        cubes += is_fits_name(path.rpartition("/")[2])
        if path.endswith(".txt"):
            with suppress(OSError, TransientError):
                rows += _count_rows(night, reader, path)
    return _Held(cubes, rows)


def _files_below(night: NightId, reader: NightReader, folder: str) -> Iterator[str]:
    """The files in a foreign folder and those in it; what cannot be listed is left out."""
    folders = [folder]
    for within in folders:
        with suppress(OSError, DataError, TransientError):
            folders += reader.raw_folders(night, within)[: _MOST_FOLDERS - len(folders)]
            yield from (file.path for file in reader.files(night, within))


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
