"""A site of a user whom access rights bind: root would be refused nothing."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.daemon.site import Site, configure

NOBODY = 65534


@contextmanager
def unprivileged_copy(site: Site) -> Iterator[tuple[Site, int | None]]:
    """A copy of a site and the user whom it belongs to; None if that is the test's own user.

    Not below the test's folder, which only the test's user may enter.
    """
    uid = None if os.geteuid() else NOBODY
    base = Path(tempfile.mkdtemp(prefix="vampd-unprivileged-"))
    try:
        base.chmod(0o755)
        own = Site(base / "site")
        shutil.copytree(site.base, own.base, symlinks=True)
        configure(own)
        if uid is not None:
            subprocess.run(["chown", "-hR", f"{uid}:{uid}", base], check=True)
        yield own, uid
    finally:
        for folder, _, _ in os.walk(base):
            os.chmod(folder, 0o755)
        shutil.rmtree(base)
