"""Keeps the heap of a process that runs for years from growing.

Each thread may get an arena of its own, and arenas never shrink to what is used: attempts come in
new threads, and each of up to eight arenas a core grows to what the largest stage ever took.
Python's own arenas of a megabyte are given back when the last object in one is gone: garbage in
cycles that waits for its collection beside objects that stay keeps many of them.
"""

from __future__ import annotations

import ctypes
import gc

# malloc.h
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8
_ARENAS = 2
# What is larger is mapped, and given back when it is freed; set, it no longer adapts to what was
# freed before.
_MAPPED_BYTES = 1 << 17


def bound_heap() -> None:
    """Let this process, and its threads to come, share a few arenas that shrink."""
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt"):
        libc.mallopt(_M_ARENA_MAX, _ARENAS)
        libc.mallopt(_M_MMAP_THRESHOLD, _MAPPED_BYTES)
        libc.mallopt(_M_TRIM_THRESHOLD, _MAPPED_BYTES)


def keep_heap() -> None:
    """What is in use now stays for good: no collection looks at it again."""
    gc.collect()
    gc.freeze()


def shrink_heap() -> None:
    """Give back what is garbage or free; some milliseconds."""
    gc.collect()
    libc = ctypes.CDLL(None)
    if hasattr(libc, "malloc_trim"):
        libc.malloc_trim(0)
