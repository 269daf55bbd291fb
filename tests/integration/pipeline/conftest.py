"""One finished site for all tests of its nights."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.builders.nights import make_night
from tests.support.daemon.running import settle
from tests.support.daemon.site import make_site
from tests.support.daemon.state import raw_state
from tests.support.worlds.sites.finished_nights import Finished
from vampd.model.nights import Kind, NightId


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Finished]:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("VAMPD_CONFIG", raising=False)
        site = make_site(tmp_path_factory.mktemp("pipeline"))
        made = [
            make_night(site.root, kind=Kind.ARCHIVE, preset="tiny", seed=1),
            make_night(site.root, kind=Kind.ENGINEERING, preset="tiny", seed=2),
        ]
        raw = {night: raw_state(site.folder(night)) for night, _ in made}
        ended = settle(site)
        yield Finished(site, tuple(night for night, _ in made), dict(made), raw, ended)


@pytest.fixture(params=[Kind.ARCHIVE, Kind.ENGINEERING], ids=str)
def night(request: pytest.FixtureRequest) -> NightId:
    return NightId("20251106", request.param)


@pytest.fixture
def archive() -> NightId:
    return NightId("20251106", Kind.ARCHIVE)
