"""Folders that may be named on a command line but not written to: camera streams and nights.

Whatever path leads there. Raw is sacred: a command that changes a named file asks here first.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from vampd.model.nights import ARCHIVE_FOLDER, parse_night_date

# The old tools' hard links are raw files too: of some nights the only complete ones.
_STREAM = re.compile(r"vcam[12](_hlinkbak)?")


def find_camera_stream(path: Path, root: Path) -> Path | None:
    """The camera stream that holds a file, None if it is not a raw file.

    As `find_stream_around` for its folder; and a file behind a link is as raw as the link, if that
    lies in a stream of the watched root.
    """
    real = Path(os.path.realpath(path))
    for folder in (path.parent, real.parent):
        if around := find_stream_around(folder, root):
            return around
    return next((stream for stream in _streams_of(root) if _links_to(stream, real)), None)


def find_stream_around(folder: Path, root: Path) -> Path | None:
    """The camera stream that a folder is or lies in, None if it lies in none.

    A stream of a night under any root counts, recognized by its folders' names, since the command
    may use the wrong configuration. Under the watched root, streams reached by links count too.
    """
    real = Path(os.path.realpath(folder))
    named = Path(os.path.abspath(folder))
    roots = {Path(os.path.abspath(root)), Path(os.path.realpath(root))}
    inside = (real, *real.parents)
    for one in (named, *named.parents, *inside):
        is_named = _STREAM.fullmatch(one.name)
        if is_named and (parse_night_date(one.parent.name) or not roots.isdisjoint(one.parents)):
            return one
    streams = _streams_of(root)
    return next((s for s in streams if any(_is_same(s, one) for one in inside)), None)


def find_archive_night(path: Path, root: Path) -> Path | None:
    """The archive night that a folder is or lies in, None if it lies in none.

    As with streams, folder names count, and links under the watched root.
    """
    real = Path(os.path.realpath(path))
    named = Path(os.path.abspath(path))
    for folder in (named, *named.parents, real, *real.parents):
        if folder.parent.name == ARCHIVE_FOLDER and parse_night_date(folder.name):
            return folder
    nights = [
        Path(entry.path)
        for entry in _entries(root / ARCHIVE_FOLDER)
        if parse_night_date(entry.name)
    ]
    inside = (real, *real.parents)
    return next((night for night in nights if any(_is_same(night, it) for it in inside)), None)


def find_night_around(folder: Path, holders: Iterable[Path]) -> Path | None:
    """The night in one of these folders of nights that a folder is or lies in, None if in none.

    By what it is, whatever path or mount leads there; the folder itself need not exist yet.
    """
    real = Path(os.path.realpath(folder))
    inside = set()
    for one in (real, *real.parents):
        with suppress(OSError):
            status = one.stat()
            inside.add((status.st_dev, status.st_ino))
    for holder in holders:
        for entry in _entries(holder):
            with suppress(OSError):
                if parse_night_date(entry.name):
                    status = os.stat(entry.path)
                    if (status.st_dev, status.st_ino) in inside:
                        return Path(entry.path)
    return None


def _streams_of(root: Path) -> Iterator[Path]:
    for nights in (root, root / ARCHIVE_FOLDER):
        for night in _entries(nights):
            yield from (
                Path(entry.path) for entry in _entries(night.path) if _STREAM.fullmatch(entry.name)
            )


def _links_to(stream: Path, real: Path) -> bool:
    return any(entry.is_symlink() and _is_same(entry.path, real) for entry in _entries(stream))


def _entries(folder: str | Path) -> Iterator[os.DirEntry[str]]:
    # What is not a folder, is gone, or may not be read has no visible entries.
    with suppress(OSError), os.scandir(folder) as scan:
        yield from scan


def _is_same(first: str | Path, second: Path) -> bool:
    try:
        return os.path.samefile(first, second)
    except OSError:  # a link that leads nowhere
        return False
