"""Spells of something that are told of once: one file each, whose name says of what.

The file is a link that leads nowhere and whose target is the number that ends the spell. It is made
whole or not at all, whoever else tries, and takes no room even where the disk is full.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

from vampd.disk.atomic import fsync_folder, make_folder, remove_durably


def place_marker(folder: Path, about: str, until: int) -> bool:
    """Begin a spell; False if it lasts already. It is durable by then. OSError, DiskFull."""
    make_folder(folder)
    try:
        os.symlink(str(until), _path(folder, about))
    except FileExistsError:
        return False
    fsync_folder(folder)
    return True


def marker_value(folder: Path, about: str) -> int | None:
    """The number that ends the spell; None if there is none."""
    with suppress(FileNotFoundError, ValueError):
        return int(os.readlink(_path(folder, about)))
    return None


def remove_marker(folder: Path, about: str) -> None:
    """End a spell, if there is one."""
    remove_durably(_path(folder, about))


def _path(folder: Path, about: str) -> Path:
    return folder / quote(about, safe="")
