"""``frameids.ledger``: the frame-ID ledger as a file, which survives a lost database.

Its lines (`vampd.ledger.records`) are only appended. A writer that dies may leave a last line
without its end; that line was never acknowledged and is cut off. Any other line that is not exactly
as written is damage.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import BinaryIO

from vampd.disk.durable import fsync_folder, translating_full_disk
from vampd.disk.failpoint import failpoint
from vampd.disk.reading import (
    LINK_FOUND,
    open_foreign,
    open_unlinked,
    refuse_longer,
    require_regular,
)
from vampd.disk.refusal import Cause, PathAccess, classify, describe_refused
from vampd.disk.rights import PUBLIC, give_to_owner, reserve_writing
from vampd.errors import DataError, FrameIdConflict, FrameIdsUnavailable
from vampd.ledger.records import LedgerRecord, format_line, parse_line

_READ_BYTES = 1 << 16
# Ten million records; read line by line, so the file may be longer than the memory.
_MOST_BYTES = 1 << 30
# The reason of a refusal may quote what an authority said.
_LONGEST_LINE = 1 << 20
_SHOWN_BYTES = 200


@dataclass(frozen=True)
class FileMark:
    """The state of the file; equal marks mean that it was not written to in between."""

    inode: int
    size: int
    mtime_ns: int


class LedgerFile:
    """The open ledger file, locked against all other writers."""

    def __init__(self, path: Path, file_fd: int) -> None:
        self.path = path
        self._fd = file_fd

    def mark(self) -> FileMark:
        """The state of the file now."""
        stat = os.fstat(self._fd)
        return FileMark(stat.st_ino, stat.st_size, stat.st_mtime_ns)

    def records(self) -> Iterator[tuple[int, LedgerRecord]]:
        """All records with their line numbers; FrameIdConflict ``ledger_damaged``."""
        with open(self._fd, "rb", buffering=_READ_BYTES, closefd=False) as file:
            file.seek(0)
            yield from _parse_lines(enumerate(_lines(file), start=1), self.path)

    def append(self, records: Iterable[LedgerRecord]) -> None:
        """Append records durably. DiskFull, FrameIdsUnavailable."""
        rest = memoryview(b"".join(map(format_line, records)))
        with _translating_errors(self.path):
            while rest:
                rest = rest[os.write(self._fd, rest) :]
            failpoint("ledger.file.written")
            os.fsync(self._fd)

    def make_durable(self) -> None:
        """Flush all that can be read to the disk: a writer may have died before it did so."""
        with _translating_errors(self.path):
            os.fsync(self._fd)
            fsync_folder(self.path.parent)

    def mend_tail(self) -> None:
        """Cut off a last line that was never finished."""
        size = os.fstat(self._fd).st_size
        end = self._end_of_lines(size)
        # What is longer than any line is none that a writer had begun: reading finds it damaged.
        if end == size or size - end > _LONGEST_LINE:
            return
        with _translating_errors(self.path):
            if _is_record(os.pread(self._fd, size - end, end)):
                # Complete but for its end: an editor left it so, or the very last byte was lost.
                os.write(self._fd, b"\n")
            else:
                os.ftruncate(self._fd, end)
            failpoint("ledger.file.repaired")
            os.fsync(self._fd)

    def _end_of_lines(self, size: int) -> int:
        """The offset after the last end of line, as far back as a line can begin."""
        stop = size
        while stop > 0 and size - stop <= _LONGEST_LINE:
            start = max(0, stop - _READ_BYTES)
            found = os.pread(self._fd, stop - start, start).rfind(b"\n")
            if found >= 0:
                return start + found + 1
            stop = start
        return stop


@contextmanager
def open_ledger_file(path: Path) -> Iterator[LedgerFile]:
    """The ledger file, created if need be, locked against other writers.

    DiskFull; FrameIdsUnavailable ``ledger_unwritable`` when it cannot be opened for appending.
    """
    with _translating_errors(path):
        file_fd = _open_locked(path)
    try:
        yield LedgerFile(path, file_fd)
    finally:
        os.close(file_fd)


def read_ledger_file(path: Path) -> Iterator[tuple[int, LedgerRecord]]:
    """All complete lines' records with their numbers, while others may write; none without a file.

    FrameIdConflict ``ledger_damaged``; DataError ``file_too_long``.
    """
    with suppress(FileNotFoundError), _opened(path) as file:
        complete = takewhile(lambda line: line.endswith(b"\n") or _is_long(line), _lines(file))
        yield from _parse_lines(enumerate(complete, start=1), path)


def read_whole_lines(path: Path) -> Iterator[LedgerRecord | None]:
    """All lines' records, None for each that is damaged; none without a file.

    DataError ``file_too_long``.
    """
    with suppress(FileNotFoundError), _opened(path) as file:
        for line in _lines(file):
            try:
                yield parse_line(line.removesuffix(b"\n"))
            except ValueError:
                yield None


def _lines(file: BinaryIO) -> Iterator[bytes]:
    """The lines, one at a time; of one that is longer than any, parts of that length."""
    while line := file.readline(_LONGEST_LINE + 1):
        yield line


def _is_long(line: bytes) -> bool:
    return len(line) > _LONGEST_LINE


def _parse_lines(
    lines: Iterable[tuple[int, bytes]], path: Path
) -> Iterator[tuple[int, LedgerRecord]]:
    for number, line in lines:
        try:
            record = parse_line(line.removesuffix(b"\n"))
        except ValueError as error:
            raise FrameIdConflict(
                "ledger_damaged",
                f"{path} line {number}: expected a record with its checksum, found"
                f" {line[:_SHOWN_BYTES]!r}"
                f" ({error}); no ID is granted until the line is restored from a backup, or"
                " `vampctl rebuild-ledger` rewrites the file",
                path=str(path),
                line=number,
            ) from error
        yield number, record


def _open_locked(path: Path) -> int:
    while True:
        file_fd = _open(path)
        fcntl.flock(file_fd, fcntl.LOCK_EX)
        if _is_named(path, os.fstat(file_fd)):
            return file_fd
        # Another file took its place while we waited: a backup, or a rebuilt one.
        os.close(file_fd)


def _is_named(path: Path, opened: os.stat_result) -> bool:
    try:
        return os.path.samestat(path.lstat(), opened)
    except FileNotFoundError:
        return False


def _open(path: Path) -> int:
    flags = os.O_RDWR | os.O_APPEND | os.O_NONBLOCK
    with suppress(FileNotFoundError):
        file_fd = open_unlinked(path, flags)
        try:
            require_regular(file_fd, path)
        except BaseException:
            os.close(file_fd)
            raise
        reserve_writing(path)
        return file_fd
    file_fd = open_unlinked(path, flags | os.O_CREAT, PUBLIC)
    try:
        give_to_owner(path.parent, file_fd, PUBLIC)
        failpoint("ledger.file.created")
        fsync_folder(path.parent)
    except BaseException:
        os.close(file_fd)
        raise
    return file_fd


def _is_record(line: bytes) -> bool:
    try:
        parse_line(line)
    except ValueError:
        return False
    return True


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    with _naming_links():
        file = open_foreign(path)
    with file:
        refuse_longer(file, path, _MOST_BYTES)
        yield file


@contextmanager
def _naming_links() -> Iterator[None]:
    """A ledger behind a link is none that an ID may be granted by."""
    try:
        yield
    except DataError as error:
        if error.code != LINK_FOUND:
            raise
        raise FrameIdConflict(error.code, error.message, **error.context) from error


@contextmanager
def _translating_errors(path: Path) -> Iterator[None]:
    try:
        with translating_full_disk(path), _naming_links():
            yield
    except OSError as error:
        refused = classify(error) is Cause.PERMISSION
        why = describe_refused(path, PathAccess.WRITE) if refused else error.strerror
        raise FrameIdsUnavailable(
            "ledger_unwritable",
            f"cannot write the frame-ID ledger {path}: {why}; no ID is used that is not"
            " on record: check that the data disk is mounted and that vampd may write there",
            path=str(path),
        ) from error
