"""One acknowledged night for all tests of what becomes of raw, and a copy of it for each."""

from pathlib import Path

import pytest

from tests.support.daemon.settled import SettledSites
from tests.support.daemon.site import Site, copy_site
from tests.support.worlds.archive.purge_site import NIGHT, acknowledge
from tests.support.worlds.archive.safe_night import SafeNight


@pytest.fixture(scope="session")
def announced(settled: SettledSites, tmp_path_factory: pytest.TempPathFactory) -> Site:
    """A site whose night is done, safe and acknowledged; to be copied, not changed."""
    site = settled.copy(tmp_path_factory.mktemp("announced") / "site")
    acknowledge(site, NIGHT)
    return site


@pytest.fixture
def night(announced: Site, tmp_path: Path) -> SafeNight:
    """A copy of it."""
    return SafeNight.of(copy_site(announced, tmp_path / "own"), NIGHT)
