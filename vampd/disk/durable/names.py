"""Names that are made, changed and removed: in the folder that was walked to, and in no other.

As `open_unlinked` opens files: whoever may write to a folder may exchange it for a link at any
moment, so its descriptor is what a name belongs to. DataError ``link_found`` for a link on the way;
OSError names the whole path.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from vampd.disk.named_errors import naming
from vampd.disk.reading import MOST_FILES, open_unlinked, too_many
from vampd.errors import DataError, TransientError
from vampd.model.escapes import shell_word

_FOLDER = os.O_PATH | os.O_DIRECTORY
_NEW = os.O_CREAT | os.O_EXCL
_RENAME_EXCHANGE = 2
_NO_LINKS = frozenset({errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK})


@contextmanager
def opened_folder(folder: Path, flags: int = _FOLDER) -> Iterator[int]:
    """The descriptor of a folder that no link leads to."""
    folder_fd = open_unlinked(folder, flags | os.O_DIRECTORY)
    try:
        yield folder_fd
    finally:
        os.close(folder_fd)


def create_file(path: Path) -> BinaryIO:
    """A new file, open for writing; FileExistsError."""

    def opener(name: str, flags: int) -> int:
        return open_unlinked(Path(name), flags | _NEW)

    return open(path, "xb", opener=opener)


def open_to_append(path: Path) -> BinaryIO:
    """A file of one's own with one name, open for more at its end; made unless it is there.

    FileExistsError for anything else: it may be a file of others.
    """

    def opener(name: str, flags: int) -> int:
        file_fd = open_unlinked(Path(name), flags | os.O_NONBLOCK | os.O_NOCTTY)
        status = os.fstat(file_fd)
        if not stat.S_ISREG(status.st_mode) or (status.st_uid, status.st_nlink) != (
            os.geteuid(),
            1,
        ):
            os.close(file_fd)
            raise FileExistsError(errno.EEXIST, "not a file of one's own with one name", name)
        return file_fd

    return open(path, "ab", opener=opener)


def rename(old: Path, new: Path) -> None:
    """As os.rename: what has the new name is replaced. Errors name that, not a temporary file."""
    with _in_folder(new) as new_fd, ExitStack() as stack:
        # Most are in one folder, which is walked to once.
        same = old.parent == new.parent
        old_fd = new_fd if same else stack.enter_context(_in_folder(old))
        os.rename(old.name, new.name, src_dir_fd=old_fd, dst_dir_fd=new_fd)


def exchange(new: Path, old: Path) -> None:
    """Give two folders, files or links beside each other each other's names, at once.

    On a file system that cannot, there is a moment in which nothing has the name of ``old``.
    """
    # It is needed by few, and slow to import.
    import ctypes

    with _in_folder(old) as folder_fd:
        code = errno.ENOSYS
        if renameat2 := getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None):
            names = os.fsencode(new.name), os.fsencode(old.name)
            if renameat2(folder_fd, names[0], folder_fd, names[1], _RENAME_EXCHANGE) == 0:
                return
            code = ctypes.get_errno()
        if code not in (errno.EINVAL, errno.ENOSYS):
            raise OSError(code, os.strerror(code))
        aside = f"{new.name}.old"
        os.rename(old.name, aside, src_dir_fd=folder_fd, dst_dir_fd=folder_fd)
        os.rename(new.name, old.name, src_dir_fd=folder_fd, dst_dir_fd=folder_fd)
        os.rename(aside, new.name, src_dir_fd=folder_fd, dst_dir_fd=folder_fd)


def link(old: Path, new: Path) -> None:
    """A second name of a file, or of a link itself; FileExistsError.

    TransientError ``no_hard_links`` where a file of one's own can have none.
    """
    with _in_folder(old) as old_fd, _in_folder(new) as new_fd:
        try:
            os.link(old.name, new.name, src_dir_fd=old_fd, dst_dir_fd=new_fd, follow_symlinks=False)
        except OSError as error:
            whose = os.stat(old.name, dir_fd=old_fd, follow_symlinks=False).st_uid
            # Of another's file it may be for want of rights (fs.protected_hardlinks).
            if error.errno not in _NO_LINKS or whose != os.geteuid():
                raise
            raise TransientError(
                "no_hard_links",
                f"{new}: {error.strerror}: the file system there has no hard links, by which vampd"
                " names a new file without replacing another"
                f" (`findmnt -T {shell_word(str(new.parent))}`); put it on one that has them, such"
                " as ext4 or XFS",
                path=str(new),
            ) from error


def link_softly(target: str, path: Path) -> None:
    """A symbolic link; FileExistsError."""
    with _in_folder(path) as folder_fd:
        os.symlink(target, path.name, dir_fd=folder_fd)


def unlink(path: Path) -> None:
    """Remove a name of a file or link."""
    with _in_folder(path) as folder_fd:
        os.unlink(path.name, dir_fd=folder_fd)


def make_folder_here(path: Path) -> None:
    """A folder in one that exists; FileExistsError."""
    with _in_folder(path) as folder_fd:
        os.mkdir(path.name, dir_fd=folder_fd)


def remove_empty(path: Path) -> None:
    """Remove an empty folder."""
    with _in_folder(path) as folder_fd:
        os.rmdir(path.name, dir_fd=folder_fd)


def names_in(folder: Path) -> list[str]:
    """The names in a folder, in order; OSError (EOVERFLOW) beyond what one of a night can have."""
    with (
        opened_folder(folder, os.O_RDONLY) as folder_fd,
        naming(folder),
        os.scandir(folder_fd) as scan,
    ):
        names = [entry.name for entry in islice(scan, MOST_FILES + 1)]
    if len(names) > MOST_FILES:
        raise too_many(folder)
    return sorted(names)


def remove_tree(folder: Path) -> None:
    """Remove a folder and all below it, as far as that goes; a link in it is removed as a link."""
    with suppress(OSError, DataError):
        for name in names_in(folder):
            path = folder / name
            with suppress(OSError, DataError):
                if stat.S_ISDIR(path.lstat().st_mode):
                    remove_tree(path)
                else:
                    unlink(path)
        remove_empty(folder)


@contextmanager
def _in_folder(path: Path) -> Iterator[int]:
    with opened_folder(path.parent) as folder_fd, naming(path):
        yield folder_fd
