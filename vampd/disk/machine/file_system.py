"""How much space a file system has, and whether it is mounted read-only."""

from __future__ import annotations

import os
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
