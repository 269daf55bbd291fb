"""Numbers that the daemon and its workers see at once: a few bytes of a file that all of them map.

Reading is one memory access; nothing is sent and nothing can be missed.
"""

from __future__ import annotations

import mmap
import os
import struct
from pathlib import Path
from typing import ClassVar, Self

from vampd.disk.durable import translating_full_disk
from vampd.disk.rights import PRIVATE


class SharedBytes:
    """Some bytes of a file; picklable: only the path is sent."""

    LENGTH: ClassVar[int]

    def __init__(self, path: Path) -> None:
        self.path = path
        self._mapped: mmap.mmap | None = None

    @classmethod
    def create(cls, path: Path) -> Self:
        """A file of zeros, even if one existed already. DiskFull."""
        with translating_full_disk(path):
            # Never truncated: a process that maps the file would die of SIGBUS.
            file_fd = os.open(
                path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, PRIVATE
            )
            try:
                os.pwrite(file_fd, bytes(cls.LENGTH), 0)
            finally:
                os.close(file_fd)
        return cls(path)

    def __reduce__(self) -> tuple[type[Self], tuple[Path]]:
        return type(self), (self.path,)

    @property
    def shared(self) -> mmap.mmap:
        """The bytes; FileNotFoundError if the file was gone before the first use."""
        if self._mapped is None:
            file_fd = os.open(self.path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                self._mapped = mmap.mmap(file_fd, self.LENGTH)
            finally:
                os.close(file_fd)
        return self._mapped


class SharedMeter(SharedBytes):
    """The progress of one action (ports.Meter): written by a worker, read by the daemon."""

    _NUMBERS = struct.Struct("=QQ")
    LENGTH = _NUMBERS.size

    def begin(self) -> None:
        """Back to zero: a lost worker may have counted here before."""
        self._NUMBERS.pack_into(self.shared, 0, 0, 0)

    def add(self, frames: int, size: int) -> None:
        """Count frames and raw bytes that are packed."""
        done_frames, done_bytes = self.counts
        self._NUMBERS.pack_into(self.shared, 0, done_frames + frames, done_bytes + size)

    @property
    def counts(self) -> tuple[int, int]:
        """Frames and bytes so far."""
        frames, size = self._NUMBERS.unpack_from(self.shared, 0)
        return frames, size


class Unmetered:
    """A Meter that no one reads."""

    def add(self, frames: int, size: int) -> None:
        """Ignore it."""
