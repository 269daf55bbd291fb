"""Nights of the old tools are legacy: counted, told of once, and never touched."""

from __future__ import annotations

from pathlib import Path

import pytest
from structlog.testing import capture_logs

from tests.support.builders.nights import make_night
from tests.support.builders.settings import make_settings
from tests.support.daemon.running import log_of, running, wait_until
from tests.support.daemon.site import Site
from tests.support.daemon.state import connected
from tests.support.worlds.sites.looked_at import World
from tests.support.worlds.sites.old_site import LEGACY, Life, OldSite, make_old_site
from vampd.model.nights import Event, EventName, Kind, NightId, Status

_ENDS = (Life.ENDED, Life.DELETED, Life.SAFE)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def statuses(world: World) -> dict[NightId, Status]:
    return {record.night: record.state.status for record in world.store.nights()}


def expected(old: OldSite) -> dict[NightId, Status]:
    """Legacy is what the old tools have worked on; a row for every folder is no trace."""
    return {
        one.night: Status.LEGACY if one.life in LEGACY else Status.FILLING
        for one in old.nights
        if one.life is not Life.NO_FOLDER
    }


def test_what_the_old_tools_worked_on_is_legacy_and_what_they_only_listed_is_not(
    world: World,
) -> None:
    old = make_old_site(world.root, len(Life) * 2)
    world.scan()
    assert statuses(world) == expected(old)
    for one in old.nights:
        if one.life in LEGACY:
            assert [e.event for e in world.store.history(one.night)] == [EventName.RECOGNIZED]


def test_years_of_old_nights_are_told_of_in_one_record_and_once_a_start(world: World) -> None:
    old = make_old_site(world.root, 200, _ENDS)
    with capture_logs() as first:
        world.scan()
    (recognized,) = [line for line in first if line["event"] == "nights.recognized"]
    assert recognized["nights"] == len(old.nights) == 200
    assert len(first) < 5
    assert not [line for line in first if line["log_level"] in ("warning", "error")]
    with capture_logs() as second:
        world.scan()
    assert second == []
    world.watcher = world.restarted()
    with capture_logs() as restarted:
        world.scan()
    assert [(line["event"], line["legacy"]) for line in restarted] == [("nights.skipped", 200)]


def test_a_legacy_night_is_not_looked_into_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = make_old_site(world.root, 3, _ENDS)
    world.scan()
    listed: list[Path] = []
    monkeypatch.setattr("vampd.daemon.night_watcher.list_night", listed.append)
    monkeypatch.setattr("vampd.daemon.night_watcher.stream_times", listed.append)
    world.still_s += 10_000
    (world.root / old.nights[0].night.folder / "vcam1").mkdir()
    assert (world.scan(), listed, world.watcher.open_nights) == ((), [], ())


def test_a_night_that_fills_and_is_taken_by_the_old_tools_becomes_legacy(world: World) -> None:
    night, _ = make_night(world.root, kind=Kind.ENGINEERING)
    world.scan()
    assert world.status(night) is Status.FILLING
    (world.root / night.folder / "vcam1_hlinkbak").mkdir()
    with capture_logs() as lines:
        world.scan()
    assert world.status(night) is Status.LEGACY
    # The old tools are alive, and a person should know.
    assert [line["log_level"] for line in lines] == ["warning"]


def test_traces_beside_a_generation_of_vampd_hold_the_night(world: World) -> None:
    night, _ = make_night(world.root, kind=Kind.ENGINEERING)
    folder = world.root / night.folder
    (folder / "vgen2").mkdir()
    (folder / "vgen2" / "generation_0001.json").touch()
    (folder / "vsync").mkdir()
    world.scan()
    assert world.status(night) is Status.HELD


def test_what_an_earlier_version_held_is_judged_anew_once_a_start(world: World) -> None:
    old = make_old_site(world.root, 3, (Life.ENDED, Life.ONLY_ROW, Life.SAFE))
    ours, _ = make_night(world.root, date="20251106", kind=Kind.ENGINEERING)
    folder = world.root / ours.folder
    (folder / "vgen2").mkdir()
    (folder / "vgen2" / "generation_0001.json").touch()
    (folder / "vsync").mkdir()
    for night in (*(one.night for one in old.nights), ours):
        world.store.discover(night, 1.0)
        world.store.apply(night, Event(EventName.HELD), at=2.0, actor="vampd", code="old_tools")
    world.scan()
    with capture_logs() as lines:
        world.scan()
    assert lines == []
    assert statuses(world) == {**expected(old), ours: Status.HELD}
    (ended, *_) = old.nights
    names = [event.event for event in world.store.history(ended.night)]
    assert names == [EventName.HELD, EventName.RETRIED, EventName.RECOGNIZED]


def shown(world: World) -> dict[NightId, tuple[Status, str | None]]:
    return {r.night: (r.state.status, r.note_code) for r in world.store.nights()}


@pytest.mark.parametrize("order", [("20190104", None), (None, "20190104", None), ("20190107",)])
def test_setting_ignore_before_later_does_what_setting_it_at_first_would_have_done(
    tmp_path: Path, order: tuple[str | None, ...]
) -> None:
    old = make_old_site(tmp_path / "root", 12)
    for one in old.nights[:2]:
        assert one.life is not Life.NO_FOLDER
    changed, at_first = World(old.root), World(old.root)
    for ignore_before in (*order, order[-1]):
        watch = {"root": old.root, "quiet_after_s": 1.0, "ignore_before": ignore_before}
        for world in (changed, at_first):
            world.settings = make_settings(old.root, watch=watch)
        changed.scan()
    at_first.scan()
    assert shown(changed).keys() == shown(at_first).keys()
    for night, (status, note) in shown(at_first).items():
        if note != "night_ignored":
            assert shown(changed)[night] == (status, note), night
        else:
            # Known as legacy before, or never looked into: it is left alone either way.
            assert shown(changed)[night][0] in (status, Status.LEGACY), night


def test_thousands_of_ignored_nights_are_told_of_in_one_record(world: World) -> None:
    make_old_site(world.root, 100)
    watch = {"root": world.root, "quiet_after_s": 1.0, "ignore_before": "20200101"}
    world.settings = make_settings(world.root, watch=watch)
    with capture_logs() as lines:
        world.scan()
        world.scan()
    assert [line["event"] for line in lines] == ["nights.ignored"]
    assert {note for _, note in shown(world).values()} == {"night_ignored"}


@pytest.mark.soak
def test_two_thousand_old_nights_delay_no_start_and_fill_no_journal(site: Site) -> None:
    old = make_old_site(site.root, 2_000, _ENDS)
    with running(site) as daemon:
        took_s = wait_until(lambda: log_of(site).named("daemon.started"), "started")
        wait_until(lambda: log_of(site).named("nights.recognized"), "recognized")
        assert daemon.stop() == 0
    assert took_s < 5
    assert len(log_of(site).log.splitlines()) < 20
    with connected(site) as connections:
        assert {r.state.status for r in connections.store.nights()} == {Status.LEGACY}
        assert len(connections.store.nights()) == len(old.nights)
