"""Listings of a night's folders as file stamps, by one scan and one stat per file.

Paths are relative to the night's folder; a name that is not UTF-8 keeps its bytes as surrogates
(`os.fsdecode`). A missing folder is empty, and a file that vanishes meanwhile is absent.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from vampd.disk.refusal import Cause, classify
from vampd.model.nights import FileStamp

# Of st_blocks, see stat(2).
_BLOCK_BYTES = 512
_LARGEST_CUBE_BYTES = 1 << 31
# A night has some ten thousand cubes, each with its timing file.
MOST_FILES = 200_000
_RAW_SUFFIXES = (".fits", ".txt")


def list_raw_files(
    night_folder: Path, streams: Iterable[str], sign: Callable[[], None] = lambda: None
) -> tuple[FileStamp, ...]:
    """Every entry of these camera streams that is, or should be, a file, by path; links followed.

    A link that leads nowhere, or a folder named as a cube or timing file, has size and mtime 0: it
    is in the night, so it has to be accounted for, as a file that cannot be read. OSError for what
    weather or a permission hides, and for a stream that is itself a link to nothing: its disk may
    not be mounted, so nothing is known. ``sign`` is called after each entry.
    """
    stamps: list[FileStamp] = []
    for stream in streams:
        empty = True
        for path, status in _entries(night_folder, stream):
            empty = False
            stamp = _raw_stamp(path, status)
            if stamp:
                stamps.append(stamp)
            sign()
        if empty and (night_folder / stream).is_symlink():
            raise FileNotFoundError(
                errno.ENOENT,
                "a link to a folder that is empty or not there: is its disk mounted?",
                str(night_folder / stream),
            )
    return tuple(sorted(stamps))


def list_files(night_folder: Path, folder: str) -> tuple[FileStamp, ...]:
    """The files of one folder ('' for the night itself), by path; links are followed.

    Without hidden files, dangling links, and what is not a regular file.
    """
    stamps = [
        _stamp(path, status)
        for path, status in _entries(night_folder, folder)
        if status and stat.S_ISREG(status.st_mode) and not os.path.basename(path).startswith(".")
    ]
    return tuple(sorted(stamps))


def list_hollow_files(night_folder: Path, folder: str) -> frozenset[str]:
    """The paths of one folder's files that claim gigabytes and hold nearly none of them.

    No camera leaves holes. A file system that compresses looks alike, but only for constant data,
    and not with more than the largest cube has.
    """
    return frozenset(
        path
        for path, status in _entries(night_folder, folder)
        if status is not None and _is_hollow(status)
    )


def _is_hollow(status: os.stat_result) -> bool:
    held = status.st_blocks * _BLOCK_BYTES
    return status.st_size - held > _LARGEST_CUBE_BYTES and held < status.st_size // 16


def stamp_of(night_folder: Path, path: str) -> FileStamp | None:
    """One raw file's stamp now, as `list_raw_files` gives it; None if it does not exist."""
    status: os.stat_result | None
    try:
        status = os.stat(night_folder / path)
    except OSError as error:
        if classify(error) is not Cause.PROPERTY:
            raise
        if not _is_named(night_folder / path):
            return None
        status = None
    return _raw_stamp(path, status)


def _is_named(path: Path) -> bool:
    """Whether something has that name; unlike os.path.lexists, weather is no answer."""
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


def _raw_stamp(path: str, status: os.stat_result | None) -> FileStamp | None:
    if status is None:
        return FileStamp(path, 0, 0)
    if stat.S_ISDIR(status.st_mode):
        return FileStamp(path, 0, 0) if path.endswith(_RAW_SUFFIXES) else None
    return _stamp(path, status)


def _stamp(path: str, status: os.stat_result) -> FileStamp:
    return FileStamp(path, status.st_size, status.st_mtime_ns)


def _entries(night_folder: Path, folder: str) -> Iterator[tuple[str, os.stat_result | None]]:
    """Path and status of each entry; None as status of what leads nowhere.

    OSError (EOVERFLOW) for more entries than a folder of a night can have.
    """
    prefix = f"{folder}/" if folder else ""
    try:
        scan = os.scandir(night_folder / folder)
    except (FileNotFoundError, NotADirectoryError):
        return
    with scan:
        for number, entry in enumerate(scan):
            if number == MOST_FILES:
                found = f"more than {MOST_FILES:,} entries, which no night has"
                raise OSError(errno.EOVERFLOW, found, str(night_folder / folder))
            try:
                status = entry.stat()
            except FileNotFoundError:
                if entry.is_symlink():
                    yield prefix + entry.name, None
                # Anything else vanished since the folder was read.
            except OSError as error:
                if classify(error) is not Cause.PROPERTY:
                    raise
                yield prefix + entry.name, None
            else:
                yield prefix + entry.name, status
