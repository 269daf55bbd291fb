"""Root's commands work as the owner: what root makes is of no use to a service that is not root."""

from __future__ import annotations

import os
import pwd
from pathlib import Path


def become_owner(state: Path) -> str | None:
    """Give up root's rights for good, for those of the owner of the state folder.

    The owner's name; None if this is not root, or root is the owner. OSError if there is no folder.
    """
    if os.geteuid() != 0:
        return None
    folder = state.stat()
    return _become(folder.st_uid, folder.st_gid) if folder.st_uid != 0 else None


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
    os.setgroups(groups)
    os.setresgid(own, own, own)
    os.setresuid(uid, uid, uid)
    # Root's current folder may be closed to the owner, and rsync asks where it is.
    if not os.access(".", os.R_OK | os.X_OK):
        os.chdir("/")
    return name
