"""Whose a database is: vampd works with no other's, though it has its mark and number.

The file is the owner's alone, so these are mistakes (a copy of someone else's, an editor), or what
an older version's open folder let others do.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from vampd.disk.refusal import user_name
from vampd.errors import StoreError


def refuse_another_owner(path: Path) -> None:
    """StoreError ``database_foreign`` for a database of a user who is not the owner of the state.

    The same for a link of such a user. FileNotFoundError.
    """
    owners = {0, os.geteuid(), path.parent.stat().st_uid}
    for status in (path.lstat(), path.stat()):
        if status.st_uid not in owners:
            raise StoreError(
                "database_foreign",
                f"{path} is {user_name(status.st_uid)}'s, not of the owner of its folder; find out"
                " who put it there, and move it aside",
                path=str(path),
            )
    if not stat.S_ISREG(path.stat().st_mode):
        raise StoreError(
            "database_unusable",
            f"{path} is no file; find out who put it there, and move it aside",
            path=str(path),
        )
