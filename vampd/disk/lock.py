"""Lock files: one holder at a time, named to the next process that asks.

The lock is the kernel's (flock), so it ends with its holder however that dies; the text in the file
only names the holder. The file itself stays forever: removing it would let two processes each hold
a lock on a file of the same name.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
import stat
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType

from vampd.disk.rights import PRIVATE, give_to_owner
from vampd.errors import StateError

_LOOK_AGAIN_S = 0.05
_LONGEST_HOLDER = 1024
_HOLDER = re.compile(rb"(pid \d+ on [^\n]* since [^\n]*\n)?")


class Lock:
    """An exclusive lock on ``path``, held inside ``with`` or between `acquire` and `release`.

    It is not inherited by programs that the holder starts. ``patience_s`` is how long to wait for
    another holder, which may only be checking whether the lock is free.
    """

    def __init__(self, path: Path, patience_s: float = 0.0) -> None:
        self.path = path
        self._patience_s = patience_s
        self._file_fd: int | None = None

    @property
    def is_held(self) -> bool:
        """Whether this object holds the lock."""
        return self._file_fd is not None

    def acquire(self) -> None:
        """Take the lock; StateError ``locked`` names the holder if there is one."""
        deadline = time.monotonic() + self._patience_s
        while self._file_fd is None:
            file_fd = _open(self.path)
            try:
                if self._is_taken(file_fd, deadline):
                    self._file_fd = file_fd
            finally:
                # Whatever failed: an open descriptor may hold the lock, for as long as we live.
                if self._file_fd is None:
                    os.close(file_fd)
        holder_text = (
            f"pid {os.getpid()} on {os.uname().nodename}"
            f" since {datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}\n"
        ).encode()
        # One of an older version could be opened, and so held, by the group.
        with suppress(OSError):
            give_to_owner(self.path.parent, self._file_fd, PRIVATE)
        # On a full disk the lock is held all the same, without the holder's name.
        with suppress(OSError):
            os.ftruncate(self._file_fd, 0)
            os.pwrite(self._file_fd, holder_text, 0)

    def _is_taken(self, file_fd: int, deadline: float) -> bool:
        """Whether the lock is ours now; False to try again."""
        try:
            fcntl.flock(file_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if time.monotonic() < deadline:
                time.sleep(_LOOK_AGAIN_S)
                return False
            holder = os.pread(file_fd, _LONGEST_HOLDER, 0).decode("utf-8", "replace").strip()
            raise StateError(
                "locked",
                f"{self.path} is held by {holder or 'a process that just took it'};"
                " wait until it ends, or end it",
                path=str(self.path),
                holder=holder,
            ) from error
        # Not if the file was removed between open and flock.
        return _names_file(self.path, file_fd)

    def release(self) -> None:
        """Release the lock; nothing if it is not held."""
        if self._file_fd is None:
            return
        file_fd, self._file_fd = self._file_fd, None
        # The kernel ends the lock, whatever else the disk refuses.
        with suppress(OSError):
            os.ftruncate(file_fd, 0)
        with suppress(OSError):
            os.close(file_fd)

    def __enter__(self) -> Lock:
        self.acquire()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()


def _open(path: Path) -> int:
    """The lock's file; a link, or what is no lock, is never emptied: StateError ``no_lock``."""
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    try:
        file_fd = os.open(path, flags, PRIVATE)
    except OSError as error:
        if error.errno not in (errno.ELOOP, errno.ENXIO, errno.EISDIR):
            raise
        raise _no_lock(path, "is not a regular file") from error
    status = os.fstat(file_fd)
    if not stat.S_ISREG(status.st_mode):
        why = "is not a regular file"
    elif status.st_nlink > 1:
        why = "has a second name"
    elif not _HOLDER.fullmatch(os.pread(file_fd, _LONGEST_HOLDER, 0)):
        why = "holds something else than a lock's holder"
    else:
        return file_fd
    os.close(file_fd)
    raise _no_lock(path, why)


def _no_lock(path: Path, why: str) -> StateError:
    return StateError(
        "no_lock",
        f"{path} {why}, so it is no lock of vampd's and is left as it is; find out who put it there"
        " and move it away",
        path=str(path),
    )


def _names_file(path: Path, file_fd: int) -> bool:
    opened = os.fstat(file_fd)
    try:
        named = os.lstat(path)
    except FileNotFoundError:
        return False
    return (opened.st_dev, opened.st_ino) == (named.st_dev, named.st_ino)
