"""Sites with pages: one to look at, and small ones to change."""

from pathlib import Path

import pytest

from tests.support.daemon.site import Site, make_site
from tests.support.web.served import Served
from tests.support.worlds.records.varied_nights import (
    make_varied,
)

_NIGHTS = 70


@pytest.fixture(scope="session")
def varied(tmp_path_factory: pytest.TempPathFactory) -> Site:
    site = make_site(tmp_path_factory.mktemp("site"), web={"names": ["vampires.example"]})
    make_varied(site.database, _NIGHTS)
    return site


@pytest.fixture
def served(varied: Site, monkeypatch: pytest.MonkeyPatch) -> Served:
    return Served(varied, monkeypatch)


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    database = tmp_path_factory.mktemp("small") / "vampd.db"
    make_varied(database, 9)
    return database.read_bytes()


@pytest.fixture
def own(small: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Served:
    """A small site that a test may change."""
    site = make_site(tmp_path)
    site.database.write_bytes(small)
    return Served(site, monkeypatch)
