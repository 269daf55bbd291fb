"""A site of one whole night, safe, and a copy of it for each test."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.daemon.settled import SettledSites
from tests.support.daemon.site import Site, copy_site


@pytest.fixture(scope="module")
def done_site(settled: SettledSites, tmp_path_factory: pytest.TempPathFactory) -> Site:
    return settled.copy(tmp_path_factory.mktemp("done") / "site")


@pytest.fixture
def site(done_site: Site, tmp_path: Path) -> Site:
    return copy_site(done_site, tmp_path / "own site")
