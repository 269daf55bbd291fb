"""What makes a database one that vampd does not work with, though it has its mark and number.

The file is the owner's alone, so these are mistakes (a copy of someone else's, an editor), or what
an older version's open folder let others do.
"""

from __future__ import annotations

import os
import re
import sqlite3
import stat
from pathlib import Path

from vampd.disk.refusal import user_name
from vampd.errors import StoreError

# All that a trigger of vampd does: it refuses.
_REFUSAL = re.compile(
    r"\bBEGIN\s+SELECT\s+RAISE\s*\(\s*ABORT\s*,\s*'(?:[^']|'')*'\s*\)\s*;\s*END\s*;?\s*\Z",
    re.IGNORECASE,
)
_MORE = re.compile(r";|--|/\*|\bBEGIN\b", re.IGNORECASE)
_ALTERED = "database_altered"


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


def refuse_altered(path: Path, connection: sqlite3.Connection) -> None:
    """StoreError ``database_altered`` for views, and triggers that do more than refuse.

    A view in the place of a table, or such a trigger, would make rows that no one wrote.
    """
    rows = connection.execute(
        "SELECT type, name, sql FROM sqlite_master WHERE type IN ('view', 'trigger')"
    )
    for kind, name, sql in rows:
        match = _REFUSAL.search(str(sql))
        if kind == "view" or match is None or _MORE.search(str(sql)[: match.start()]):
            raise StoreError(
                _ALTERED,
                f"{path} has a {kind} {name!r} that vampd did not make; find out who did, drop it"
                " with sqlite3, and compare the nights with their folders; or move the file aside"
                " and restart vampd, which fills a new one",
                path=str(path),
            )
