"""A finished night, copied for each test that mails."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.builders.smallest_night import make_smallest
from tests.support.daemon.running import settle
from tests.support.daemon.site import copy_site, make_site
from tests.support.tools.mail_server import (
    make_sendmail,
)
from tests.support.worlds.archive.post import Post


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Post]:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("VAMPD_CONFIG", raising=False)
        site = make_site(tmp_path_factory.mktemp("post"))
        night, _ = make_smallest(site.root)
        settle(site)
        yield Post(site, night)


@pytest.fixture
def post(finished: Post, tmp_path: Path) -> Post:
    """A copy of the finished night that a test may change."""
    site = copy_site(finished.site, tmp_path / "own")
    own = Post(site, finished.night)
    make_sendmail(site.base)
    own.use()
    return own
