"""Copies within this machine: one file after the other, each whole before it has its name.

Read and written in large pieces by this process, not by a program: that costs half the computing,
and no start. No clone of blocks either (``copy_file_range``, reflinks): where both lie on one file
system, such a copy would be the same blocks again, and *safe* a word about one place of a disk.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from vampd.adapters.archive.sources import unreadable_sources, vanished_sources
from vampd.adapters.programs import find_cause
from vampd.disk.durable import fsync_folder, opened_folder, replacing_one_of_many
from vampd.disk.failpoint import failpoint
from vampd.disk.machine import WriteBack, drop_behind, drop_from_cache, expect_sequential
from vampd.disk.reading import CHUNK_BYTES, open_foreign
from vampd.errors import TransientError
from vampd.model.plan import Compare
from vampd.ports import Pace

_READING = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
# Of a link, a folder, a socket.
_NO_FILE = frozenset({errno.ELOOP, errno.EISDIR, errno.ENXIO})


class SourceRefused(Exception):
    """Files that could not be read, in order, and what the system said of the first one."""

    def __init__(self, names: Sequence[str], first: OSError) -> None:
        super().__init__(str(first))
        self._names = tuple(names)
        self._first = first

    def error(self, folder: str) -> TransientError:
        """What it means for a night whose ``folder`` they belong to."""
        names = [f"{folder}/{name}".lstrip("/") for name in self._names]
        said = self._first.strerror or str(self._first)
        if isinstance(self._first, FileNotFoundError | NotADirectoryError):
            return vanished_sources(names, said)
        return unreadable_sources(names, find_cause(said), said)


def copy_files(
    source: Path,
    target: Path,
    how: Mapping[str, Compare],
    pace: Pace,
    most_bytes: int | None = None,
) -> None:
    """Copy files of one folder into another one, with their times; no link leads to either.

    ``how`` has each name, and how what has it there is compared with the file. New files get the
    permissions that the umask leaves of rw-rw-rw-; those that are replaced keep theirs. What is no
    file, or has more than ``most_bytes``, stays where it is.

    SourceRefused once all others are there; OSError and DiskFull for what refuses to be written;
    DataError ``link_found``.
    """
    refused: dict[str, OSError] = {}
    with ExitStack() as stack:
        try:
            source_fd = stack.enter_context(opened_folder(source))
        except OSError as error:
            raise SourceRefused(tuple(how), error) from error
        for name, compare in how.items():
            pace.check()
            try:
                _copy_file(source_fd, target / name, compare, pace, most_bytes)
            except _Unreadable as error:
                refused[name] = error.cause
    fsync_folder(target)
    if refused:
        raise SourceRefused(tuple(refused), next(iter(refused.values())))


class _Unreadable(Exception):
    """A file that could not be read."""

    def __init__(self, cause: OSError) -> None:
        super().__init__(str(cause))
        self.cause = cause


def _copy_file(
    source_fd: int, path: Path, compare: Compare, pace: Pace, most_bytes: int | None
) -> None:
    with _opened(path.name, source_fd) as file_fd:
        if file_fd is None:
            return
        before = os.fstat(file_fd)
        if most_bytes is not None and before.st_size > most_bytes:
            return
        there = _status_of(path)
        if there is not None and _is_there(file_fd, before, path, there, compare, pace):
            return
        with replacing_one_of_many(path) as file:
            if there is not None and stat.S_ISREG(there.st_mode):
                os.fchmod(file.fileno(), there.st_mode & 0o777)
            _copy_bytes(file_fd, file.fileno(), before.st_size, pace)
            os.utime(file.fileno(), ns=(before.st_atime_ns, before.st_mtime_ns))
            failpoint("archive.copy.written")


@contextmanager
def _opened(name: str, folder_fd: int) -> Iterator[int | None]:
    """The descriptor of a file, None of what is none; _Unreadable."""
    try:
        file_fd = os.open(name, _READING, dir_fd=folder_fd)
    except OSError as error:
        if error.errno not in _NO_FILE:
            raise _Unreadable(error) from error
        yield None
        return
    try:
        yield file_fd if stat.S_ISREG(os.fstat(file_fd).st_mode) else None
    finally:
        os.close(file_fd)


def _status_of(path: Path) -> os.stat_result | None:
    try:
        return os.lstat(path)
    except FileNotFoundError:
        return None


def _is_there(
    file_fd: int,
    before: os.stat_result,
    path: Path,
    there: os.stat_result,
    compare: Compare,
    pace: Pace,
) -> bool:
    """Whether what has the name there is the file already, as far as ``compare`` looks."""
    if compare is Compare.NAME:
        return True
    if not stat.S_ISREG(there.st_mode) or there.st_size != before.st_size:
        return False
    if compare is Compare.SIZE_AND_TIME:
        return there.st_mtime_ns == before.st_mtime_ns
    if compare is Compare.NOTHING or not _is_same(file_fd, path, pace):
        return False
    if there.st_mtime_ns != before.st_mtime_ns:
        with open_foreign(path) as file:
            os.utime(file.fileno(), ns=(there.st_atime_ns, before.st_mtime_ns))
            os.fsync(file.fileno())
    return True


def _is_same(file_fd: int, path: Path, pace: Pace) -> bool:
    """Whether a file there has these bytes, and can be read."""
    ours, theirs = (memoryview(bytearray(CHUNK_BYTES)) for _ in range(2))
    offset = 0
    try:
        with open_foreign(path) as file:
            drop_from_cache(file.fileno())
            while count := _read(file_fd, ours, offset):
                pace.check()
                if os.preadv(file.fileno(), [theirs[:count]], offset) != count:
                    return False
                if ours[:count] != theirs[:count]:
                    return False
                drop_behind(file.fileno(), offset, count)
                offset += count
    except OSError:
        return False
    return True


def _copy_bytes(file_fd: int, target_fd: int, size: int, pace: Pace) -> None:
    """Copy so many bytes. _Unreadable, also if there are fewer; OSError."""
    buffer = memoryview(bytearray(min(size, CHUNK_BYTES)))
    write_back, offset = WriteBack(target_fd, 0), 0
    expect_sequential(file_fd)
    while offset < size:
        pace.check()
        count = _read(file_fd, buffer, offset)
        if count == 0:
            raise _Unreadable(OSError(errno.EBUSY, "it was made shorter while it was read"))
        _write(target_fd, buffer[:count], offset)
        drop_behind(file_fd, offset, count)
        offset += count
        write_back.follow(offset)


def _read(file_fd: int, buffer: memoryview, offset: int) -> int:
    try:
        return os.preadv(file_fd, [buffer], offset)
    except OSError as error:
        raise _Unreadable(error) from error


def _write(file_fd: int, content: memoryview, offset: int) -> None:
    while content:
        written = os.pwrite(file_fd, content, offset)
        content, offset = content[written:], offset + written
