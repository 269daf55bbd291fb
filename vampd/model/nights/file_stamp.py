"""Files of a night as a cheap listing shows them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class FileStamp:
    """A file by its path (relative to the night's folder, ``/``-separated), size and mtime.

    Equal stamps mean: as far as a cheap listing shows, the file has not changed.
    """

    path: str
    size: int
    mtime_ns: int
