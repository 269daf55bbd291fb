"""Raw files by name: a link in a camera stream leads to a file of the same night, or nowhere."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from vampd.disk.reading.foreign_file import LINK_FOUND, link_found, open_unlinked, real_folder
from vampd.errors import DataError


def open_raw(night_folder: Path, path: str, flags: int = os.O_RDONLY) -> int:
    """Open a raw file; of a link what it leads to, if that is in the same night.

    DataError ``link_found`` for a link that leads out or nowhere, however it changes meanwhile:
    what is opened at last is a name within the night that is no link. OSError.
    """
    flags |= os.O_NONBLOCK
    try:
        return open_unlinked(night_folder / path, flags)
    except DataError as error:
        if error.code != LINK_FOUND:
            raise
    target = Path(os.path.realpath(night_folder / path))
    if not any(target.is_relative_to(place) for place in _places(night_folder, path)):
        raise link_found(night_folder / path)
    try:
        return open_unlinked(target, flags)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise link_found(night_folder / path) from error


def stat_raw(night_folder: Path, path: str) -> os.stat_result | None:
    """The status of what `open_raw` would open; None for a link that it refuses. OSError."""
    try:
        file_fd = open_raw(night_folder, path, os.O_PATH)
    except DataError as error:
        if error.code != LINK_FOUND:
            raise
        return None
    try:
        return os.fstat(file_fd)
    finally:
        os.close(file_fd)


def _places(night_folder: Path, path: str) -> list[Path]:
    """Where the night really lies, and the stream, which may be on another disk."""
    places = []
    for folder in (night_folder, night_folder / path.partition("/")[0]):
        with suppress(DataError, OSError):
            places.append(real_folder(folder))
    return places
