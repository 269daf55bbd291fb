"""The mark of a folder on this machine: read, and placed by link, never over another one."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from vampd.disk.durable.atomic import creating, fsync_folder, remove_leftovers
from vampd.disk.durable.names import make_folder_here
from vampd.disk.failpoint import failpoint
from vampd.disk.reading import open_foreign
from vampd.errors import DataError
from vampd.model.proofs import LONGEST_MARK, MARK_PATH, Marked, format_mark


def read_mark_file(folder: Path) -> bytes | None:
    """What the file of a folder's mark holds, as far as a mark goes; None without one. OSError."""
    try:
        # A destination may be a link, as it is configured.
        with open_foreign(Path(os.path.realpath(folder)) / MARK_PATH) as file:
            return file.read(LONGEST_MARK)
    except FileNotFoundError:
        return None


def place_mark_file(folder: Path, mark: str, marked: Marked) -> None:
    """Place a mark, durably; one that is there already stays. OSError."""
    # As it is configured, as above.
    folder = Path(os.path.realpath(folder))
    path = folder / MARK_PATH
    with suppress(FileExistsError):
        make_folder_here(path.parent)
    fsync_folder(folder)
    failpoint("mark.folder_made")
    remove_leftovers(path.parent)
    try:
        with creating(path) as file:
            file.write(format_mark(mark, marked).encode())
    except DataError as error:
        if error.code != "already_exists":
            raise
