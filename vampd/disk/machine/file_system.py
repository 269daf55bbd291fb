"""What a file system says of itself: its space, whether it may be changed, and its clock."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

from vampd.model.resources import Space


def space_at(folder: Path) -> Space:
    """The space for unprivileged users on this folder's file system. OSError is passed on."""
    status = os.statvfs(folder)
    return Space(
        free_bytes=status.f_bavail * status.f_frsize,
        all_bytes=status.f_blocks * status.f_frsize,
        # Btrfs and others have no limit and say 0.
        free_names=status.f_favail if status.f_files else None,
    )


def is_read_only(folder: Path) -> bool:
    """Whether nothing on this folder's file system may be changed, whoever asks. OSError."""
    return bool(os.statvfs(folder).f_flag & os.ST_RDONLY)


def clock_ahead_s(folder: Path) -> float:
    """How far the clock of this folder's file system is ahead of this machine's. OSError."""
    with tempfile.TemporaryFile(dir=folder, prefix=".vampd-clock-") as file:
        before = time.time()
        file.write(b"x")
        file.flush()
        os.fsync(file.fileno())
        after, there = time.time(), os.fstat(file.fileno()).st_mtime
    # The kernel's clock for files is up to a tick behind.
    return there - min(max(there, before), after)
