"""Flushing a file to the disk while it grows.

Left alone, the kernel keeps gigabytes of it in memory: they evict other processes' pages, and the
fsync at the end then takes as long as all the writing, with no chance to pause or stop it.
"""

from __future__ import annotations

import ctypes
import os

from vampd.disk.machine.cache import drop_behind

# How much may be on its way to the disk: enough to keep it busy, little for the last fsync.
WINDOW_BYTES = 32 * 1024 * 1024
_STEP_BYTES = 4 * 1024 * 1024
# From <linux/fs.h>.
_WAIT_BEFORE, _WRITE, _WAIT_AFTER = 1, 2, 4


class WriteBack:
    """Follows the writer of a file, from offset ``begin`` on."""

    def __init__(self, file_fd: int, begin: int) -> None:
        self._file_fd = file_fd
        self._begun = self._settled = begin

    def follow(self, end: int) -> None:
        """Start writing what lies before ``end``; wait for, and drop, what lies far behind.

        OSError if the disk refuses. What has reached the disk is not durable yet: fsync at the end.
        """
        if end - self._begun < _STEP_BYTES:
            return
        _sync_range(self._file_fd, self._begun, end - self._begun, _WRITE)
        self._begun = end
        length = end - WINDOW_BYTES - self._settled
        if length > 0:
            _sync_range(self._file_fd, self._settled, length, _WAIT_BEFORE | _WRITE | _WAIT_AFTER)
            drop_behind(self._file_fd, self._settled, length)
            self._settled += length


_sync_file_range = ctypes.CDLL(None, use_errno=True).sync_file_range
_sync_file_range.argtypes = (ctypes.c_int, ctypes.c_int64, ctypes.c_int64, ctypes.c_uint)


def _sync_range(file_fd: int, offset: int, length: int, how: int) -> None:
    if _sync_file_range(file_fd, offset, length, how) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
