"""Files that appear whole or not at all, and folder changes that survive a power cut.

A file is written under a hidden temporary name in its own folder, fsynced, and then renamed
(`replacing`: listings, framelists) or linked (`creating`: products; never overwrites) to its final
name; then the folder is fsynced. A full disk raises DiskFull (``disk_full``) wherever it shows. One
module, however long: what a writer does, and what is found where one was killed, belong together.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
import secrets
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from enum import Enum
from pathlib import Path
from typing import BinaryIO

from vampd.disk.durable import names
from vampd.disk.failpoint import failpoint
from vampd.disk.named_errors import path_named
from vampd.disk.reading import is_locked_by_others
from vampd.disk.refusal import FULL, PathAccess, translate_refusal
from vampd.errors import DataError, TransientError

_TEMPORARY = re.compile(r"\.vampd-\d+-[0-9a-f]{16}\.tmp")
_LOOK_AGAIN_S, _TRIES = 0.05, 100
# Of what is no file: a socket, a pipe or device without its other side; or another's closed one.
_FOREIGN = frozenset({errno.ENXIO, errno.ENODEV, errno.EACCES, errno.EPERM})


class _Writer(Enum):
    """The writer of a temporary file."""

    LIVES = "lives"
    DEAD = "dead"  # the file was removed
    NONE = "none"  # gone by itself, or never ours


@contextmanager
def translating_full_disk(path: Path) -> Iterator[None]:
    """Name the file that was written in any OSError, and say where its space or size has an end."""
    try:
        yield
    except OSError as error:
        error.filename = str(path_named(error) or path)
        if error.errno not in FULL and error.errno != errno.EFBIG:
            raise
        raise translate_refusal(error, path, PathAccess.WRITE) from error


def _name_it() -> None:
    """Whoever writes it wants it still."""


@contextmanager
def replacing(path: Path, before_naming: Callable[[], None] = _name_it) -> Iterator[BinaryIO]:
    """A writable binary file that replaces ``path`` when the block ends well.

    After an error in the block, or in ``before_naming``, which is called when the file is on the
    disk, nothing has changed and no temporary file is left.
    """
    with replacing_one_of_many(path, before_naming) as file:
        yield file
    fsync_folder(path.parent)
    failpoint("atomic.replacing.folder_synced")


@contextmanager
def replacing_one_of_many(
    path: Path, before_naming: Callable[[], None] = _name_it
) -> Iterator[BinaryIO]:
    """As `replacing`, for many files of one folder that are written together.

    The file is durable before it has its name, but the name is not yet: call `fsync_folder` once
    after the last of them, before anything relies on any of them.
    """
    with translating_full_disk(path), _temporary(path.parent) as file:
        yield file
        failpoint("atomic.replacing.written")
        sync_file(file)
        failpoint("atomic.replacing.file_synced")
        before_naming()
        names.rename(Path(file.name), path)
        failpoint("atomic.replacing.renamed")


@contextmanager
def creating(path: Path, before_naming: Callable[[], None] = _name_it) -> Iterator[BinaryIO]:
    """A writable binary file that becomes ``path`` when the block ends well; never overwrites.

    ``before_naming`` as in `replacing`. DataError ``already_exists`` if something has that name,
    now or by then.
    """
    refuse_existing(path)
    with translating_full_disk(path), _temporary(path.parent) as file:
        yield file
        failpoint("atomic.creating.written")
        sync_file(file)
        failpoint("atomic.creating.file_synced")
        before_naming()
        _link(Path(file.name), path)
        failpoint("atomic.creating.linked")
        names.unlink(Path(file.name))
        failpoint("atomic.creating.unlinked")
        fsync_folder(path.parent)
        failpoint("atomic.creating.folder_synced")


@contextmanager
def scratch(path: Path) -> Iterator[BinaryIO]:
    """A writable binary file beside ``path`` that never gets a name, and is gone afterwards."""
    with translating_full_disk(path), _temporary(path.parent) as file:
        yield file
        names.unlink(Path(file.name))


def refuse_existing(path: Path) -> None:
    """DataError ``already_exists`` if anything has that name."""
    if os.path.lexists(path):
        raise _already_exists(path)


def sync_file(file: BinaryIO) -> None:
    """Flush what was written to the disk itself."""
    file.flush()
    os.fsync(file.fileno())


def fsync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    with translating_full_disk(folder), names.opened_folder(folder, os.O_RDONLY) as folder_fd:
        os.fsync(folder_fd)


def make_folder(folder: Path) -> None:
    """Create a folder durably, and those above it, unless it exists."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    with translating_full_disk(folder), suppress(FileExistsError):
        names.make_folder_here(folder)
    failpoint("atomic.make_folder.made")
    fsync_folder(folder.parent)


def remove_durably(path: Path) -> None:
    """Remove a file or link; a missing one is no error."""
    with suppress(FileNotFoundError):
        names.unlink(path)
    failpoint("atomic.remove.unlinked")
    fsync_folder(path.parent)


def link_durably(target: str, path: Path) -> None:
    """Make the symbolic link ``path`` -> ``target``, replacing another link if need be.

    DataError ``already_exists`` if something other than a symbolic link has the name.
    """
    if os.path.lexists(path):
        if not path.is_symlink():
            raise _already_exists(path)
        if os.readlink(path) == target:
            fsync_folder(path.parent)
            return
    temporary = _temporary_path(path.parent)
    with translating_full_disk(path):
        names.link_softly(target, temporary)
        failpoint("atomic.link.made")
        names.rename(temporary, path)
        failpoint("atomic.link.renamed")
        fsync_folder(path.parent)


def remove_leftovers(folder: Path) -> tuple[str, ...]:
    """Remove the temporary files of writers that died in this products folder; return their names.

    A live writer holds a lock on its file, which therefore stays. Never for camera streams.
    """
    return _clean(folder)[0]


def wait_until_writers_exit(folder: Path, patience_s: float) -> None:
    """`remove_leftovers` until there is none, to be called when all work in this folder has ended.

    A killed writer holds its lock until it is dead, which takes time on a slow disk.
    TransientError ``writer_lingers`` if one still lives after ``patience_s``.
    """
    deadline = time.monotonic() + patience_s
    while True:
        _, living = _clean(folder)
        if not living:
            return
        if time.monotonic() > deadline:
            path = folder / living[0]
            raise TransientError(
                "writer_lingers",
                f"{path} is still held by a process that should have ended"
                f" {patience_s:.0f} s ago; its name holds the pid: find out what keeps it alive",
                path=str(path),
            )
        time.sleep(_LOOK_AGAIN_S)


def _clean(folder: Path) -> tuple[tuple[str, ...], list[str]]:
    """The temporary files that were removed, and those whose writers live."""
    found = {name: _remove_abandoned(folder / name) for name in _temporaries(folder)}
    removed = tuple(name for name, writer in found.items() if writer is _Writer.DEAD)
    if removed:
        fsync_folder(folder)
    return removed, [name for name, writer in found.items() if writer is _Writer.LIVES]


@contextmanager
def _temporary(folder: Path) -> Iterator[BinaryIO]:
    file = _open_temporary(folder)
    try:
        with file:
            yield file
    except BaseException:
        # If a rename has already taken the name, there is nothing to clean up.
        with suppress(FileNotFoundError):
            names.unlink(Path(file.name))
        raise


def _open_temporary(folder: Path) -> BinaryIO:
    for _ in range(_TRIES):
        file = names.create_file(_temporary_path(folder))
        try:
            # Not waited for: whoever may read the file may have locked it by now.
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.fstat(file.fileno()).st_nlink > 0:
                failpoint("atomic.temporary.made")
                return file
            # remove_leftovers() saw it before the lock was there.
        except BlockingIOError:
            with suppress(FileNotFoundError):
                names.unlink(Path(file.name))
        except OSError:
            # Not left to the collector: the lock of a writer that is gone must go with it.
            file.close()
            raise
        file.close()
    found = f"each new file in {folder} is locked by another process at once; lslocks shows which"
    raise TransientError("writer_lingers", found, path=str(folder))


def _temporary_path(folder: Path) -> Path:
    return folder / f".vampd-{os.getpid()}-{secrets.token_hex(8)}.tmp"


def _link(temporary: Path, path: Path) -> None:
    try:
        names.link(temporary, path)
    except FileExistsError as error:
        # NFS says so of its own link, when an answer was lost and the call was sent again.
        if not os.path.samestat(os.lstat(temporary), os.lstat(path)):
            raise _already_exists(path) from error


def _already_exists(path: Path) -> DataError:
    return DataError(
        "already_exists",
        f"expected no file {path}, found one; it is left as it is: check what it holds",
        path=str(path),
    )


def _temporaries(folder: Path) -> list[str]:
    try:
        return [name for name in names.names_in(folder) if _TEMPORARY.fullmatch(name)]
    except FileNotFoundError:
        return []


def _open_leftover(name: str, folder_fd: int) -> int:
    flags = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        # NFS locks nothing that is open to be read alone.
        return os.open(name, flags | os.O_RDWR, dir_fd=folder_fd)
    except OSError as error:
        if error.errno not in (errno.EACCES, errno.EPERM, errno.EISDIR, errno.ETXTBSY):
            raise
        return os.open(name, flags | os.O_RDONLY, dir_fd=folder_fd)


def _remove_abandoned(path: Path) -> _Writer:
    """Remove what a writer that died has left; what has such a name and is not ours stays."""
    with names.opened_folder(path.parent) as folder_fd:
        try:
            # What is no file of ours, such as a pipe, must hold nothing up.
            leftover_fd = _open_leftover(path.name, folder_fd)
        except FileNotFoundError:
            return _Writer.NONE
        except OSError as error:
            if error.errno == errno.ELOOP:
                # A symbolic link being replaced; it cannot be locked, and is made in one step.
                os.unlink(path.name, dir_fd=folder_fd)
                return _Writer.DEAD
            if error.errno in _FOREIGN:
                return _Writer.NONE
            raise
        try:
            status = os.fstat(leftover_fd)
            if not stat.S_ISREG(status.st_mode) or status.st_uid not in (os.geteuid(), 0):
                return _Writer.NONE
            try:
                fcntl.flock(leftover_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if not is_locked_by_others(leftover_fd):
                    return _Writer.LIVES
            # Under the lock: a writer that has made the file, and not locked it yet, sees it gone.
            os.unlink(path.name, dir_fd=folder_fd)
        except FileNotFoundError:
            return _Writer.NONE
        finally:
            os.close(leftover_fd)
        return _Writer.DEAD
