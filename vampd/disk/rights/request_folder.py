"""The folder of requests: members of the group make files in it, and no one changes another's.

It is sticky and the group's, so the kernel says who wrote a file, and lets its writer and the owner
alone remove it. A request is acted on once it was moved into a folder that is the owner's alone:
whoever is first, vampd or a writer who takes it back, has it, and no lock of anyone's is asked.
"""

from __future__ import annotations

import errno
import os
import re
import secrets
import stat
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from itertools import filterfalse, islice
from pathlib import Path

from vampd.disk.durable import fsync_folder, translating_full_disk
from vampd.disk.failpoint import failpoint
from vampd.disk.rights.ownership import PRIVATE
from vampd.disk.rights.request_place import claimed_folder
from vampd.errors import DataError
from vampd.model.request import LONGEST_REQUEST_BYTES, request_id_of, request_name

_FILE = 0o644
_FOREIGN_WRITES = 0o022
# Of what others may fill without end: so many of one writer at a time.
MOST_OF_ONE = 20
# A person asks for a few things; more files of one writer than that are no requests.
MOST_KEPT = 200
MOST_LOOKED = 20_000
# What is no request is removed, so many at a time; one that is being written has a moment.
_MOST_REMOVED = 5_000
_WRITING_S = 600.0
_WRITING = re.compile(r"\.[0-9a-f]{32}\.tmp")


@dataclass(frozen=True)
class RequestFile:
    """A request as it was found: whose it is, by the kernel's word, and what it says."""

    id: str
    uid: int
    content: bytes


def place_request(folder: Path, request_id: str, content: bytes) -> Path:
    """Put a whole request into the folder, durably. DiskFull, OSError.

    No one else reads it before it has its name: whoever knows that could take it.
    """
    path = folder / request_name(request_id)
    temporary = folder / f".{secrets.token_hex(16)}.tmp"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with translating_full_disk(path):
        file_fd = os.open(temporary, flags, PRIVATE)
        try:
            rest = memoryview(content)
            while rest:
                rest = rest[os.write(file_fd, rest) :]
            os.fsync(file_fd)
            # Not by link: a file of two names is no request.
            os.rename(temporary, path)
            os.fchmod(file_fd, _FILE)
            os.fsync(file_fd)
        except BaseException:
            with suppress(FileNotFoundError):
                temporary.unlink()
            raise
        finally:
            os.close(file_fd)
        fsync_folder(folder)
    return path


def request_ids(
    folder: Path, most_of_one: int = MOST_KEPT, most_looked: int | None = None
) -> tuple[str, ...]:
    """Those of the requests that lie there, the oldest first; of one writer so many at most.

    Of more than ``most_looked`` entries the others come once these are fewer (`remove_surplus`).
    """
    found: list[tuple[int, int, str]] = []
    with suppress(FileNotFoundError), os.scandir(folder) as entries:
        files = filterfalse(_is_folder, entries)
        named = [(e, one) for e in files if (one := request_id_of(e.name)) is not None]
        for entry, request_id in named[:most_looked]:
            # What its writer mounts there answers no one else.
            with suppress(OSError):
                status = entry.stat(follow_symlinks=False)
                found.append((status.st_ctime_ns, status.st_uid, request_id))
    of_one: Counter[int] = Counter()
    oldest = []
    for _, uid, request_id in sorted(found):
        of_one[uid] += 1
        if of_one[uid] <= most_of_one:
            oldest.append(request_id)
    return tuple(oldest)


def remove_surplus(folder: Path) -> None:
    """Remove what one writer has there beyond `MOST_KEPT`, unread: a look costs what it costs.

    So many entries at a time that those of others are soon among the first.
    """
    of_one: Counter[int] = Counter()
    with suppress(FileNotFoundError), os.scandir(folder) as entries:
        for entry in islice(filterfalse(_is_folder, entries), MOST_LOOKED):
            with suppress(OSError):
                uid = entry.stat(follow_symlinks=False).st_uid
                of_one[uid] += 1
                if of_one[uid] > MOST_KEPT:
                    _remove(folder / entry.name)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir(follow_symlinks=False)
    except OSError:
        return False  # it is looked at as a file, which fails


def is_being_placed(folder: Path, request_id: str) -> bool:
    """Whether a request has just got its name, and is about to be one for others to read.

    FileNotFoundError.
    """
    status = (folder / request_name(request_id)).lstat()
    is_closed = stat.S_ISREG(status.st_mode) and not status.st_mode & stat.S_IROTH
    return is_closed and time.time() - status.st_ctime < _WRITING_S


def remove_strangers(folder: Path) -> int:
    """Remove what is no request, and not on its way to be one; how many there were.

    A folder that holds something stays, and so does what its writer has mounted.
    """
    removed = 0
    with suppress(FileNotFoundError), os.scandir(folder) as entries:
        for entry in islice(filter(_is_stranger, entries), _MOST_REMOVED):
            with suppress(OSError):
                _remove(folder / entry.name)
            removed += 1
    return removed


def _is_stranger(entry: os.DirEntry[str]) -> bool:
    if request_id_of(entry.name) is not None:
        return _is_folder(entry)
    if not _WRITING.fullmatch(entry.name):
        return True
    with suppress(OSError):
        return time.time() - entry.stat(follow_symlinks=False).st_ctime > _WRITING_S
    return False


def claim_request(folder: Path, request_id: str) -> None:
    """Move a request to where only the owner can have it.

    FileNotFoundError once it is gone, or for what is no file; FileExistsError while one of this
    name is acted on.
    """
    name = request_name(request_id)
    claimed = claimed_folder(folder) / name
    # It takes the place of a file, as a folder cannot: what others fill could not be removed there.
    os.close(os.open(claimed, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, PRIVATE))
    try:
        os.rename(folder / name, claimed)
    except OSError as error:
        claimed.unlink()
        if isinstance(error, PermissionError | NotADirectoryError) or error.errno == errno.EBUSY:
            raise FileNotFoundError(error.errno, error.strerror, name) from error
        raise
    failpoint("requests.claimed")


def claimed_ids(folder: Path) -> tuple[str, ...]:
    """The requests that were claimed, and are not answered or not removed yet.

    An empty file is the place of one that was not moved, and is removed.
    """
    found = []
    with suppress(FileNotFoundError), os.scandir(claimed_folder(folder)) as entries:
        for entry in entries:
            request_id = request_id_of(entry.name)
            if request_id is None or _is_folder(entry):
                continue
            status = entry.stat(follow_symlinks=False)
            if status.st_uid == os.geteuid() and not status.st_size:
                os.unlink(entry.path)
            else:
                found.append(request_id)
    return tuple(sorted(found))


def read_request(folder: Path, request_id: str) -> RequestFile:
    """What lies there as a request; DataError ``request_foreign`` for what is not one file of one
    writer. FileNotFoundError.
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
        return RequestFile(request_id, status.st_uid, content)
    finally:
        os.close(file_fd)


def writer_of(folder: Path, request_id: str) -> int:
    """The user id of whoever made what lies there. FileNotFoundError."""
    return (folder / request_name(request_id)).lstat().st_uid


def remove_request(folder: Path, request_id: str) -> None:
    """Remove a claimed request, whatever it is."""
    _remove(claimed_folder(folder) / request_name(request_id))
    failpoint("requests.file.removed")


def take_back_request(folder: Path, request_id: str) -> bool:
    """Remove a request of one's own before it is acted on; False if it no longer lies there.

    PermissionError for another's.
    """
    try:
        if writer_of(folder, request_id) not in (os.geteuid(), 0):
            raise PermissionError(errno.EPERM, "another's request", request_name(request_id))
        (folder / request_name(request_id)).unlink()
    except FileNotFoundError:
        return False
    return True


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except IsADirectoryError:
        with suppress(OSError):
            path.rmdir()


def _foreign(path: Path, found: str) -> DataError:
    return DataError("request_foreign", f"{path}: expected a request of one writer, found {found}")
