"""``corrections.tsv`` as it lies in a night: read once, and believed only as the owner's own."""

from __future__ import annotations

import errno
import os
import stat
from dataclasses import replace
from pathlib import Path

from vampd.disk.reading import open_foreign, read_to_end
from vampd.disk.refusal import user_name
from vampd.errors import DataError, TransientError
from vampd.model.headers import CORRECTIONS, Corrections, parse_corrections

_MOST_BYTES = 1 << 22
_NO_FILE = (errno.ENXIO, errno.EISDIR)
_REFUSED = (errno.EACCES, errno.EPERM)
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


def read_corrections(folder: Path) -> Corrections:
    """The corrections of the night in this folder.

    What is no file, or a file of someone else, that others may write, or that has another name too,
    is a proposal, of which nothing is read.
    DataError ``corrections_malformed``, ``link_found``, ``file_too_long``; TransientError
    ``io_error`` for a file that is written to meanwhile.
    """
    path = folder / CORRECTIONS
    try:
        with open_foreign(path) as file:
            status = os.fstat(file.fileno())
            if not _is_of_owner(status):
                return Corrections(proposed_by=user_name(status.st_uid))
            content = read_to_end(file, path, _MOST_BYTES)
            _refuse_written(status, os.fstat(file.fileno()), path)
    except (FileNotFoundError, NotADirectoryError):
        return Corrections()
    except OSError as error:
        owner = path.lstat().st_uid
        # A pipe, device or folder is no file; neither it nor what others keep to themselves is
        # waited for.
        if error.errno in _NO_FILE or (error.errno in _REFUSED and owner != os.geteuid()):
            return Corrections(proposed_by=user_name(owner))
        raise
    found = parse_corrections(content.decode("utf-8", "surrogateescape"))
    return replace(found, written_at=status.st_mtime)


def _refuse_written(before: os.stat_result, after: os.stat_result, path: Path) -> None:
    """Half of a file that is being written may read like a whole one."""
    if (before.st_size, before.st_ctime_ns) != (after.st_size, after.st_ctime_ns):
        raise TransientError(
            "io_error", f"{path} was written to while it was read; it is read again", path=str(path)
        )


def read_proposed(folder: Path) -> Corrections:
    """Whoever's corrections lie in this folder, to be shown.

    DataError as `read_corrections`, also where it is no file.
    """
    path = folder / CORRECTIONS
    try:
        with open_foreign(path) as file:
            content = read_to_end(file, path, _MOST_BYTES)
    except OSError as error:
        if error.errno not in _NO_FILE:
            raise
        raise DataError(
            "corrections_malformed", f"{path} is no file: move it away", path=str(path)
        ) from error
    return parse_corrections(content.decode("utf-8", "surrogateescape"))


def _is_of_owner(status: os.stat_result) -> bool:
    is_shared = status.st_mode & _OTHERS_WRITE or status.st_nlink > 1
    return status.st_uid == os.geteuid() and not is_shared
