"""Whose vampd's own files are, by explicit modes: the owner writes, the group reads.

The umask alone decides nothing here: it is the habit of whoever started the process. What older
versions left open to the group is closed before it is used.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from vampd.disk.durable import make_folder

# The group's id goes on to what any process of the owner makes in it.
STATE_FOLDER = 0o2750
READABLE = 0o640
# Whoever can open a file can hold a lock on it.
PRIVATE = 0o600
PRIVATE_FOLDER = 0o700
# Of what lies among the nights: observers read it there, and STARS a local destination.
PUBLIC = 0o644
PUBLIC_UMASK = 0o022
_FOREIGN_WRITES = 0o022


@contextmanager
def public_umask() -> Iterator[None]:
    """What is made meanwhile in the nights, the owner writes and everyone reads."""
    before = os.umask(PUBLIC_UMASK)
    try:
        yield
    finally:
        os.umask(before)


def give_to_owner(folder: Path, file_fd: int, mode: int) -> None:
    """Give a file of this mode to the owner and group of its folder, even if root made it."""
    status = os.stat(folder)
    with suppress(PermissionError):
        os.fchown(file_fd, status.st_uid if os.geteuid() == 0 else -1, status.st_gid)
    os.fchmod(file_fd, mode)


def make_state_folder(folder: Path) -> None:
    """Make the folder of the state, or take the right to write in it from all but its owner.

    A sticky folder such as /tmp is not vampd's alone, and stays as it is.
    """
    if not folder.is_dir():
        make_folder(folder.parent)
        with suppress(FileExistsError):
            folder.mkdir()
            _change_own(folder, lambda _: STATE_FOLDER)
    make_folder(folder)
    if not folder.stat().st_mode & stat.S_ISVTX:
        reserve_writing(folder)


def make_private_folder(folder: Path) -> None:
    """A folder that only its owner may enter; if root makes it, that of the folder around it."""
    make_folder(folder)
    _change_own(folder, lambda _: PRIVATE_FOLDER)
    around = folder.parent.stat()
    if os.geteuid() == 0 and folder.lstat().st_uid != around.st_uid:
        os.chown(folder, around.st_uid, around.st_gid, follow_symlinks=False)


def reserve_writing(path: Path) -> None:
    """Take the right to write to a file or folder from all but its owner."""
    _change_own(path, lambda mode: mode & ~_FOREIGN_WRITES)


def close_to_others(path: Path) -> None:
    """Give a file of the state its mode, if it is there; never through a link, or a second name.

    Not while SQLite has it open in this process: closing it would drop SQLite's locks.
    """
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
    try:
        file_fd = os.open(path, flags)
    except OSError:
        return
    try:
        status = os.fstat(file_fd)
        is_file = stat.S_ISREG(status.st_mode) and status.st_nlink == 1
        if is_file and stat.S_IMODE(status.st_mode) != READABLE:
            with suppress(PermissionError):
                give_to_owner(path.parent, file_fd, READABLE)
    finally:
        os.close(file_fd)


def is_trusted(folder: Path, kept: str) -> bool:
    """Whether only this user, or root, can have written the files of code in a folder.

    ``kept`` is the pattern of their names. Those that others could write are removed.
    """
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid not in (0, os.geteuid()):
        return False
    if not status.st_mode & _FOREIGN_WRITES:
        return True
    if status.st_mode & stat.S_ISVTX:
        # Such as /tmp: not this user's to close.
        return False
    reserve_writing(folder)
    for path in folder.rglob(kept):
        with suppress(OSError):
            path.unlink()
    return not folder.lstat().st_mode & _FOREIGN_WRITES and not any(folder.rglob(kept))


def _change_own(path: Path, wanted: Callable[[int], int]) -> None:
    status = path.lstat()
    mode = stat.S_IMODE(status.st_mode)
    if stat.S_ISLNK(status.st_mode) or wanted(mode) == mode:
        return
    try:
        path.chmod(wanted(mode))
    except PermissionError:
        # A service may not set setgid (RestrictSUIDSGID=); another user's is as that user wants it.
        with suppress(PermissionError):
            path.chmod(wanted(mode) & ~stat.S_ISGID)
