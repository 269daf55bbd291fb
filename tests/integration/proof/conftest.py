"""Whole nights, in memory: on a disk, fsync would be most of what these tests wait for."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.tools.memory import in_memory


@pytest.fixture
def tmp_path(tmp_path: Path) -> Iterator[Path]:
    """pytest's own, in memory where that goes."""
    with in_memory(tmp_path) as folder:
        yield folder
