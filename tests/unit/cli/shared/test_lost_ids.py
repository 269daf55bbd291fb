"""Which IDs are called lost: those of a restored night, and not those of one that is elsewhere."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from vampd.cli.shared.lost_ids import read_lost_ids
from vampd.model.frame_ids import BoundId, FrameId
from vampd.model.nights import (
    RESTORED,
    Kind,
    NightId,
    NightRecord,
    StageName,
    State,
    Status,
)

NIGHT = NightId("20251106", Kind.ARCHIVE)
USED = BoundId("1" * 64, FrameId(7), applied=True)


@pytest.mark.parametrize(("code", "lost"), [(RESTORED, [7]), (None, []), ("bug", [])])
def test_the_ids_of_a_night_without_a_generation_are_lost_if_it_was_restored(
    code: str | None, lost: list[int]
) -> None:
    """Else it is the old tools', or gone from here as a whole, products and all."""
    reader = SimpleNamespace(
        files=lambda *_: (),
        text=lambda *_: None,
        framelist_heads=lambda _: (),
        generations=lambda _: (),
        bound_ids=lambda _: {USED.identity: USED},
    )
    mail_log = SimpleNamespace(acknowledged_lost=frozenset)
    connections: Any = SimpleNamespace(reader=reader, mail_log=mail_log)
    record = NightRecord(NIGHT, State(StageName.SYNC, Status.HELD, 0, None), code=code)
    assert [one.frame_id.number for one in read_lost_ids(connections, record)] == lost
