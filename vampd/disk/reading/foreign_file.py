"""Opening what others could have put there: no link is followed, and only a regular file is read.

A pipe, a device or a terabyte must not hold vampd up, and a link must not lead it out of the night.
Whoever may write to a folder may exchange what lies in it at any moment, so a path is walked from
the top, one opened folder after the other, and what was opened is what is examined.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO

from vampd.disk.machine import drop_behind, drop_from_cache
from vampd.disk.refusal import Cause, classify
from vampd.errors import DataError
from vampd.model.nights import ARCHIVE_FOLDER, CAMERA_STREAMS

LINK_FOUND = "link_found"
# Of a night of ten thousand cubes, a generation has some 10 MB, and every listing less.
MOST_TEXT_BYTES = 1 << 25
_CHUNK_BYTES = 1 << 20
_FOLDER = os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC
# Folders that may lie on another disk, behind a link of root's or the owner's own: what follows
# protected_symlinks of proc(5), such a link is no one else's word.
_ELSEWHERE = frozenset({ARCHIVE_FOLDER, *(stream.value for stream in CAMERA_STREAMS)})
# What lies below it is vampd's own, whatever it is called.
_SET_ASIDE = "vbad"


def open_unlinked(path: Path, flags: int = os.O_RDONLY, mode: int = 0o666) -> int:
    """Like os.open, of a path none of whose names is a link; DataError ``link_found``, OSError.

    Configured folders are resolved before. The archive nights' folder and a camera stream may be
    links that belong to root or to this user.
    """
    *parents, name = Path(os.path.abspath(path)).parts[1:] or ["."]
    folder_fd = os.open("/", _FOLDER)
    try:
        names = [*parents, name] if flags & os.O_DIRECTORY else parents
        for above, each in pairwise(["", *names]):
            next_fd = _enter(folder_fd, above, each, path)
            os.close(folder_fd)
            folder_fd = next_fd
        if flags & os.O_DIRECTORY:
            name = "."
        file_fd = os.open(name, flags | os.O_NOFOLLOW | os.O_CLOEXEC, mode, dir_fd=folder_fd)
        # O_PATH opens the link itself.
        if flags & os.O_PATH and stat.S_ISLNK(os.fstat(file_fd).st_mode):
            os.close(file_fd)
            raise link_found(path)
        return file_fd
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise link_found(path) from error
        raise OSError(error.errno, error.strerror, str(path)) from error
    finally:
        os.close(folder_fd)


def named_by_person(path: Path) -> Path:
    """The path of a file to make that a person names: its folder may lie behind links."""
    return Path(os.path.realpath(path.parent), path.name)


def real_folder(folder: Path) -> Path:
    """Where a folder without links lies; DataError ``link_found``, OSError."""
    folder_fd = open_unlinked(folder, _FOLDER)
    try:
        return Path(os.readlink(f"/proc/self/fd/{folder_fd}"))
    finally:
        os.close(folder_fd)


def link_found(path: Path) -> DataError:
    """The error of a path that has a link where vampd follows none.

    What else helps, `add_cure` knows.
    """
    return DataError(
        LINK_FOUND,
        f"{path} is a link, or leads through one that is not the owner's; vampd follows none there:"
        " find out who made it, and move it away or put the folder or file itself in its place",
        path=str(path),
    )


def require_regular(file_fd: int, path: Path) -> None:
    """OSError unless a regular file was opened: EISDIR for a folder, ENXIO for all else."""
    mode = os.fstat(file_fd).st_mode
    if not stat.S_ISREG(mode):
        number = errno.EISDIR if stat.S_ISDIR(mode) else errno.ENXIO
        raise OSError(number, "not a regular file", str(path))


def open_foreign(path: Path) -> BinaryIO:
    """Open a regular file for reading without waiting for a writer; OSError for others.

    As `open_unlinked`.
    """
    file_fd = open_unlinked(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY)
    try:
        require_regular(file_fd, path)
        return os.fdopen(file_fd, "rb")
    except BaseException:
        os.close(file_fd)
        raise


def read_whole(path: Path, most_bytes: int = MOST_TEXT_BYTES) -> bytes:
    """The content of a file; DataError ``file_too_long`` beyond the limit, as `open_foreign`."""
    with open_foreign(path) as file:
        return read_to_end(file, path, most_bytes)


def read_to_end(file: BinaryIO, path: Path, most_bytes: int = MOST_TEXT_BYTES) -> bytes:
    """The rest of an opened file; DataError ``file_too_long`` beyond the limit."""
    content = file.read(most_bytes + 1)
    if len(content) > most_bytes:
        raise _too_long(path, most_bytes)
    return content


def refuse_longer(file: BinaryIO, path: Path, most_bytes: int) -> None:
    """DataError ``file_too_long`` for an opened file beyond the limit."""
    if os.fstat(file.fileno()).st_size > most_bytes:
        raise _too_long(path, most_bytes)


def _too_long(path: Path, most_bytes: int) -> DataError:
    return DataError(
        "file_too_long",
        f"{path} has more than {most_bytes:,} bytes, which no file of its kind has; find out"
        " what wrote it, and move it away",
        path=str(path),
    )


def read_foreign_text(path: Path) -> str | None:
    """The text of a file; None if it is not there, cannot be read, is too long or no file."""
    try:
        return read_whole(path).decode("utf-8", "replace")
    except (OSError, DataError):
        return None


def can_read_whole(path: Path, sign: Callable[[], None]) -> bool:
    """Whether each byte of a regular file can be read now, past the cache; True of what is none.

    ``sign`` is called after each part.
    """
    buffer, offset = bytearray(_CHUNK_BYTES), 0
    try:
        with open_foreign(path) as file:
            drop_from_cache(file.fileno())
            while count := os.preadv(file.fileno(), [buffer], offset):
                drop_behind(file.fileno(), offset, count)
                offset += count
                sign()
    except OSError as error:
        return classify(error) is Cause.PROPERTY
    except DataError:
        return True  # a link: whoever reads it says so
    return True


def _enter(folder_fd: int, above: str, name: str, path: Path) -> int:
    try:
        return os.open(name, _FOLDER | os.O_NOFOLLOW, dir_fd=folder_fd)
    except NotADirectoryError:
        link_fd = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder_fd)
        try:
            status = os.fstat(link_fd)
            if not stat.S_ISLNK(status.st_mode):
                raise
            is_ours = status.st_uid in (0, os.geteuid())
            if name not in _ELSEWHERE or above == _SET_ASIDE or not is_ours:
                raise link_found(path) from None
            # Of the very link that was examined, whatever bears its name by now.
            return _follow(os.readlink("", dir_fd=link_fd), folder_fd)
        finally:
            os.close(link_fd)


def _follow(target: str, folder_fd: int) -> int:
    try:
        return os.open(target, _FOLDER, dir_fd=folder_fd)
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
        raise FileNotFoundError(errno.ENOENT, "a link that leads in a circle", target) from error
