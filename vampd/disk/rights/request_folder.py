"""The folder of requests: members of the group make files in it, and no one changes another's.

It is sticky and the group's, so the kernel says who wrote a file, and lets its writer and the owner
alone remove it. Locks are those of fcntl: what a lock excludes depends on who may write the file.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import stat
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from vampd.disk.durable import fsync_folder, make_folder
from vampd.disk.failpoint import failpoint
from vampd.errors import DataError, StateError
from vampd.model.request import LONGEST_REQUEST_BYTES, request_id_of, request_name

# Sticky.
_MODE = 0o1770
_FILE = 0o644
_FOREIGN_WRITES = 0o022
# Of what others may fill without end: so many are looked at, and so many of one writer returned.
_MOST = 10_000
_MOST_OF_ONE = 20


@dataclass(frozen=True)
class RequestFile:
    """A request as it was found: whose it is, by the kernel's word, and what it says."""

    id: str
    uid: int
    content: bytes


def prepare_request_folder(folder: Path) -> None:
    """Make the folder, with its mode; StateError ``requests_unusable`` if it is not ours."""
    make_folder(folder)
    status, state = folder.lstat(), folder.parent.stat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid not in (os.geteuid(), state.st_uid):
        raise StateError(
            "requests_unusable",
            f"{folder} is not a folder of vampd's user; move it away, so that vampd makes its own",
            path=str(folder),
        )
    with suppress(PermissionError):
        os.chown(folder, state.st_uid if os.geteuid() == 0 else -1, state.st_gid)
    if stat.S_IMODE(folder.lstat().st_mode) & ~stat.S_ISGID != _MODE:
        folder.chmod(_MODE)


def place_request(folder: Path, request_id: str, content: bytes) -> Path:
    """Put a whole request into the folder, durably. OSError."""
    path = folder / request_name(request_id)
    temporary = folder / f".{secrets.token_hex(16)}.tmp"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    file_fd = os.open(temporary, flags, _FILE)
    try:
        os.fchmod(file_fd, _FILE)
        os.write(file_fd, content)
        os.fsync(file_fd)
        # Not by a link: a file of two names is no request.
        os.rename(temporary, path)
    except BaseException:
        with suppress(FileNotFoundError):
            temporary.unlink()
        raise
    finally:
        os.close(file_fd)
    fsync_folder(folder)
    return path


def request_ids(folder: Path) -> tuple[str, ...]:
    """The requests that lie there, the oldest first; none without the folder.

    Of one writer so many at once, so that no one keeps another's from being seen.
    """
    found: list[tuple[int, str]] = []
    of_one: Counter[int] = Counter()
    with suppress(FileNotFoundError), os.scandir(folder) as entries:
        for entry in islice(entries, _MOST):
            request_id = request_id_of(entry.name)
            with suppress(FileNotFoundError):
                status = entry.stat(follow_symlinks=False)
                if request_id is not None and of_one[status.st_uid] < _MOST_OF_ONE:
                    of_one[status.st_uid] += 1
                    found.append((status.st_ctime_ns, request_id))
    return tuple(request_id for _, request_id in sorted(found))


@contextmanager
def opened_request(folder: Path, request_id: str) -> Iterator[RequestFile | None]:
    """A request that its writer cannot take back meanwhile; None while it is being taken back.

    FileNotFoundError; DataError ``request_foreign`` for what is not one file of one writer.
    """
    path = folder / request_name(request_id)
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
    try:
        file_fd = os.open(path, flags)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise _foreign(path, error.strerror or str(error)) from error
    try:
        try:
            fcntl.lockf(file_fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            yield None
            return
        status = os.fstat(file_fd)
        if not stat.S_ISREG(status.st_mode):
            raise _foreign(path, "no regular file")
        if status.st_nlink != 1:
            raise _foreign(path, f"a file of {status.st_nlink} names")
        if status.st_mode & _FOREIGN_WRITES:
            raise _foreign(path, "a file that others than its owner may write")
        content = os.read(file_fd, LONGEST_REQUEST_BYTES + 1)
        if len(content) > LONGEST_REQUEST_BYTES:
            raise _foreign(path, f"more than {LONGEST_REQUEST_BYTES:,} bytes")
        yield RequestFile(request_id, status.st_uid, content)
    finally:
        os.close(file_fd)


def remove_request(folder: Path, request_id: str) -> None:
    """Remove the name of a request, whatever bears it; a folder that holds something stays."""
    path = folder / request_name(request_id)
    try:
        path.unlink(missing_ok=True)
    except IsADirectoryError:
        with suppress(OSError):
            path.rmdir()
    failpoint("requests.file.removed")


def take_back_request(folder: Path, request_id: str) -> bool:
    """Remove a request of one's own before it is acted on; False if it no longer lies there.

    StateError ``request_busy`` while it is being acted on; PermissionError for another's.
    """
    path = folder / request_name(request_id)
    try:
        file_fd = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.lockf(file_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # vampd removes it before it lets go of its lock.
        path.unlink()
    except FileNotFoundError:
        return False
    except BlockingIOError as error:
        raise StateError(
            "request_busy", f"the request {request_id} is being acted on just now"
        ) from error
    finally:
        os.close(file_fd)
    return True


def _foreign(path: Path, found: str) -> DataError:
    return DataError("request_foreign", f"{path}: expected a request of one writer, found {found}")
