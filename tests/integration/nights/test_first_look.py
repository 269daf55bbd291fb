"""The first look at all nights: what may be claimed as it goes on, and what it costs."""

from __future__ import annotations

import os
from itertools import takewhile
from pathlib import Path
from typing import Any

import pytest

from tests.support.builders.nights import make_night
from tests.support.worlds.sites.looked_at import World
from vampd.daemon import discovery, night_watcher
from vampd.engine.nights import observation
from vampd.engine.nights.old_traces import old_tool_traces, read_old_logs
from vampd.model.nights import Kind, NightId, Status

NIGHTS = [NightId(f"202511{day:02}", Kind.ENGINEERING) for day in range(1, 6)]
FRESH = NIGHTS[3]


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = World(tmp_path)
    for night in NIGHTS:
        make_night(made.root, date=night.date, kind=night.kind)
        changed_s = made.now_s - (10 if night == FRESH else 9_000)
        for stream in ("vcam1", "vcam2"):
            for path in (made.root / night.folder / stream).iterdir():
                os.utime(path, (changed_s, changed_s))
            os.utime(made.root / night.folder / stream, (changed_s, changed_s))
    return made


def test_where_cameras_may_write_is_looked_at_first_and_all_others_oldest_first(
    world: World,
) -> None:
    looked_at = world.watcher.looked_at
    assert looked_at == set()
    scan = world.watcher.scan(world.settings)
    assert next(scan) == FRESH
    # The pause is known before any night may be claimed.
    assert world.watcher.cameras_wrote_at == world.now_s - 10
    assert not looked_at
    passed = []
    for night in scan:
        passed.append(night)
        # What was looked at first has its place in the order all the same.
        assert looked_at == {*takewhile(lambda each: each in {FRESH, *passed}, NIGHTS)}
    assert passed == [night for night in NIGHTS if night != FRESH]
    assert world.watcher.looked_at is None
    assert world.scan() == tuple(NIGHTS)


def test_no_night_is_passed_before_all_that_cameras_may_write_to(world: World) -> None:
    for stream in ("vcam1", "vcam2"):
        os.utime(world.root / NIGHTS[0].folder / stream, (world.now_s - 20,) * 2)
    looked_at = world.watcher.looked_at
    scan = world.watcher.scan(world.settings)
    assert (next(scan), looked_at) == (NIGHTS[0], set())
    assert (next(scan), looked_at) == (FRESH, {NIGHTS[0]})


def test_a_scan_that_ends_early_leaves_the_others_unlooked_at(world: World) -> None:
    scan = world.watcher.scan(world.settings)
    next(scan)
    next(scan)
    del scan
    assert world.watcher.looked_at == {NIGHTS[0]}


def test_what_lies_still_is_not_fresh_and_nothing_is_first_later(world: World) -> None:
    world.store.discover(FRESH, 1.0)
    world.now_s += 4_000
    assert world.scan()[0] == NIGHTS[0]
    world.now_s -= 4_000
    assert world.scan()[0] == NIGHTS[0]


def test_the_logs_of_the_old_tools_are_read_twice_a_scan_however_many_nights_fill(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[Path] = []

    def count(root: Path, *rest: Any) -> object:
        read.append(root)
        return read_old_logs(root, *rest)

    for module in ("daemon.discovery", "daemon.night_watcher", "engine.nights.old_traces"):
        monkeypatch.setattr(f"vampd.{module}.read_old_logs", count)
    for _ in range(2):
        read.clear()
        world.scan()
        assert len(read) <= 2
    assert all(world.status(night) is Status.FILLING for night in NIGHTS)


def test_discovering_thousands_of_nights_is_progress(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    signs: list[int] = []

    def note(*_: object) -> tuple[object, ...]:
        signs.append(world.watcher.signs)
        return ()

    before = world.watcher.signs
    monkeypatch.setattr(night_watcher, "find_strangers", note)
    world.scan()
    assert signs[0] - before >= len(NIGHTS)


def test_a_bug_in_what_the_old_tools_left_of_a_night_holds_that_night_alone(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    really = old_tool_traces

    def traces(root: Path, night: NightId, *rest: Any) -> list[str]:
        if night == FRESH:
            raise KeyError("a bug")
        return really(root, night, *rest)

    for place in (discovery, observation):
        monkeypatch.setattr(place, "old_tool_traces", traces)
    for world.still_s in (0.0, 9.0, 99.0):
        assert set(world.scan()) == set(NIGHTS)
        while world.watcher.checking.is_pending:
            world.watcher.checking.go_on(60)
    found = {night: world.status(night) for night in NIGHTS}
    assert found == {n: Status.HELD if n == FRESH else Status.READY for n in NIGHTS}
