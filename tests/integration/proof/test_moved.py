"""A night that the archive host has moved is found where it lies, though the database is lost."""

from pathlib import Path

import pytest

from tests.support.examples import others_in_soak
from tests.support.worlds.proof.beginning import Beginning
from tests.support.worlds.proof.wide_world import WideWorld
from vampd.model.nights import Kind, Status


@pytest.mark.parametrize("left", others_in_soak(["vgen2", "SHA256SUMS", "vbad"]))
def test_nothing_is_sent_again_whatever_was_left_behind(tmp_path: Path, left: str) -> None:
    world = WideWorld(tmp_path / "site", Beginning(Kind.ENGINEERING))
    world.host_moves(left)
    world.lose_database()
    assert (world.record.state.status, world.state) == (Status.DONE, "safe")
    world.late_data()
    world.advance()
    assert (world.record.state.status, world.record.code) == (Status.HELD, "night_moved")
