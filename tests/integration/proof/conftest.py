"""A night that is safe, and a copy of it for each test."""

from pathlib import Path

import pytest

from tests.support.daemon.settled import SettledSites
from tests.support.worlds.archive.safe_night import SafeNight
from vampd.model.nights import Kind, NightId


@pytest.fixture
def safe(settled: SettledSites, tmp_path: Path) -> SafeNight:
    """A night that is done and safe, which a test may change."""
    return SafeNight.of(settled.copy(tmp_path / "site"), NightId("20251106", Kind.ARCHIVE))
