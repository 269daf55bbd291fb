"""Hidden names of what is damaged, or was given up, in a folder of products."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

from vampd.disk.durable.atomic import fsync_folder, remove_durably
from vampd.disk.durable.names import link, names_in, rename, unlink
from vampd.disk.failpoint import failpoint

_DAMAGED = re.compile(r"\.(.+)\.damaged(?:_\d+)?")


def forget_damaged(folder: Path) -> None:
    """Remove what was damaged in this products folder, once the night is safe again."""
    damaged = damaged_names(folder)
    for name in damaged:
        unlink(folder / name)
    if damaged:
        fsync_folder(folder)


def damaged_names(folder: Path) -> dict[str, str]:
    """The hidden names of what is damaged in this products folder, with the names it had."""
    found = names_in(folder) if folder.is_dir() else []
    return {name: match[1] for name in sorted(found) if (match := _DAMAGED.fullmatch(name))}


def put_away(path: Path) -> None:
    """Give a file that was given up a hidden name for good: most of its frames may be whole."""
    if not os.path.lexists(path):
        return
    keep_hidden(path, "lost")
    failpoint("atomic.lost.kept")
    remove_durably(path)


def keep_hidden(path: Path, why: str) -> None:
    """Give a file a hidden second name of its own.

    A folder, which can have no second one, gets it as its only name, with ``folder`` for ``why``:
    a person made it, and what it holds is kept for good.
    """
    is_folder = stat.S_ISDIR(path.lstat().st_mode)
    why = "folder" if is_folder else why
    number = 1
    while True:
        suffix = "" if number == 1 else f"_{number}"
        hidden = path.with_name(f".{path.name}.{why}{suffix}")
        try:
            if not is_folder:
                link(path, hidden)
            elif os.path.lexists(hidden):
                raise FileExistsError
            else:
                rename(path, hidden)
        except FileExistsError:
            if os.path.samestat(path.lstat(), hidden.lstat()):
                return  # a recovery that was killed had got so far
            number += 1
        else:
            fsync_folder(path.parent)
            return
