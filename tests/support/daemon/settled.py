"""The smallest night at its end, for tests of what comes after it: one daemon works for all."""

from __future__ import annotations

import fcntl
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.builders.smallest_night import make_smallest
from tests.support.daemon.running import settle
from tests.support.daemon.site import Site, configure, copy_site, make_site
from tests.support.daemon.state import record_of
from vampd.model.nights import Kind, Status


@dataclass(frozen=True)
class SettledSites:
    """Sites where the smallest night is done: one of each kind, in a folder of all processes."""

    shared: Path

    def copy(self, base: Path, kind: Kind = Kind.ARCHIVE, **tables: Mapping[str, Any]) -> Site:
        """A copy that a test may change, configured with these tables."""
        own = copy_site(self._made(kind), base)
        configure(own, **tables)
        return own

    def _made(self, kind: Kind) -> Site:
        # Nobody but its maker opens it: SQLite's side files would come and go while others copy.
        folder, made = self.shared / f"settled {kind}", self.shared / f"settled {kind}.made"
        with made.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not made.exists():
                shutil.rmtree(folder, ignore_errors=True)
                _settle_smallest(folder, kind)
                made.touch()
        return Site(folder)


def _settle_smallest(base: Path, kind: Kind) -> None:
    site = make_site(base)
    night, _ = make_smallest(site.root, kind=kind)
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("VAMPD_CONFIG", raising=False)
        settle(site)
    assert record_of(site, night).state.status is Status.DONE
