"""Files that others leave where vampd looks: a pipe or a device must not keep it waiting."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO


def open_foreign(path: Path) -> BinaryIO:
    """Open a regular file for reading without waiting for a writer; OSError EINVAL for others."""
    file_fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    try:
        if not stat.S_ISREG(os.fstat(file_fd).st_mode):
            raise OSError(errno.EINVAL, "not a regular file", str(path))
        return os.fdopen(file_fd, "rb")
    except BaseException:
        os.close(file_fd)
        raise


def read_foreign_text(path: Path) -> str | None:
    """The text of a file, None if it is not there, cannot be read, or is no regular file."""
    try:
        with open_foreign(path) as file:
            return file.read().decode("utf-8", "replace")
    except OSError:
        return None
