"""A ledger for each test."""

from pathlib import Path

import pytest

from tests.support.worlds.records.ledgers import Desk


@pytest.fixture
def desk(tmp_path: Path):
    desk = Desk(tmp_path)
    yield desk
    desk.store.close()
