"""A site of a user whom access rights bind: root would be refused nothing."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

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


def as_nobody(work: Callable[[], Any]) -> Any:
    """What ``work`` returns (or raises) in a child process of a user without any rights."""
    return as_user(NOBODY, (NOBODY,), work)


def as_user(uid: int, gids: Sequence[int], work: Callable[[], Any]) -> Any:
    """The same of this user, in these groups, the user's own one first; as it is without root."""
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe(duplex=False)
    child = context.Process(target=_work_as, args=(there, uid, gids, work))
    child.start()
    there.close()
    try:
        result = here.recv()
    finally:
        child.join()
    if isinstance(result, Exception):
        raise result
    return result


def _work_as(there: Connection, uid: int, gids: Sequence[int], work: Callable[[], object]) -> None:
    try:
        if not os.geteuid():
            os.setgroups(gids[1:])
            os.setresgid(gids[0], gids[0], gids[0])
            os.setresuid(uid, uid, uid)
        result = work()
    except Exception as error:  # noqa: BLE001 - raised on the other side
        result = error
    there.send(result)


@contextmanager
def made_open_folder() -> Iterator[Path]:
    """A folder that every user may enter, unlike the test's own."""
    base = Path(tempfile.mkdtemp(prefix="vampd-open-"))
    base.chmod(0o755)
    try:
        yield base
    finally:
        for folder, _, _ in os.walk(base):
            os.chmod(folder, 0o755)
        shutil.rmtree(base)
