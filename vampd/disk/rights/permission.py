"""Whether names may be removed, by the access rights of this process; nothing is tried.

What no right shows (a network file server's own rules, a disk that turns read-only later) is found
only by removing.
"""

from __future__ import annotations

import array
import fcntl
import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from vampd.disk.machine import is_read_only

# ioctl_iflags(2), and linux/fs.h.
_GET_FLAGS = 0x80086601
_IMMUTABLE, _APPEND_ONLY = 0x10, 0x20
# capabilities(7): its owner passes the sticky bit.
_CAP_FOWNER = 3


@dataclass(frozen=True)
class Obstacle:
    """A path whose names cannot be removed, or that itself cannot, and why."""

    path: Path
    why: str

    def __str__(self) -> str:
        return f"{self.path}: {self.why}"


def find_obstacles(entries: Iterable[Path], folders: Iterable[Path]) -> Iterator[Obstacle]:
    """What would keep this process from removing these entries and emptying these folders.

    An entry may be a file, a link, or a folder that is empty by then; missing ones are no obstacle.
    One obstacle for each folder that is closed, not one for each of its files.
    """
    closed: dict[Path, str | None] = {}
    for folder in folders:
        closed[folder] = _why_closed(folder, os.R_OK | os.W_OK | os.X_OK)
        if (why := closed[folder]) is not None:
            yield Obstacle(folder, why)
        if os.path.ismount(folder):
            yield Obstacle(folder, "another file system is mounted there")
    for entry in entries:
        parent = entry.parent
        if parent not in closed:
            closed[parent] = _why_closed(parent, os.W_OK | os.X_OK)
            if (why := closed[parent]) is not None:
                yield Obstacle(parent, why)
        if closed[parent] is None and (why := _why_stays(entry)) is not None:
            yield Obstacle(entry, why)


def _why_closed(folder: Path, mode: int) -> str | None:
    """Why no name can be removed from a folder."""
    status = folder.stat()
    if not os.access(folder, mode, effective_ids=True):
        if is_read_only(folder):
            return "its file system is mounted read-only; `dmesg` may say why"
        mode_text = f"mode {stat.S_IMODE(status.st_mode):o}, owner uid {status.st_uid}"
        return f"uid {os.geteuid()} may not remove names there ({mode_text})"
    if _flags(folder) & (_IMMUTABLE | _APPEND_ONLY):
        return "the folder is immutable or append-only (lsattr)"
    return None


def _why_stays(entry: Path) -> str | None:
    """Why an entry of a folder that is open stays: it is another's, or immutable."""
    try:
        own, folder = entry.lstat(), entry.parent.stat()
    except FileNotFoundError:
        return None
    if folder.st_mode & stat.S_ISVTX and not _passes_sticky(own.st_uid, folder.st_uid):
        return f"it belongs to uid {own.st_uid}, in a folder with the sticky bit"
    if not stat.S_ISLNK(own.st_mode) and _flags(entry) & (_IMMUTABLE | _APPEND_ONLY):
        return "it is immutable or append-only (lsattr)"
    return None


def _passes_sticky(*owners: int) -> bool:
    return os.geteuid() in owners or _capabilities() >> _CAP_FOWNER & 1 == 1


@cache
def _capabilities() -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("CapEff:"):
            return int(line.split()[1], 16)
    return 0


def _flags(path: Path) -> int:
    """The inode flags; 0 where the file system has none, or they may not be read."""
    flags = array.array("l", [0])
    try:
        file_fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return 0
    try:
        fcntl.ioctl(file_fd, _GET_FLAGS, flags)
    except OSError:
        return 0
    finally:
        os.close(file_fd)
    # The kernel writes an int, whatever the request's number says.
    return flags[0] & 0xFFFFFFFF
