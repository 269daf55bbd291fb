"""What every user of this machine could change of vampd's own, as an earlier cure opened it."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from vampd.cli.shared.finding import OK, WARN, Finding
from vampd.model.escapes import shell_word
from vampd.model.nights import ARCHIVE_FOLDER, CAMERA_STREAMS

if TYPE_CHECKING:
    from vampd.config import Settings

_OF_A_NIGHT = ("", "vgen2", "vbad", *(f"vbad/{stream}" for stream in CAMERA_STREAMS))
# As many as one command still shows well.
_NAMED = 10


def examine_open_modes(settings: Settings) -> Finding:
    """Whether others may write to the ledger, a night's folder, or what vampd makes in it."""
    check = "open to others"
    found = [*_open_paths(settings)]
    if not found:
        return Finding(check, OK, "no night, no folder of vampd in one, and no ledger")
    named = [shell_word(str(path)) for path, _ in found[:_NAMED]]
    sudo = "" if all(uid == os.geteuid() for _, uid in found[:_NAMED]) else "sudo "
    more = f"; then again for {len(found) - _NAMED:,} more" if found[_NAMED:] else ""
    return Finding(
        check,
        WARN,
        f"any user may change what vampd relies on: `{sudo}chmod o-w {' '.join(named)}`{more}",
    )


def _open_paths(settings: Settings) -> Iterator[tuple[Path, int]]:
    """Each path that others may write to, and its owner's number; what is not there is none."""
    from vampd.engine.nights.night_listing import find_nights
    from vampd.wiring.connections import LEDGER_FILE

    root = settings.watch.root
    paths = [root / ARCHIVE_FOLDER / LEDGER_FILE]
    with suppress(OSError):
        nights = find_nights(root)
        paths += [root / night.folder / name for night in nights for name in _OF_A_NIGHT]
    for path in paths:
        with suppress(OSError):
            status = path.lstat()
            # In a sticky folder no one changes another's; a link's own mode says nothing.
            is_open = status.st_mode & stat.S_IWOTH and not status.st_mode & stat.S_ISVTX
            if is_open and not stat.S_ISLNK(status.st_mode):
                yield path, status.st_uid
