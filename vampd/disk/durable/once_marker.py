"""Markers of conditions, each noted once: one file each, named after the condition.

The file is a dangling link whose target says more, in few words. It is made whole
or not at all, whoever else tries, and takes no space, so it works even when the disk is full.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote, unquote

from vampd.disk.durable.atomic import fsync_folder, make_folder, remove_durably
from vampd.disk.durable.names import link_softly


def place_marker(folder: Path, about: str, says: str) -> bool:
    """Place a durable marker; False if there is one already. OSError, DiskFull."""
    make_folder(folder)
    try:
        link_softly(says, _path(folder, about))
    except FileExistsError:
        return False
    fsync_folder(folder)
    return True


def marker_value(folder: Path, about: str) -> str | None:
    """What the marker says; None without one. OSError."""
    with suppress(FileNotFoundError):
        return os.readlink(_path(folder, about))
    return None


def markers_in(folder: Path) -> dict[str, str]:
    """What all of them say, by their conditions; what is no marker is none. OSError."""
    try:
        names = os.listdir(folder)
    except FileNotFoundError:
        return {}
    links = ((name, folder / name) for name in names)
    return {unquote(name): os.readlink(path) for name, path in links if path.is_symlink()}


def remove_marker(folder: Path, about: str) -> None:
    """Remove the marker, if there is one."""
    remove_durably(_path(folder, about))


def _path(folder: Path, about: str) -> Path:
    return folder / quote(about, safe="")
