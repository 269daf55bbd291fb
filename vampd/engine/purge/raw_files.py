"""Raw files of which a purge keeps or removes something: they must be what sync has used."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from vampd.errors import DataError
from vampd.model.nights import FileStamp, bounded_ns


def refuse_changed(folder: Path, file: FileStamp) -> None:
    """DataError ``raw_changed`` if the file is another one by its size or mtime, or is a link."""
    status = os.lstat(folder / file.path)
    is_same = (status.st_size, bounded_ns(status.st_mtime_ns)) == (file.size, file.mtime_ns)
    if not is_same or not stat.S_ISREG(status.st_mode):
        raise changed_error(file.path)


def changed_error(path: str) -> DataError:
    """The error for a raw file that is not the one that sync has used."""
    return DataError(
        "raw_changed",
        f"{path} is not the file that sync has used; it stays: find out why",
        path=path,
    )
