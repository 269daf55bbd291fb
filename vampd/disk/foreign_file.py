"""Files that others leave where vampd looks: a pipe, a device or a terabyte must not hold it up."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from vampd.disk.cache import drop_behind, drop_from_cache
from vampd.disk.refusal import Cause, classify
from vampd.errors import DataError

# Of a night of ten thousand cubes, a generation has some 10 MB, and every listing less.
MOST_TEXT_BYTES = 1 << 25
_CHUNK_BYTES = 1 << 20


def open_foreign(path: Path) -> BinaryIO:
    """Open a regular file for reading without waiting for a writer; OSError ENXIO for others."""
    file_fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    try:
        if not stat.S_ISREG(os.fstat(file_fd).st_mode):
            raise OSError(errno.ENXIO, "not a regular file", str(path))
        return os.fdopen(file_fd, "rb")
    except BaseException:
        os.close(file_fd)
        raise


def read_whole(path: Path, most_bytes: int = MOST_TEXT_BYTES) -> bytes:
    """The content of a file; DataError ``file_too_long`` beyond the limit; OSError."""
    with open_foreign(path) as file:
        content = file.read(most_bytes + 1)
    if len(content) > most_bytes:
        raise DataError(
            "file_too_long",
            f"{path} has more than {most_bytes:,} bytes, which no file of its kind has; find out"
            " what wrote it, and move it away",
            path=str(path),
        )
    return content


def read_foreign_text(path: Path) -> str | None:
    """The text of a file; None if it is not there, cannot be read, is too long or no file."""
    try:
        return read_whole(path).decode("utf-8", "replace")
    except (OSError, DataError):
        return None


def can_read_whole(path: Path, sign: Callable[[], None]) -> bool:
    """Whether each byte of a regular file can be read now, past the cache; True of what is none.

    ``sign`` is called after each part.
    """
    buffer, offset = bytearray(_CHUNK_BYTES), 0
    try:
        with open_foreign(path) as file:
            drop_from_cache(file.fileno())
            while count := os.preadv(file.fileno(), [buffer], offset):
                drop_behind(file.fileno(), offset, count)
                offset += count
                sign()
    except OSError as error:
        return classify(error) is Cause.PROPERTY
    return True
