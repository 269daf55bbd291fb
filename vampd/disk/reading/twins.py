"""One folder under two names, by device and inode: by a link, or by mounting it once more."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from vampd.disk.machine import Mounts


def find_twin(
    home: Path, own: Iterable[Path], others: Iterable[Path], mounts: Mounts | None = None
) -> tuple[Path, Path] | None:
    """The first of one's own folders that is one of the others too, with that other name of it.

    All lie below ``home``, which has no links in it. A disk that one's own folders do not lie on is
    not asked: it may never answer. What does not exist is no folder.
    """
    mounts = mounts or Mounts(home)
    known: dict[tuple[int, int], Path] = {}
    devices: set[str] = set()
    for path in own:
        with suppress(OSError):
            known[_identity(path)] = path
            devices.add(mounts.device(mounts.crossed(path)))
    for path in others:
        if mounts.device(mounts.crossed(path)) in devices:
            with suppress(OSError):
                if (twin := known.get(_identity(path))) is not None:
                    return twin, path
    return None


def _identity(path: Path) -> tuple[int, int]:
    status = os.stat(path)
    return status.st_dev, status.st_ino
