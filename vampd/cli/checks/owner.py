"""Root's `vampctl doctor` works as the owner: what root may do says nothing of the service."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

from vampd.cli.shared.finding import OK, WARN, Finding


def become_owner(state: Path) -> Finding | None:
    """Give up root's rights for good, for those of the owner of the state folder.

    The finding says as whom all else is checked; None if this is not root.
    """
    if os.geteuid() != 0:
        return None
    try:
        folder = state.stat()
    except OSError:
        found = (
            f"root: no {state} shows who the owner is, so what the service may do is not proved;"
            " `sudo -u OWNER vampctl doctor` proves it"
        )
        return Finding("user", WARN, found)
    if folder.st_uid == 0:
        found = f"root, who owns {state}; is the service another's: `sudo -u OWNER vampctl doctor`"
        return Finding("user", OK, found)
    name = _become(folder.st_uid, folder.st_gid)
    return Finding("user", OK, f"all is checked as {name}, who owns {state}, not as root")


def _become(uid: int, gid: int) -> str:
    """Be this user, in the user's own groups and in that of the state, as the service is."""
    try:
        known = pwd.getpwuid(uid)
    except KeyError:
        name, own, groups = f"uid {uid}", gid, [gid]
    else:
        name, own = known.pw_name, known.pw_gid
        groups = [*os.getgrouplist(name, own), gid]
        os.environ |= {"HOME": known.pw_dir, "USER": name, "LOGNAME": name}
    # Root's current folder may be closed to the owner, and rsync asks where it is.
    os.chdir("/")
    os.setgroups(groups)
    os.setresgid(own, own, own)
    os.setresuid(uid, uid, uid)
    return name
