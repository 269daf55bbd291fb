"""What other users of this machine could change of vampd's own, as an earlier cure opened it."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from vampd.cli.shared.finding import OK, WARN, Finding
from vampd.model.escapes import shell_word
from vampd.model.nights import ARCHIVE_FOLDER, CAMERA_STREAMS

if TYPE_CHECKING:
    from vampd.config import Settings

_OWN_FOLDERS = ("vgen2", "vbad", *(f"vbad/{stream}" for stream in CAMERA_STREAMS))
# As many as one command still shows well.
_NAMED = 10


def examine_open_modes(settings: Settings) -> Finding:
    """Whether others may write to the ledger, a night's folder, or what vampd makes in it.

    What vampd makes, a group may not write to either. A night's folder is its loggers': what they
    let their group do there is no cure of ours.
    """
    check = "open to others"
    found = [*_open_paths(settings)]
    if not found:
        return Finding(check, OK, "no night, no folder of vampd in one, and no ledger")
    shown = found[:_NAMED]
    sudo = "" if all(each.owner == os.geteuid() for each in shown) else "sudo "
    commands = []
    for who in sorted({each.who for each in shown}):
        named = [shell_word(str(each.path)) for each in shown if each.who == who]
        commands.append(f"{sudo}chmod {who}-w {' '.join(named)}")
    more = f"; then again for {len(found) - _NAMED:,} more" if found[_NAMED:] else ""
    whose = "any user" if any("o" in each.who for each in found) else "a group"
    return Finding(
        check,
        WARN,
        f"{whose} may change what vampd relies on: `{' && '.join(commands)}`{more}",
    )


@dataclass(frozen=True)
class _Open:
    path: Path
    owner: int
    # As chmod takes it: g, o, or go.
    who: str


def _open_paths(settings: Settings) -> Iterator[_Open]:
    """Each path that others may write to; what is not there is none."""
    from vampd.engine.nights.night_listing import find_nights
    from vampd.wiring.connections import LEDGER_FILE

    root = settings.watch.root
    # With an access list, the group's bits are its mask: closing them closes its entries.
    paths = [(root / ARCHIVE_FOLDER / LEDGER_FILE, stat.S_IWGRP | stat.S_IWOTH)]
    with suppress(OSError):
        for night in find_nights(root):
            folder = root / night.folder
            paths.append((folder, stat.S_IWOTH))
            paths += [(folder / name, stat.S_IWGRP | stat.S_IWOTH) for name in _OWN_FOLDERS]
    for path, closed in paths:
        with suppress(OSError):
            status = path.lstat()
            # In a sticky folder no one changes another's; a link's own mode says nothing.
            if status.st_mode & stat.S_ISVTX or stat.S_ISLNK(status.st_mode):
                continue
            bits = status.st_mode & closed
            who = ("g" if bits & stat.S_IWGRP else "") + ("o" if bits & stat.S_IWOTH else "")
            if who:
                yield _Open(path, status.st_uid, who)
