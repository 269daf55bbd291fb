"""A site whose good cubes must survive."""

from pathlib import Path

import pytest

from tests.support.worlds.sites.sync_site import SyncSite


@pytest.fixture
def site(tmp_path: Path) -> SyncSite:
    return SyncSite(tmp_path)
