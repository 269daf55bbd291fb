"""A night of which a part is set aside does not look like a perfect one."""

from __future__ import annotations

import json

import pytest

from tests.support.tools.terminal import fake_world
from vampd.cli.look.night_notes import describe_quality
from vampd.cli.look.night_objects import night_object
from vampd.cli.status.nights_table import COLUMNS, night_row
from vampd.model.nights import (
    Kind,
    NightId,
    NightRecord,
    NightUpdate,
    StageName,
    State,
    Status,
    SyncSums,
    write_sync_sums,
)

NOW = 1_762_480_313.0
NIGHT = NightId("20251106", Kind.ARCHIVE)
PERFECT = SyncSums(raw=2000, paired=1900, labeled=1800)


def record(sums: SyncSums | None) -> NightRecord:
    state = State(StageName.MANIFEST, Status.DONE)
    text = None if sums is None else write_sync_sums(sums)
    return NightRecord(NIGHT, state, safe_at=NOW, sync_sums=text)


@pytest.mark.parametrize(
    ("sums", "said"),
    [
        (None, "-"),
        (PERFECT, ""),
        (SyncSums(raw=2000, aside=300, aside_cubes=4), "15.0% aside"),
        (SyncSums(raw=2000, aside_cubes=1), "1 cube aside"),
        (
            SyncSums(raw=9, paired=90, unpaired=10, labeled=10, dubious=1),
            "10.0% unpaired, 10.0% dubious",
        ),
        (SyncSums(raw=10**6, aside=1, aside_cubes=1), "<0.1% aside"),
    ],
)
def test_only_what_is_not_as_it_should_be_is_said(sums: SyncSums | None, said: str) -> None:
    assert describe_quality(record(sums)) == said
    row = night_row(record(sums), NOW)
    assert [
        cell for column, cell in zip(COLUMNS, row, strict=True) if column.title == "quality"
    ] == [said]


def test_programs_read_numbers_and_parts_and_null_before_sync_has_ended() -> None:
    assert night_object(record(None), NOW)["quality"] is None
    told = night_object(record(SyncSums(raw=200, aside=50, aside_cubes=2)), NOW)["quality"]
    assert json.loads(json.dumps(told)) == told
    assert (told["aside"], told["aside_cubes"], told["aside_part"]) == (50, 2, 0.25)


def test_one_night_in_full_says_it_too(monkeypatch: pytest.MonkeyPatch) -> None:
    world = fake_world(monkeypatch)
    world.store.discover(NIGHT, NOW)
    assert "quality" not in world.run("status", "20251106").output
    sums = write_sync_sums(SyncSums(raw=200, aside=50, aside_cubes=2))
    world.store.update(NIGHT, NightUpdate(sync_sums=sums))
    assert "quality      25.0% aside" in world.run("status", "20251106").output
