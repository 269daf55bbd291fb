"""Listings of a night's folders as file stamps, by one scan and one stat per file.

Paths are relative to the night's folder; a name that is not UTF-8 keeps its bytes as surrogates
(`os.fsdecode`). A missing folder is empty, and a file that vanishes meanwhile is absent.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

from vampd.disk.named_errors import naming
from vampd.disk.reading.foreign_file import link_found, open_unlinked
from vampd.disk.reading.raw_file import stat_raw
from vampd.disk.refusal import Cause, classify
from vampd.model.nights import (
    CAMERA_STREAMS,
    FileStamp,
    Stream,
    bounded_ns,
    is_fits_name,
    is_old_folder,
)
from vampd.model.sharing import shared

# Of st_blocks, see stat(2).
_BLOCK_BYTES = 512
_LARGEST_CUBE_BYTES = 1 << 31
# A night has some ten thousand cubes, each with its timing file.
MOST_FILES = 200_000
_SET_ASIDE = "vbad/"
# What vampd writes to below a night's folder.
_OWN_FOLDERS = (Stream.VGEN2.value, "vbad", *(f"vbad/{stream}" for stream in CAMERA_STREAMS))
_RAW_SUFFIXES = (".fits", ".txt")
# As the names of the camera streams begin.
_CAMERA = "vcam"
# At the top of a disk that is mounted there, and root's.
_OF_THE_DISK = "lost+found"
# Where a folder's links count its folders: its own name and its `.`.
_LINKS_WITHOUT_FOLDERS = 2


def list_raw_files(
    night_folder: Path, streams: Iterable[str], sign: Callable[[], None] = lambda: None
) -> tuple[FileStamp, ...]:
    """Every entry of these camera streams that is, or should be, a file, by path.

    A link is what it leads to within the night. One that leads elsewhere, or a folder named as a
    cube or timing file, has size and mtime 0: it is in the night, so it has to be accounted for, as
    a file that cannot be read. OSError for what weather or a permission hides, and for a stream
    that is itself a link to nothing: its disk may not be mounted, so nothing is known. DataError
    ``link_found`` for a stream behind another's link. ``sign`` is called after each entry.
    """
    stamps: list[FileStamp] = []
    for stream in streams:
        empty = True
        for path, status in _entries(night_folder, stream, stat_raw):
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
    """The files of one folder ('' for the night itself), by path.

    Without hidden files and what is not a regular file. A link is what it leads to within the
    night, as those that vampd makes under vbad; one that leads out is none. DataError
    ``link_found`` for a folder that is itself a link.
    """
    stamps = [
        _stamp(path, status)
        for path, status in _entries(night_folder, folder, _stat_set_aside)
        if status and stat.S_ISREG(status.st_mode) and not os.path.basename(path).startswith(".")
    ]
    return tuple(sorted(stamps))


def list_raw_folders(night_folder: Path, within: str) -> tuple[str, ...]:
    """The folders in a camera stream, or in a folder there, by path; no logger makes any.

    Without those named as a cube or timing file, which are listed as such. ``within`` '' gives
    those of the night that bear nearly a stream's name. OSError as for files.
    """
    try:
        if os.stat(night_folder / within).st_nlink == _LINKS_WITHOUT_FOLDERS:
            return ()
    except (FileNotFoundError, NotADirectoryError):
        return ()
    with _scanned(night_folder, within) as entries:
        names = [
            entry.name
            for entry in islice(entries, MOST_FILES)
            if entry.is_dir(follow_symlinks=False)
        ]
    if not within:
        return tuple(sorted(name for name in names if _is_nearly_a_stream(name)))
    return tuple(
        f"{within}/{name}"
        for name in sorted(names)
        if not name.endswith(_RAW_SUFFIXES) and name != _OF_THE_DISK
    )


def list_raw_beside(night_folder: Path) -> tuple[str, ...]:
    """The FITS files that lie in the night's folder itself, where no logger puts any, by path.

    OSError as for files.
    """
    with _scanned(night_folder, "") as entries:
        names = [
            entry.name
            for entry in islice(entries, MOST_FILES)
            if is_fits_name(entry.name) and not entry.is_dir(follow_symlinks=False)
        ]
    return tuple(sorted(names))


def _is_nearly_a_stream(name: str) -> bool:
    known = name in set(CAMERA_STREAMS) or is_old_folder(name)
    return name.lower().startswith(_CAMERA) and not known


def list_hollow_files(night_folder: Path, folder: str) -> frozenset[str]:
    """The paths of one folder's files that claim gigabytes and hold nearly none of them."""
    return frozenset(
        path
        for path, status in _entries(night_folder, folder, _stat_set_aside)
        if status is not None and is_hollow(status.st_size, status.st_blocks)
    )


def list_raw_links(night_folder: Path, streams: Iterable[str]) -> frozenset[str]:
    """The paths of these camera streams that are links, wherever they lead."""
    found = set()
    for stream in streams:
        with _scanned(night_folder, stream) as entries:
            found |= {f"{stream}/{entry.name}" for entry in entries if entry.is_symlink()}
    return frozenset(found)


def raw_of_link(night_folder: Path, path: str) -> str | None:
    """The raw file that a link under vbad names, if it is one as vampd makes it; else None."""
    raw = path.removeprefix(_SET_ASIDE)
    if raw == path:
        return None
    try:
        target = os.readlink(night_folder / path)
    except OSError:
        return None
    return raw if target == link_target(path, raw) else None


def file_behind(night_folder: Path, path: str) -> Path:
    """The file of a night to read: of a set-aside one the raw file that vampd's link leads to."""
    return night_folder / (raw_of_link(night_folder, path) or path)


def link_target(path: str, raw: str) -> str:
    """What the link ``path`` of a night says to lead to its raw file."""
    return "../" * path.count("/") + raw


def refuse_links(night_folder: Path) -> None:
    """DataError ``link_found`` if the night, or a folder of it that vampd writes to, is a link."""
    for folder in ("", *_OWN_FOLDERS):
        if (night_folder / folder).is_symlink():
            raise link_found(night_folder / folder)


def is_hollow(size: int, blocks: int) -> bool:
    """Whether a file of so many bytes is mostly holes, by its blocks of 512 bytes.

    No camera leaves holes, and no copy has any. A file system that compresses looks alike, but only
    for constant data, and not with more than the largest cube has.
    """
    held = blocks * _BLOCK_BYTES
    return size - held > _LARGEST_CUBE_BYTES and held < size // 16


def stamp_of(night_folder: Path, path: str) -> FileStamp | None:
    """One raw file's stamp now, as `list_raw_files` gives it; None if it does not exist."""
    status: os.stat_result | None
    try:
        status = stat_raw(night_folder, path)
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
    return shared(FileStamp(shared(path), status.st_size, bounded_ns(status.st_mtime_ns)))


def _stat_set_aside(night_folder: Path, path: str) -> os.stat_result | None:
    """The status of the file in the night that a link leads to; None for a link to a raw link."""
    raw = raw_of_link(night_folder, path)
    if raw is None:
        return stat_raw(night_folder, path)
    # By its own name: the camera stream may be a link to another disk.
    return None if (night_folder / raw).is_symlink() else stat_raw(night_folder, raw)


def _entries(
    night_folder: Path, folder: str, follow: Callable[[Path, str], os.stat_result | None]
) -> Iterator[tuple[str, os.stat_result | None]]:
    """Path and status of each entry; None as status of what leads nowhere.

    ``follow`` gives the status of a link. OSError (EOVERFLOW) for more entries than a folder of a
    night can have; DataError ``link_found`` if the folder is a link.
    """
    prefix = f"{folder}/" if folder else ""
    with _scanned(night_folder, folder) as entries:
        for number, entry in enumerate(entries):
            path = prefix + entry.name
            if number == MOST_FILES:
                raise too_many(night_folder / folder)
            try:
                if entry.is_symlink():
                    yield path, follow(night_folder, path)
                else:
                    yield path, entry.stat(follow_symlinks=False)
            except FileNotFoundError:
                if _is_named(night_folder / path):
                    yield path, None
                # Anything else vanished since the folder was read.
            except OSError as error:
                if classify(error) is not Cause.PROPERTY:
                    # An entry of an opened folder knows no more than its name.
                    raise OSError(error.errno, error.strerror, str(night_folder / path)) from error
                yield path, None


def too_many(folder: Path) -> OSError:
    """The error of a folder with more entries than one of a night can have."""
    found = f"more than {MOST_FILES:,} entries, which no night has"
    return OSError(errno.EOVERFLOW, found, str(folder))


def _named(scan: Iterable[os.DirEntry[str]], folder: Path) -> Iterator[os.DirEntry[str]]:
    with naming(folder):
        yield from scan


@contextmanager
def _scanned(night_folder: Path, folder: str) -> Iterator[Iterable[os.DirEntry[str]]]:
    try:
        folder_fd = open_unlinked(night_folder / folder, os.O_RDONLY | os.O_DIRECTORY)
    except (FileNotFoundError, NotADirectoryError):
        yield ()
        return
    try:
        with os.scandir(folder_fd) as scan:
            yield _named(scan, night_folder / folder)
    finally:
        os.close(folder_fd)
