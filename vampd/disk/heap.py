"""Keeps the heap of a process that runs for years from growing: glibc's allocator, told once.

Each thread may get an arena of its own, and arenas never shrink to what is used: attempts come in
new threads, and each of up to eight arenas a core grows to what the largest stage ever took.
"""

from __future__ import annotations

import ctypes

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


def shrink_heap() -> None:
    """Give back what is free; some milliseconds."""
    libc = ctypes.CDLL(None)
    if hasattr(libc, "malloc_trim"):
        libc.malloc_trim(0)
