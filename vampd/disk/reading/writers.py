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


def is_locked_by_others(file_fd: int) -> bool:
    """Whether each lock (flock) on an open file that shows is another user's; False if none does.

    Whoever may read a file may lock it, so such a lock says nothing about vampd's own writers.
    """
    status = os.fstat(file_fd)
    device = f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}"
    holders = []
    with open("/proc/locks", encoding="ascii") as locks:
        for line in locks:
            _, kind, *fields = line.split()
            # Those that wait for it begin with an arrow.
            if kind == "FLOCK" and fields[3] == f"{device}:{status.st_ino}":
                holders.append(fields[2])
    return bool(holders) and all(map(_is_of_another_user, holders))


def _is_of_another_user(process: str) -> bool:
    """By real and effective user: the owner of its folder in /proc may be root all the same."""
    try:
        with open(f"/proc/{process}/status", encoding="utf-8", errors="replace") as status:
            users = next(line for line in status if line.startswith("Uid:")).split()[1:3]
    except (OSError, StopIteration):
        return False  # it ended, or is hidden
    return not {*map(int, users)} <= {0, os.geteuid()}


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
