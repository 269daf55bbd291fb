"""A site of real users: the owner of the nights, two members of the group, and someone else.

Their numbers have no names: what the kernel says of them is all there is. Tests that use them run
as root.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.daemon.running import vampctl
from tests.support.daemon.site import Site, make_site
from tests.support.worlds.hostile.unprivileged import as_user

GROUP = 4100


@dataclass(frozen=True)
class User:
    """A user, by numbers; the first group is the user's own."""

    uid: int
    gids: tuple[int, ...]

    def does(self, work: Callable[[], Any]) -> Any:
        """What ``work`` returns (or raises) in a process of this user."""
        return as_user(self.uid, self.gids, work)

    def vampctl(self, site: Site, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return vampctl(site, *words, uid=self.uid, gids=self.gids)

    def own(self, path: Path, mode: int) -> None:
        """Make a file or folder this user's."""
        os.chown(path, self.uid, self.gids[0], follow_symlinks=False)
        path.chmod(mode)

    def own_link(self, path: Path) -> None:
        """Make a link itself this user's."""
        os.chown(path, self.uid, self.gids[0], follow_symlinks=False)


OWNER = User(4001, (GROUP,))
MEMBER = User(4002, (4002, GROUP))
OTHER_MEMBER = User(4003, (4003, GROUP))
STRANGER = User(4004, (4004,))


@contextmanager
def shared_site(**tables: Any) -> Iterator[Site]:
    """A site of OWNER that everyone can reach, unlike the test's own folder."""
    base = Path(tempfile.mkdtemp(prefix="vampd-shared-"))
    base.chmod(0o755)
    try:
        site = make_site(base, **tables)
        yield site
    finally:
        shutil.rmtree(base)


def give_to_owner(site: Site) -> None:
    """All that lies there is OWNER's, as if made by nobody else."""
    subprocess.run(["chown", "-hR", f"{OWNER.uid}:{GROUP}", site.base], check=True)
