"""A daemon some of whose calls fail below Python, with its workers and all that it starts."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from tests.support.daemon.running import BIN
from tests.support.daemon.site import Site
from tests.support.tools.errno_shim import Shim


@contextmanager
def daemon_under(shim: Shim, site: Site) -> Iterator[subprocess.Popen[bytes]]:
    command = [str(BIN / "vampd"), "--config", str(site.config), "--log", "json"]
    with site.log.open("ab") as log:
        process = subprocess.Popen(
            command,
            env={**os.environ, **shim.environ},
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait(30)
