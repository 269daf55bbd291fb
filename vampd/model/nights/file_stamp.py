"""Files of a night as a cheap listing shows them."""

from __future__ import annotations

from dataclasses import dataclass

# What a database holds in a number: until April 2262.
_LARGEST_NS = (1 << 63) - 1


def bounded_ns(mtime_ns: int) -> int:
    """A file's mtime as it is kept: file systems hold times that no number of 64 bits does."""
    return max(-_LARGEST_NS, min(mtime_ns, _LARGEST_NS))


@dataclass(frozen=True, order=True, slots=True)
class FileStamp:
    """A file by its path (relative to the night's folder, ``/``-separated), size and mtime.

    Equal stamps mean: as far as a cheap listing shows, the file has not changed. ``mtime_ns`` is
    `bounded_ns`.
    """

    path: str
    size: int
    mtime_ns: int
