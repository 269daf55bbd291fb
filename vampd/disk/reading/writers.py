"""Who has a file open for writing, as far as ``/proc`` shows: a hint, never a proof.

Processes of other users are hidden from an unprivileged daemon, and writers on other hosts never
show; a night counts as quiet only after its files have stopped changing as well.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

_WRITING = os.O_WRONLY | os.O_RDWR


def has_writers(folders: tuple[Path, ...]) -> bool:
    """Whether another visible process has a file below these folders open for writing."""
    prefixes = tuple(f"{folder}/" for folder in folders)
    own = str(os.getpid())
    return any(
        path.startswith(prefixes)
        for process in os.listdir("/proc")
        if process.isdigit() and process != own
        for path in _written_paths(process)
    )


def _written_paths(process: str) -> Iterator[str]:
    try:
        descriptors = os.listdir(f"/proc/{process}/fd")
    except OSError:
        return  # another user's, or gone
    for descriptor in descriptors:
        try:
            path = os.readlink(f"/proc/{process}/fd/{descriptor}")
            if path.startswith("/") and _flags(process, descriptor) & _WRITING:
                yield path
        except OSError:
            continue  # closed meanwhile


def _flags(process: str, descriptor: str) -> int:
    with open(f"/proc/{process}/fdinfo/{descriptor}", encoding="ascii") as info:
        for line in info:
            if line.startswith("flags:"):
                return int(line.split()[1], 8)
    return 0
