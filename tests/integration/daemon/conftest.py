"""A site of its own for each test of the daemon."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.builders.smallest_night import make_smallest
from tests.support.daemon.running import Daemon, running, wait_until
from tests.support.daemon.site import Site, configure, make_site
from tests.support.worlds.sites.busy_site import (
    FAST,
    over_link,
)
from vampd.model.nights import NightId


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return make_site(tmp_path, **FAST)


@pytest.fixture
def transferring(site: Site) -> Iterator[tuple[Site, NightId, Daemon]]:
    """A daemon whose night takes very long to travel."""
    configure(site, **FAST, **over_link(site, 1))
    night, _ = make_smallest(site.root)
    with running(site) as daemon:
        wait_until(lambda: daemon.programs("rsync"), "rsync")
        yield site, night, daemon
