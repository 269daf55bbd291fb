"""Markers so that a condition is reported once: one file each, named after the condition.

The file is a dangling link whose target is the number at which the condition ends. It is made whole
or not at all, whoever else tries, and takes no space, so it works even when the disk is full.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

from vampd.disk.durable.atomic import fsync_folder, make_folder, remove_durably
from vampd.disk.durable.names import link_softly


def place_marker(folder: Path, about: str, until: int) -> bool:
    """Place a durable marker; False if there is one already. OSError, DiskFull."""
    make_folder(folder)
    try:
        link_softly(str(until), _path(folder, about))
    except FileExistsError:
        return False
    fsync_folder(folder)
    return True


def marker_value(folder: Path, about: str) -> int | None:
    """The number at which the condition ends; None without a marker."""
    with suppress(FileNotFoundError, ValueError):
        return int(os.readlink(_path(folder, about)))
    return None


def remove_marker(folder: Path, about: str) -> None:
    """Remove the marker, if there is one."""
    remove_durably(_path(folder, about))


def _path(folder: Path, about: str) -> Path:
    return folder / quote(about, safe="")
