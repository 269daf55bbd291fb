"""A disk that never answers holds up the nights that lie on it, and no other."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.support.builders.nights import make_night
from tests.support.builders.settings import make_settings
from tests.support.daemon.running import wait_until
from tests.support.worlds.sites.looked_at import World
from vampd.daemon import cube_checking, night_watcher
from vampd.daemon.night_watcher import other_disk
from vampd.daemon.patience import HANGS, HANGS_AFTER_S, MOST_HANGING, Patience
from vampd.disk.machine import Mounts
from vampd.engine.nights.night_listing import sign_files, stream_times
from vampd.errors import TransientError
from vampd.ledger.ledger import FrameIdLedger
from vampd.model.nights import (
    Event,
    EventName,
    Kind,
    NightId,
    NightRecord,
    StageName,
    State,
    Status,
)
from vampd.store.database.opening import Access
from vampd.wiring.connections import connected

FOLDER = Path("/mnt/fuuu/20251106")


@pytest.fixture
def world(tmp_path: Path) -> World:
    (tmp_path / "root").mkdir()
    return World(tmp_path / "root", hangs_after_s=0.3)


class Clock:
    """The time of a caller who waits, which stands still but for what a look is said to take.

    However slow the machine is, nothing takes longer than a test says.
    """

    def __init__(self) -> None:
        self._seconds = 0.0
        self._read = threading.Semaphore(0)

    def monotonic(self) -> float:
        self._read.release()
        return self._seconds

    def pass_by(self, seconds: float) -> None:
        """Let so much time go by for a caller who waits already, and who sees it."""
        self._wait_for_a_look()
        self._seconds += seconds
        self._wait_for_a_look()

    def _wait_for_a_look(self) -> None:
        while self._read.acquire(blocking=False):
            pass
        assert self._read.acquire(timeout=60)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("vampd.daemon.patience.time", clock)
    monkeypatch.setattr("vampd.daemon.patience._LOOK_S", 0.001)
    return clock


@pytest.fixture
def answer() -> Iterator[threading.Event]:
    """What the silent disk waits for."""
    answer = threading.Event()
    yield answer
    answer.set()


def silent_for(
    night: NightId, answer: threading.Event, call: Callable[..., Any]
) -> Callable[..., Any]:
    """The call, which does not come back where it concerns this night."""

    def look(path: Path, *rest: Any) -> Any:
        if night.date in path.parts:
            assert answer.wait(60)
        return call(path, *rest)

    return look


@pytest.mark.parametrize(
    ("room", "name"),
    [(night_watcher, "list_night"), (cube_checking, "check_cube"), (night_watcher, "os")],
    ids=["list", "open", "link"],
)
def test_a_night_on_a_silent_disk_says_so_and_delays_no_other(
    world: World,
    answer: threading.Event,
    monkeypatch: pytest.MonkeyPatch,
    room: Any,
    name: str,
    tmp_path: Path,
) -> None:
    (bad, _), (good, _) = (
        make_night(world.root, date=day, kind=Kind.ENGINEERING) for day in ("20251106", "20251107")
    )
    silent: Any = silent_for(bad, answer, os.stat if name == "os" else getattr(room, name))
    if name == "os":
        # The night is a link to a disk of its own, which is asked before anything is listed.
        elsewhere = tmp_path / "elsewhere"
        (world.root / bad.date).rename(elsewhere)
        (world.root / bad.date).symlink_to(elsewhere)
        silent = SimpleNamespace(stat=silent)
    monkeypatch.setattr(room, name, silent)

    def settles(night: NightId) -> bool:
        world.scan()
        world.watcher.checking.go_on(60)
        world.still_s += cube_checking._AGAIN_S + 1
        return world.status(night) is Status.READY

    wait_until(lambda: settles(good), "the other night")
    wait_until(lambda: world.note(bad)[0] == "night_unreadable" or settles(bad), "the note")
    code, text = world.note(bad)
    assert code == "night_unreadable"
    assert "has not answered" in (text or "")
    assert bad not in world.watcher.open_nights
    answer.set()
    # What is a link is held once it can be seen.
    ends = Status.HELD if name == "os" else Status.READY
    wait_until(
        lambda: settles(bad) or world.status(bad) is ends, "the night, once its disk answers"
    )


def test_of_finished_nights_the_one_on_a_silent_disk_says_so_and_the_others_are_looked_at(
    world: World, answer: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    nights = [NightId(f"2025110{day}", Kind.ENGINEERING) for day in range(1, 6)]
    for night in nights:
        (world.root / night.folder).mkdir()
        done = State(StageName.TRANSFER, Status.DONE)
        world.store._keep(NightRecord(night, done, signature=sign_files(())))
    bad, good = nights[2], nights[4]
    world.scan()
    # New names show in the times of a stream alone, until the next deep look.
    make_night(world.root, date=good.date, kind=good.kind)
    monkeypatch.setattr(night_watcher, "stream_times", silent_for(bad, answer, stream_times))
    world.scan()
    assert set(world.watcher.silent) == {bad}
    assert {night for night in nights if world.note(night)[0] == "night_unreadable"} == {bad}
    assert world.status(good) is Status.FILLING
    answer.set()
    wait_until(lambda: not (world.scan() and world.watcher.silent), "the disk's answer")
    assert not world.note(bad)[0]


def test_a_silent_folder_of_archive_nights_delays_no_engineering_night(
    world: World, answer: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    (filling, _), (gone, _) = (
        make_night(world.root, date=day, kind=Kind.ARCHIVE) for day in ("20251105", "20251106")
    )
    good = NightId("20251107", Kind.ENGINEERING)
    world.scan()
    make_night(world.root, date=good.date, kind=good.kind)
    scandir, silent = os.scandir, world.root / "ARCHIVED_DATA"

    def list_slowly(path: Any) -> Any:
        if isinstance(path, Path) and path.is_relative_to(silent):
            assert answer.wait(60)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", list_slowly)

    def settles(night: NightId) -> bool:
        world.scan()
        world.watcher.checking.go_on(60)
        world.still_s += cube_checking._AGAIN_S + 1
        return world.status(night) is Status.READY

    wait_until(lambda: settles(good), "the other night")
    assert set(world.watcher.silent) == {filling, gone}
    assert world.watcher.kinds == (Kind.ENGINEERING,)
    for night in (filling, gone):
        code, text = world.note(night)
        assert code == "night_unreadable"
        assert "ARCHIVED_DATA has not answered" in (text or "")
    answer.set()

    def is_waited_for_no_more() -> bool:
        world.scan()
        return not world.watcher.silent

    wait_until(is_waited_for_no_more, "the archive nights, once their disk answers")
    assert "night_unreadable" not in {world.note(night)[0] for night in (filling, gone)}


@pytest.mark.parametrize("stage", [StageName.SYNC, StageName.FPACK, StageName.TRANSFER])
def test_a_silent_destination_here_is_as_a_silent_disk_to_who_is_sent_there(
    world: World,
    answer: threading.Event,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    stage: StageName,
) -> None:
    destination, elsewhere = tmp_path / "archive", tmp_path / "other"
    world.settings = make_settings(
        world.root,
        transfer={
            "engineering": {"destination": str(destination)},
            "archive": {"destination": str(elsewhere)},
        },
    )
    sent = NightId("20251106", Kind.ENGINEERING)
    waiting, other = NightId("20251107", Kind.ENGINEERING), NightId("20251106", Kind.ARCHIVE)
    for night in (sent, waiting, other):
        make_night(world.root, date=night.date, kind=night.kind)
        world.store._keep(NightRecord(night, State(stage, Status.READY)))
    for night in (sent, other):
        world.store.apply(night, Event(EventName.CLAIMED), at=1.0, actor="test")

    def stat(path: Path) -> os.stat_result:
        if path == destination:
            assert answer.wait(60)
        return os.stat(path)

    monkeypatch.setattr(night_watcher, "os", SimpleNamespace(stat=stat))
    world.scan()
    # The other kind's destination answers (there is none), and what is not sent now hangs nowhere.
    assert set(world.watcher.silent) == ({sent} if stage is not StageName.SYNC else set())
    answer.set()
    wait_until(lambda: not (world.scan() and world.watcher.silent), "the destination's answer")


def test_a_ledger_on_a_silent_disk_keeps_vampd_from_no_start(
    tmp_path: Path, answer: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FrameIdLedger, "reconcile", lambda _: answer.wait(60))
    monkeypatch.setattr("vampd.daemon.patience.Patience", partial(Patience, 0.3))
    settings = make_settings(tmp_path, database={"url": f"sqlite:///{tmp_path}/vampd.db"})
    with capture_logs() as logs, connected(settings, Access.MIGRATE) as connections:
        assert connections.store.nights() == ()
    (refused,) = (log for log in logs if log["event"] == "ledger.refused")
    assert refused["code"] == HANGS
    assert not answer.is_set()


def test_looks_that_were_left_behind_end_at_their_next_sign(
    answer: threading.Event, clock: Clock
) -> None:
    patience, went_on = Patience(), threading.Event()

    def hang() -> None:
        clock.pass_by(HANGS_AFTER_S)
        answer.wait(60)
        patience.sign()
        went_on.set()

    before = set(threading.enumerate())
    for number in range(MOST_HANGING + 3):
        folder = FOLDER / str(number)
        with pytest.raises(TransientError, match="has not answered"):
            patience.run(folder, hang)
    assert len(set(threading.enumerate()) - before) <= MOST_HANGING
    answer.set()
    wait_until(lambda: set(threading.enumerate()) <= before, "the end of all looks")
    assert not went_on.is_set()
    assert patience.run(FOLDER, lambda: "seen") == "seen"
    patience.close()


def test_a_silent_disk_of_many_nights_is_asked_once_and_delays_no_night_elsewhere(
    answer: threading.Event, clock: Clock
) -> None:
    asked: list[Path] = []

    def disk_of(folder: Path) -> str | None:
        return "/nas" if folder.is_relative_to("/nas") else None

    def look(folder: Path) -> str:
        asked.append(folder)
        if disk_of(folder) is not None and not answer.is_set():
            clock.pass_by(HANGS_AFTER_S)
            answer.wait(60)
        return "seen"

    patience = Patience(disk_of=disk_of)
    nights = [Path(f"/nas/{number}") for number in range(MOST_HANGING + 2)]
    for folder in nights:
        with pytest.raises(TransientError, match="has not answered"):
            patience.run(folder, partial(look, folder))
    assert asked == nights[:1]
    assert patience.run(FOLDER, lambda: look(FOLDER)) == "seen"
    answer.set()

    def is_asked_again() -> bool:
        try:
            return patience.run(nights[1], lambda: look(nights[1])) == "seen"
        except TransientError:
            return False

    wait_until(is_asked_again, "the other nights, once their disk answers")
    patience.close()


def test_the_disk_of_a_night_is_the_only_one_that_is_not_the_roots(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, points = tmp_path / "root", {"nas", "other"}
    monkeypatch.setattr(
        Mounts,
        "crossed",
        lambda _, path: next((each for each in path.resolve().parts if each in points), None),
    )
    for night in ("plain", "mixed", "streams"):
        (root / night).mkdir(parents=True)
    for path, target in (
        ("whole", "nas"),
        ("streams/vcam1", "nas/1"),
        ("streams/vcam2", "nas/2"),
        ("mixed/vcam1", "nas"),
        ("mixed/vcam2", "other"),
    ):
        (root / path).symlink_to(tmp_path / target)
    found = {night: other_disk(root, root / night) for night in ("plain", "whole", "streams")}
    assert found == {"plain": None, "whole": "nas", "streams": "nas"}
    # Which of the two is silent, nobody knows.
    assert other_disk(root, root / "mixed") is None


def test_a_look_that_shows_progress_may_take_its_time(clock: Clock) -> None:
    patience = Patience()

    def look_long() -> int:
        for _ in range(5):
            clock.pass_by(HANGS_AFTER_S * 0.6)
            patience.sign()
        return patience.signs

    assert patience.run(FOLDER, look_long) == 5
    patience.close()


def test_what_a_look_raises_is_raised_to_who_asked() -> None:
    patience = Patience()

    def fail() -> None:
        raise PermissionError("closed")

    with pytest.raises(PermissionError, match="closed"):
        patience.run(FOLDER, fail)
    patience.close()
