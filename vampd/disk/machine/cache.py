"""Advice to the page cache: read ahead, and leave no traces where cameras need the memory."""

from __future__ import annotations

import mmap
import os


def drop_from_cache(file_fd: int) -> None:
    """Make the next read of the whole file come from the disk.

    fsync first: the kernel does not drop pages that are still to be written. It also works on a
    descriptor that was opened for reading.
    """
    os.fsync(file_fd)
    drop_all(file_fd)


def drop_all(file_fd: int) -> None:
    """Drop all pages of a file that are also on the disk."""
    os.posix_fadvise(file_fd, 0, 0, os.POSIX_FADV_DONTNEED)


def drop_behind(file_fd: int, offset: int, length: int) -> None:
    """Drop the pages of bytes that, like those just before them, are not needed again.

    The kernel keeps the pages, or the groups of them, that reach beyond the end; it also keeps
    those that are still to be written.
    """
    within = offset % mmap.PAGESIZE
    os.posix_fadvise(file_fd, offset - within, length + within, os.POSIX_FADV_DONTNEED)


def read_ahead(file_fd: int, offset: int, length: int) -> None:
    """Begin to read these bytes in the background."""
    os.posix_fadvise(file_fd, offset, length, os.POSIX_FADV_WILLNEED)


def expect_sequential(file_fd: int) -> None:
    """Double the kernel's own read-ahead: the file is read from front to back."""
    os.posix_fadvise(file_fd, 0, 0, os.POSIX_FADV_SEQUENTIAL)


def expect_picks(file_fd: int) -> None:
    """Keep the kernel from reading ahead on its own: `read_ahead` announces what will be read.

    From a file of which every other frame is wanted, the kernel would read all.
    """
    os.posix_fadvise(file_fd, 0, 0, os.POSIX_FADV_RANDOM)
