"""A night that is safe, and a copy of it for each test."""

from pathlib import Path

import pytest

from tests.support.builders.smallest_night import make_smallest
from tests.support.daemon.running import settle
from tests.support.daemon.site import Site, copy_site, make_site
from tests.support.daemon.state import record_of
from tests.support.worlds.archive.safe_night import SafeNight
from vampd.model.nights import NightId, Status


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Site, NightId]:
    """A night that is done and safe."""
    site = make_site(tmp_path_factory.mktemp("finished"), watch={"stale_after_s": 0.3})
    night, _ = make_smallest(site.root)
    settle(site)
    assert record_of(site, night).state.status is Status.DONE
    return site, night


@pytest.fixture
def safe(finished: tuple[Site, NightId], tmp_path: Path) -> SafeNight:
    """A copy of it that a test may change."""
    return SafeNight.of(copy_site(finished[0], tmp_path / "site"), finished[1])
