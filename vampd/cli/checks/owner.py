"""Root's `vampctl doctor` works as the owner: what root may do says nothing of the service."""

from __future__ import annotations

import os
from pathlib import Path

from vampd.cli.shared.finding import OK, WARN, Finding
from vampd.disk.rights import become_owner


def check_as_owner(state: Path) -> Finding | None:
    """Give up root's rights for those of the owner of the state folder.

    The finding says as whom all else is checked; None if this is not root.
    """
    if os.geteuid() != 0:
        return None
    try:
        name = become_owner(state)
    except OSError:
        found = (
            f"root: no {state} shows who the owner is, so what the service may do is not proved;"
            " `sudo -u OWNER vampctl doctor` proves it"
        )
        return Finding("user", WARN, found)
    if name is None:
        found = f"root, who owns {state}; is the service another's: `sudo -u OWNER vampctl doctor`"
        return Finding("user", OK, found)
    return Finding("user", OK, f"all is checked as {name}, who owns {state}, not as root")
