"""What a killed rsync leaves at the archive host: a hidden file beside the product.

rsync writes ``.NAME.XXXXXX`` (six letters or digits) and renames it at the end; when asked to stop
it moves the file aside, into a folder of partial files, when killed it leaves it forever. What was
moved aside by one of several copies at once is not found by another one that sends the file later.
Files of others are never removed: a leftover goes only when NAME has arrived since and begins with
the same bytes, so nothing is lost.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from vampd.adapters.archive.rsync import PARTIAL_FOLDER
from vampd.disk.durable import remove_empty, unlink
from vampd.disk.reading import CHUNK_BYTES, open_foreign
from vampd.ports import Pace

_LEFTOVERS = (
    re.compile(r"(.*/|)\.([^/]+)\.[A-Za-z0-9]{6}", re.DOTALL),
    re.compile(rf"(.*/|){re.escape(PARTIAL_FOLDER)}(?:-[2-8])?/([^/]+)", re.DOTALL),
)


def find_leftovers(paths: Iterable[str], files: Collection[str]) -> Mapping[str, str]:
    """Those of these paths that look like rsync's of one of the files, each with that file."""
    known, found = frozenset(files), {}
    for path in paths:
        matches = (leftover.fullmatch(path) for leftover in _LEFTOVERS)
        for match in filter(None, matches):
            if match[1] + match[2] in known:
                found[path] = match[1] + match[2]
    return found


def remove_repeated(leftover: Path, whole: Path, pace: Pace) -> None:
    """Remove a leftover if the whole file begins with all of its bytes; else leave it."""
    for path in (leftover, whole):
        if not stat.S_ISREG(os.lstat(path).st_mode):
            return
    with open_foreign(leftover) as part, open_foreign(whole) as file:
        while chunk := part.read(CHUNK_BYTES):
            pace.check()
            if file.read(len(chunk)) != chunk:
                return
    unlink(leftover)
    if leftover.parent.name.startswith(PARTIAL_FOLDER):
        with suppress(OSError):  # of other files
            remove_empty(leftover.parent)
