"""The newest cubes of each camera, found by a few looks at the disk that writes them.

A refresh stats the root and the camera folders of the newest nights, lists a folder only if it has
changed, and then stats a handful of files and reads the headers of what is shown: never pixels. A
folder with very many entries is listed in part.
"""

from __future__ import annotations

import heapq
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

from vampd.disk.reading import open_unlinked, stamp_of
from vampd.errors import VampdError
from vampd.fits.headers import open_raw_file, read_cards_at
from vampd.model.cubes import Cards
from vampd.model.nights import ARCHIVE_FOLDER, Kind, NightId, Stream, parse_night_date

CAMERAS = (Stream.VCAM1, Stream.VCAM2)
# Entries of a folder that are looked at: of the root, and of a camera's.
_MOST_ENTRIES = 20_000
# Names that may be the newest: names have the time in them, and sort by it.
_CANDIDATES = 16
_MOST_AXES = 4
_NEWEST_NIGHTS = 2
_DAY_S = 86400.0
_SUFFIXES = (".fits", ".fits.fz")


@dataclass(frozen=True)
class NewestCube:
    """A raw cube as it is now; what cannot be read of its header is '' with the reason in ``why``.

    ``shape`` is as numpy has it: frames, rows, columns.
    """

    night: NightId
    camera: Stream
    name: str
    size: int
    changed_at: float
    shape: str = ""
    object: str = ""
    type: str = ""
    why: str = ""


@dataclass
class _Folder:
    """A folder as it was listed, so that it is not listed again as long as it is the same."""

    stamp: tuple[int, int] = (0, 0)
    names: tuple[str, ...] = ()


@dataclass
class NewestCubes:
    """Looks below a root, again and again."""

    root: Path
    # Cubes shown of each camera.
    most: int = 3
    _folders: dict[Path, _Folder] = field(default_factory=dict)
    _headers: dict[tuple[Path, int, int], tuple[Cards | None, str]] = field(default_factory=dict)

    def look(self, now: float) -> tuple[NewestCube, ...]:
        """The newest cubes of each camera, of the newest nights. OSError without a root."""
        os.stat(self.root)
        found = [
            cube
            for night in self._newest_nights(now)
            for camera in CAMERAS
            for cube in self._of_camera(night, camera)
        ]
        chosen = [
            cube
            for camera in CAMERAS
            for cube in heapq.nlargest(
                self.most, (c for c in found if c.camera is camera), key=lambda c: c.changed_at
            )
        ]
        shown = tuple(self._with_header(cube) for cube in chosen)
        # What is shown no longer is forgotten.
        alive = {self._header_key(cube) for cube in chosen}
        self._headers = {key: header for key, header in self._headers.items() if key in alive}
        return shown

    def _newest_nights(self, now: float) -> Iterator[NightId]:
        """The newest nights of each kind, without those that are yet to come."""
        tomorrow = f"{datetime.fromtimestamp(now + _DAY_S, UTC):%Y%m%d}"
        for kind, folder in (
            (Kind.ENGINEERING, self.root),
            (Kind.ARCHIVE, self.root / ARCHIVE_FOLDER),
        ):
            names = [name for name in self._names(folder) if parse_night_date(name) is not None]
            for date in heapq.nlargest(_NEWEST_NIGHTS, (n for n in names if n <= tomorrow)):
                yield NightId(date, kind)

    def _of_camera(self, night: NightId, camera: Stream) -> Iterator[NewestCube]:
        folder = self.root / night.folder
        names = [n for n in self._names(folder / camera) if n.endswith(_SUFFIXES)]
        for name in heapq.nlargest(_CANDIDATES, names):
            with suppress(VampdError, OSError):
                file = stamp_of(folder, f"{camera}/{name}")
                if file is not None:
                    yield NewestCube(night, camera, name, file.size, file.mtime_ns / 1e9)

    def _names(self, folder: Path) -> tuple[str, ...]:
        """The names in a folder, listed anew only if it has changed; none if it is not there."""
        try:
            folder_fd = open_unlinked(folder, os.O_RDONLY | os.O_DIRECTORY)
        except (VampdError, FileNotFoundError, NotADirectoryError, PermissionError):
            self._folders.pop(folder, None)
            return ()
        try:
            status = os.fstat(folder_fd)
            stamp = (status.st_ino, status.st_mtime_ns)
            known = self._folders.get(folder)
            if known is None or known.stamp != stamp:
                with os.scandir(folder_fd) as entries:
                    names = tuple(entry.name for entry in islice(entries, _MOST_ENTRIES))
                known = self._folders[folder] = _Folder(stamp, names)
        finally:
            os.close(folder_fd)
        return known.names

    def _header_key(self, cube: NewestCube) -> tuple[Path, int, int]:
        return Path(cube.night.folder) / cube.camera / cube.name, cube.size, int(cube.changed_at)

    def _with_header(self, cube: NewestCube) -> NewestCube:
        key = self._header_key(cube)
        if key not in self._headers:
            self._headers[key] = self._read(cube)
        cards, why = self._headers[key]
        return describe_cube(cube, cards, why)

    def _read(self, cube: NewestCube) -> tuple[Cards | None, str]:
        night = self.root / cube.night.folder
        try:
            file_fd = open_raw_file(night, f"{cube.camera}/{cube.name}")
        except VampdError as error:
            return None, error.code
        try:
            cards, _ = read_cards_at(file_fd, 0, night / cube.camera / cube.name)
        except VampdError as error:
            return None, error.code
        finally:
            os.close(file_fd)
        return cards, ""


def describe_cube(cube: NewestCube, cards: Cards | None, why: str = "") -> NewestCube:
    """The cube with what people look for in its header."""
    if cards is None:
        return replace(cube, why=why)
    number = min(cards.integer("NAXIS") or 0, _MOST_AXES)
    axes = [cards.integer(f"NAXIS{axis}") for axis in range(number, 0, -1)]
    shape = "x".join("?" if length is None else str(length) for length in axes)
    return replace(
        cube,
        shape=shape,
        object=(cards.string("OBJECT") or "").strip(),
        type=(cards.string("DATA-TYP") or "").strip(),
    )
