"""Gen2, and a ledger that asks it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.fakes.fake_gen2 import FakeGen2, running_gen2
from tests.support.worlds.records.authority_desk import Desk


@pytest.fixture
def gen2(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeGen2]:
    with running_gen2(tmp_path / "gen2", monkeypatch) as running:
        yield running


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path / "desk")
    yield made
    made.store.close()


@pytest.fixture
def answers(desk: Desk) -> Path:
    return desk.file.parent / "frameids.answers" / "gen2"
