"""A finished night, copied for each test that mails."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.daemon.settled import SettledSites
from tests.support.tools.mail_server import (
    make_sendmail,
)
from tests.support.worlds.archive.post import Post
from vampd.model.nights import Kind, NightId


@pytest.fixture
def finished(settled: SettledSites, tmp_path: Path) -> Post:
    """A copy of the finished night, as it is configured for those who mail nothing."""
    return Post(settled.copy(tmp_path / "own"), NightId("20251106", Kind.ARCHIVE))


@pytest.fixture
def post(finished: Post) -> Post:
    """The same, with a sendmail that keeps what it gets."""
    make_sendmail(finished.site.base)
    finished.use()
    return finished
