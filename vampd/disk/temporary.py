"""Folders in the system's place for what is temporary; those of makers that were killed go too."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import gettempdir, mkdtemp

from vampd.disk.durable import remove_tree

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


@contextmanager
def temporary_folder(prefix: str) -> Iterator[Path]:
    """A folder of the owner's alone until the block ends, below no link.

    Its maker holds a lock on it, which no program inherits. First, what bears this prefix and is
    unlocked is removed: its maker was killed.
    """
    place = Path(gettempdir()).resolve()
    _remove_abandoned(place, prefix)
    folder, lock_fd = _make(place, prefix)
    try:
        yield folder
    finally:
        try:
            remove_tree(folder)
        finally:
            # What could not be removed is the next one's.
            os.close(lock_fd)


def _make(place: Path, prefix: str) -> tuple[Path, int]:
    while True:
        folder = Path(mkdtemp(prefix=prefix, dir=place))
        # Who makes another one may take it for abandoned before it is locked.
        with suppress(FileNotFoundError):
            folder_fd = os.open(folder, _FOLDER)
            try:
                fcntl.flock(folder_fd, fcntl.LOCK_EX)
                os.stat(folder)
            except OSError:
                os.close(folder_fd)
                raise
            return folder, folder_fd


def _remove_abandoned(place: Path, prefix: str) -> None:
    names: list[str] = []
    with suppress(OSError):
        names += os.listdir(place)
    for name in names:
        if name.startswith(prefix):
            with suppress(OSError):
                _remove_unlocked(place / name)


def _remove_unlocked(folder: Path) -> None:
    """OSError if it is locked, or is no folder."""
    folder_fd = os.open(folder, _FOLDER)
    try:
        if os.fstat(folder_fd).st_uid == os.geteuid():
            fcntl.flock(folder_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            remove_tree(folder)
    finally:
        os.close(folder_fd)
