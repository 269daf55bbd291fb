"""Looking at the nights: beside the loop, and each night's trouble is its own."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from tests.support.builders.nights import make_night
from tests.support.builders.settings import make_settings
from tests.support.daemon.running import wait_until
from tests.support.worlds.sites.looked_at import NoChecks, Scans, World
from vampd.daemon import cube_checking
from vampd.daemon.lookout import Lookout
from vampd.daemon.running import RunningAttempts
from vampd.daemon.watch import FolderWatch
from vampd.engine.nights.night_listing import (
    CubeCheck,
    find_strangers,
    list_night,
    sign_files,
)
from vampd.engine.nights.strays import find_strays
from vampd.errors import StoreError, TransientError
from vampd.model.nights import FileStamp, Kind, NightId, StageName, State, Status

OPEN_S = 0.005
CUBES = 10_000


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


@dataclass
class SlowDisk:
    """A disk where an open costs 5 ms of the world's clock; ``opened`` are the cubes."""

    world: World
    opened: list[str] = field(default_factory=list)

    def check(self, folder: Path, fits: FileStamp) -> CubeCheck:
        self.opened.append(f"{folder.name}/{fits.path}")
        self.world.still_s += OPEN_S
        return CubeCheck(fits.path, None, None)


@pytest.fixture
def disk(world: World, monkeypatch: pytest.MonkeyPatch) -> SlowDisk:
    slow = SlowDisk(world)
    monkeypatch.setattr(cube_checking, "check_cube", slow.check)
    return slow


def listing(cubes: int) -> tuple[FileStamp, ...]:
    names = [f"vcam1/{number:05}" for number in range(cubes)]
    return tuple(
        FileStamp(f"{name}.{kind}", 1, number)
        for number, name in enumerate(names)
        for kind in ("fits", "txt")
    )


FIRST, SECOND = (NightId(day, Kind.ENGINEERING) for day in ("20251106", "20251107"))


def test_checking_thousands_of_cubes_is_cut_into_moments_and_delays_no_other_night(
    world: World, disk: SlowDisk
) -> None:
    for night in (FIRST, SECOND):
        world.store.discover(night, 1.0)
    checking = world.watcher.checking
    assert checking.checks(FIRST, listing(CUBES)) == ()
    assert checking.checks(SECOND, listing(10)) == ()
    before_s, signs = world.still_s, world.watcher.signs
    assert checking.go_on(0.5)  # of the small night there is news
    assert world.still_s - before_s <= 0.5 + 2 * OPEN_S
    assert world.watcher.signs - signs == len(disk.opened)
    assert len(checking.checks(SECOND, listing(10))) == 10
    checking.checks(FIRST, listing(CUBES))
    while checking.is_pending:
        before_s = world.still_s
        checking.go_on(0.5)
        assert world.still_s - before_s <= 0.5 + 2 * OPEN_S
    assert len(checking.checks(FIRST, listing(CUBES))) == CUBES
    assert len(disk.opened) == CUBES + 10


def test_what_was_checked_survives_a_restart(world: World, disk: SlowDisk) -> None:
    world.store.discover(FIRST, 1.0)
    world.watcher.checking.checks(FIRST, listing(CUBES))
    while len(disk.opened) < CUBES / 2:
        world.watcher.checking.go_on(0.5)
    opened = len(disk.opened)
    again = world.restarted().checking
    lost = opened - len(again.checks(FIRST, listing(CUBES)))
    assert lost * OPEN_S <= cube_checking._KEPT_EVERY_S + 1
    # A cube that changed is another.
    changed = list(listing(CUBES))
    changed[0] = FileStamp(changed[0].path, 2, 0)
    assert len(again.checks(FIRST, tuple(changed))) == opened - lost - 1
    again.forget(FIRST)
    assert world.checked.of(FIRST) == ()


def test_a_check_that_fails_for_a_passing_reason_is_tried_again_later_and_not_kept(
    world: World, disk: SlowDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.store.discover(FIRST, 1.0)
    checking = world.watcher.checking

    def refuse(_: Path, fits: FileStamp) -> CubeCheck:
        return CubeCheck(fits.path, "io_error", None)

    with monkeypatch.context() as failing:
        failing.setattr(cube_checking, "check_cube", refuse)
        checking.checks(FIRST, listing(1))
        checking.go_on(0.5)
    for _ in range(3):
        assert [each.incomplete for each in checking.checks(FIRST, listing(1))] == ["io_error"]
        assert not checking.is_pending
    assert world.checked.of(FIRST) == ()
    world.still_s += cube_checking._AGAIN_S + 1
    checking.checks(FIRST, listing(1))
    checking.go_on(0.5)
    assert [each.incomplete for each in checking.checks(FIRST, listing(1))] == [None]
    assert len(disk.opened) == 1


def settle(world: World, *nights: NightId) -> None:
    for _ in range(3):
        world.scan()
        world.watcher.checking.go_on(60)
        world.still_s += 10
    for night in nights:
        assert world.status(night) is Status.READY, world.note(night)


def test_a_bug_in_one_nights_look_holds_that_night_alone(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    (bad, _), (good, _) = (
        make_night(world.root, date=day, kind=Kind.ENGINEERING) for day in ("20251106", "20251107")
    )

    def fail_for_one(folder: Path, sign: Callable[[], None]) -> object:
        if folder.name == bad.date:
            raise KeyError("a bug")
        return list_night(folder, sign)

    monkeypatch.setattr("vampd.daemon.night_watcher.list_night", fail_for_one)
    with capture_logs() as logs:
        settle(world, good)
    record = world.store.night(bad)
    assert record is not None
    assert (record.state.status, record.code) == (Status.HELD, "bug")
    assert "KeyError" in (record.error or "")
    assert [log["night"] for log in logs if log["event"] == "night.held"] == [bad.date]


def test_what_cannot_be_listed_is_noted_with_itself_and_said_once(world: World) -> None:
    good, _ = make_night(world.root, date="20251107", kind=Kind.ENGINEERING)
    (world.root / "20251101").symlink_to("20251101")
    (world.root / "20251102").symlink_to("/nowhere")
    (world.root / "20251103").mkdir()
    (world.root / "20251103" / "vcam1").symlink_to("vcam1")
    os.mkfifo(world.root / "20251104")
    (world.root / "20251105").symlink_to("/")
    (world.root / "20251332").mkdir()
    (world.root / "2025110\n").mkdir()
    (world.root / "２０２５１１０６").mkdir()
    (world.root / "ARCHIVED_DATA").symlink_to("ARCHIVED_DATA")
    with capture_logs() as logs:
        settle(world, good)
    for day in ("20251102", "20251103"):
        assert world.note(NightId(day, Kind.ENGINEERING))[0] == "night_unreadable", day
    said = [log["night"] for log in logs if log["event"] == "night.unreadable"]
    assert sorted(said) == ["20251102", "20251103"]
    # A link is no night, wherever it leads, and says what to do.
    for day in ("20251101", "20251105"):
        record = world.store.night(NightId(day, Kind.ENGINEERING))
        assert record is not None
        assert (record.state.status, record.code) == (Status.HELD, "link_found"), day
        assert "put the folder or file itself in its place" in str(record.error)
    strangers = {
        "20251104": "is no folder",
        "20251332": "has a name that is no date",
        "ARCHIVED_DATA": "cannot be listed",
    }
    found = {each.path.name: each.why for each in find_strangers(world.root)}
    assert found.keys() == strangers.keys()
    assert all(found[name].startswith(why) for name, why in strangers.items())
    refused = [Path(log["path"]).name for log in logs if log["event"] == "root.entry_refused"]
    assert sorted(refused) == sorted(strangers)
    # It heals by itself.
    (world.root / "20251102").unlink()
    (world.root / "20251102").mkdir()
    world.scan()
    assert world.note(NightId("20251102", Kind.ENGINEERING))[0] == "no_cubes"


def test_a_folder_in_a_stream_is_listed_and_said_once(world: World) -> None:
    good, _ = make_night(world.root, date="20251107", kind=Kind.ENGINEERING)
    empty = NightId("20251105", Kind.ENGINEERING)
    (world.root / empty.folder / "vcam2" / "sub").mkdir(parents=True)
    for name in ("vcam1/lost+found", "VCAM1", "vcam2/sub"):
        (world.root / good.folder / name).mkdir()
    with capture_logs() as logs:
        settle(world, good)
    said = [(log["night"], log["path"]) for log in logs if log["event"] == "night.folder_ignored"]
    assert sorted(path for _, path in said) == ["VCAM1", "vcam2/sub", "vcam2/sub"]
    found = {each.path for each in find_strays(world.root, (empty, good))}
    assert found == {world.root / day / path for day, path in said}
    assert world.note(empty)[0] == "unknown_files"


@pytest.mark.parametrize(
    "log",
    [b'a,"b\n' * 3, b"x" * 300_000, b"\xff\0\n", None],
    ids=["quote", "long", "bytes", "pipe"],
)
def test_no_log_of_the_old_tools_keeps_a_night_from_settling(
    world: World, log: bytes | None
) -> None:
    path = world.root / "PROCESSING_LOG.csv"
    traced, _ = make_night(world.root, date="20251105", kind=Kind.ENGINEERING)
    good, _ = make_night(world.root, date="20251107", kind=Kind.ENGINEERING)
    if log is None:
        os.mkfifo(path)
    else:
        path.write_bytes(log + b"/mnt/fuuu/20251105,2025-11-05,True\n")
    settle(world, good)
    # What a spoiled line hides is no other line.
    if log is not None and log.endswith(b"\n"):
        assert world.status(traced) is Status.LEGACY


@pytest.fixture
def scans() -> Scans:
    return Scans(checking=NoChecks())


def look_with(scans: Scans, monotonic: Callable[[], float]) -> Lookout:
    return Lookout(
        scans,  # type: ignore[arg-type]
        FolderWatch(lambda: None),
        wake=lambda: None,
        hint=lambda: None,
        monotonic=monotonic,
    )


def test_a_scan_that_hangs_shows_and_one_that_makes_progress_does_not(
    scans: Scans, tmp_path: Path
) -> None:
    now_s = 0.0
    look = look_with(scans, lambda: now_s)
    look.ask(make_settings(tmp_path), whole=True)
    for now_s in (100.0, 200.0):  # noqa: B007 - the lookout's clock reads it
        scans.signs += 1
        assert look.stalled_s() == 0
    now_s = 500.0
    assert (look.is_scanning, look.stalled_s()) == (True, 300)
    scans.go_on.set()
    wait_until(lambda: look.has_scanned and not look.is_busy, "its end", 10)
    now_s = 900.0
    assert look.stalled_s() == 0
    look.close()


@pytest.mark.parametrize("error", [TransientError("busy", ""), StoreError("damaged", "")])
def test_what_ends_a_scan_is_told_to_the_loop_once(
    scans: Scans, tmp_path: Path, error: Exception
) -> None:
    scans.raises = error
    scans.go_on.set()
    look = look_with(scans, lambda: 0.0)
    look.ask(make_settings(tmp_path), whole=True)
    wait_until(lambda: not look.is_scanning, "its end", 10)
    with pytest.raises(type(error)):
        look.raise_trouble()
    look.raise_trouble()
    look.close()


def test_a_bug_of_a_scan_is_said_once_and_ends_nothing(scans: Scans, tmp_path: Path) -> None:
    scans.raises = KeyError("a bug")
    scans.go_on.set()
    look = look_with(scans, lambda: 0.0)
    with capture_logs() as logs:
        for _ in range(3):
            look.ask(make_settings(tmp_path), whole=True)
            wait_until(lambda: not look.is_scanning, "its end", 10)
            look.raise_trouble()
    assert [log["event"] for log in logs] == ["scan.failed"]
    look.close()


def test_without_a_thread_the_loop_is_notified(
    scans: Scans, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: object) -> None:
        raise RuntimeError("can't start new thread")

    look = look_with(scans, lambda: 0.0)
    with monkeypatch.context() as limited:
        limited.setattr("threading.Thread.start", fail)
        with pytest.raises(TransientError, match="TasksMax"):
            look.ask(make_settings(tmp_path), whole=True)
    scans.go_on.set()
    look.ask(make_settings(tmp_path), whole=True)
    wait_until(lambda: look.has_scanned, "a scan", 10)
    look.close()


def test_nights_that_are_done_come_last_and_their_deep_looks_in_parts(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = [NightId(f"202501{day:02}", Kind.ENGINEERING) for day in range(1, 7)]
    for night in (*done, FIRST):
        (world.root / night.folder).mkdir()
        record = world.store.discover(night, 1.0)
        if night != FIRST:
            signature = list_night(world.root / night.folder).look.signature
            state = State(StageName.TRANSFER, Status.DONE)
            world.store._keep(replace(record, state=state, signature=signature))
    looked: list[str] = []

    def slowly(folder: Path, sign: Callable[[], None]) -> object:
        looked.append(folder.name)
        world.still_s += 2.0
        return list_night(folder, sign)

    monkeypatch.setattr("vampd.daemon.night_watcher.list_night", slowly)
    assert world.scan()[0] == FIRST
    # Five seconds' worth, of which looking at the open night took two.
    assert looked == [FIRST.date, "20250101", "20250102"]
    assert world.watcher.is_behind
    for _ in range(2):
        world.scan()
    assert not world.watcher.is_behind
    assert [name for name in looked if name != FIRST.date] == [night.date for night in done]
    world.scan()
    assert len(looked) == 4 + len(done)


def test_without_a_thread_no_night_is_claimed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: object) -> None:
        raise RuntimeError("can't start new thread")

    attempts = RunningAttempts(
        None,  # type: ignore[arg-type]
        tmp_path,
        is_stopping=lambda: False,
        wake=threading.Event(),
    )
    with monkeypatch.context() as limited:
        limited.setattr("threading.Thread.start", fail)
        with pytest.raises(TransientError, match="TasksMax"):
            attempts.prepare(FIRST)
    assert not list(tmp_path.iterdir())
    ready = attempts.prepare(FIRST)
    ready.cancel()
    assert not ready.thread.is_alive()
    assert not list(tmp_path.iterdir())


def test_a_finished_night_whose_records_may_not_be_read_says_so_until_they_may(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.store.discover(FIRST, 1.0)
    (world.root / FIRST.date).mkdir()
    world.store._nights[FIRST] = replace(
        world.store._nights[FIRST],
        state=State(StageName.TRANSFER, Status.DONE),
        safe_at=1.0,
        signature=sign_files(()),
    )
    readable = False

    def look(*_: object) -> bool:
        if not readable:
            raise PermissionError(13, "Permission denied", str(world.root / "generation_0001.json"))
        return False

    monkeypatch.setattr("vampd.daemon.night_watcher.is_readable_again", look)
    for _ in range(3):
        world.scan()
        assert world.note(FIRST)[0] == "not_readable"
    readable = True
    world.scan()
    assert not world.note(FIRST)[0]
