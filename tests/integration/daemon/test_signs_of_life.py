"""The watchdog is fed by what the loop has done, and by waits whose cause was said."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.support.daemon.looping import CountingNotifier, Watcher, looping
from tests.support.daemon.running import wait_until
from tests.support.fakes.memory_store import MemoryNights
from vampd.daemon import scheduler as scheduler_module
from vampd.engine.requests import RequestDesk
from vampd.errors import DiskFull, TransientError
from vampd.model.nights import (
    Kind,
    NightId,
    NightRecord,
    NightUpdate,
    StageName,
    State,
    Status,
    Wait,
    WaitCode,
)


class FullNights(MemoryNights):
    """A store whose disk is full until ``frees`` is set."""

    def __init__(self) -> None:
        super().__init__()
        self.frees = threading.Event()
        self.asked = 0

    def nights(self) -> tuple[NightRecord, ...]:
        self.asked += 1
        if not self.frees.is_set():
            raise DiskFull("disk_full", "no space left")
        return super().nights()


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (
        ("_TICK_S", 0.01),
        ("_REST_TICK_S", 0.01),
        ("_AGAIN_S", 0.01),
        ("_STALLED_AFTER_S", 0.2),
    ):
        monkeypatch.setattr(scheduler_module, name, value)


def test_a_loop_that_turns_while_looking_hangs_is_no_sign_of_life(tmp_path: Path) -> None:
    watcher = Watcher()
    with capture_logs() as logs, looping(tmp_path, MemoryNights(), watcher) as (notifier, _):
        wait_until(lambda: [log for log in logs if log["event"] == "scan.stalled"], "told", 10)
        fed = notifier.fed
        assert not threading.Event().wait(0.1)
        assert notifier.fed == fed
        watcher.go_on.set()
        wait_until(lambda: notifier.fed > fed, "signs of life again", 10)
    assert len([log for log in logs if log["event"] == "scan.stalled"]) == 1


def test_looking_that_makes_progress_is_a_sign_of_life_however_long_it_takes(
    tmp_path: Path,
) -> None:
    watcher = Watcher()
    with capture_logs() as logs, looping(tmp_path, MemoryNights(), watcher) as (notifier, _):
        for _ in range(40):
            watcher.signs += 1
            fed = notifier.fed
            wait_until(lambda fed=fed: notifier.fed > fed, "a sign of life", 10)  # type: ignore[misc]
    assert not [log for log in logs if log["event"] == "scan.stalled"]


def test_a_full_disk_of_the_state_is_said_once_and_waited_for(tmp_path: Path) -> None:
    store, watcher = FullNights(), Watcher()
    watcher.go_on.set()
    with capture_logs() as logs, looping(tmp_path, store, watcher) as (notifier, thread):
        wait_until(lambda: store.asked > 3, "it waits", 10)
        assert (thread.is_alive(), notifier.said[-1]) == (True, "waits: no space left")
        assert notifier.fed >= 3
        store.frees.set()
        wait_until(lambda: notifier.said[-1].startswith("idle"), "it goes on", 10)
    assert [log["code"] for log in logs if log["event"] == "store.waited"] == ["disk_full"]


def test_what_workers_need_is_made_ready_for_a_night_on_its_way_once_no_camera_writes(
    tmp_path: Path,
) -> None:
    watcher, expected = Watcher(), threading.Event()
    watcher.go_on.set()

    def turns(notifier: CountingNotifier) -> None:
        fed = notifier.fed
        wait_until(lambda: notifier.fed > fed + 2, "turns of the loop", 10)

    with looping(tmp_path, MemoryNights(), watcher, expect_work=expected.set) as (notifier, _):
        turns(notifier)
        watcher.cameras_wrote_at = time.time()
        watcher.unsettled = frozenset({NEW})
        turns(notifier)
        assert not expected.is_set()
        watcher.cameras_wrote_at = float("-inf")
        wait_until(expected.is_set, "work is expected", 10)


def test_the_loop_turns_less_often_while_nothing_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rest_s = 0.011
    monkeypatch.setattr(scheduler_module, "_REST_TICK_S", rest_s)
    waits: list[float] = []

    class Noted(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            if threading.current_thread() is not threading.main_thread() and timeout is not None:
                waits.append(timeout)
            return super().wait(timeout)

    def turned(watcher: Watcher, notifier: CountingNotifier, unsettled: frozenset[object]) -> float:
        watcher.unsettled = unsettled
        fed = notifier.fed
        wait_until(lambda: notifier.fed > fed + 5, "turns of the loop", 10)
        return waits[-1]

    watcher = Watcher()
    monkeypatch.setattr(threading, "Event", Noted)
    with looping(tmp_path, MemoryNights(), watcher) as (notifier, _):
        assert turned(watcher, notifier, frozenset()) == scheduler_module._TICK_S, "it scans"
        watcher.go_on.set()
        assert turned(watcher, notifier, frozenset()) == rest_s
        assert turned(watcher, notifier, frozenset({NEW})) == scheduler_module._TICK_S
        watcher.cameras_wrote_at = time.time()
        assert turned(watcher, notifier, frozenset({NEW})) == rest_s
        assert turned(watcher, notifier, frozenset()) == rest_s


def test_a_turn_while_nothing_goes_on_only_looks_what_people_do(tmp_path: Path) -> None:
    watcher, store = Watcher(), MemoryNights()
    watcher.go_on.set()

    def said_in_turns(notifier: CountingNotifier) -> int:
        said, fed = len(notifier.said), notifier.fed
        wait_until(lambda: notifier.fed > fed + 20, "turns of the loop", 10)
        return len(notifier.said) - said

    with looping(tmp_path, store, watcher) as (notifier, _):
        wait_until(lambda: notifier.said and notifier.said[-1].startswith("idle"), "its rest", 10)
        assert said_in_turns(notifier) < 5
        keep(store, OLD, StageName.SYNC, Status.HELD)
        wait_until(lambda: "1 held" in notifier.said[-1], "what a person did", 1.0)
        assert said_in_turns(notifier) >= 20, "a night may go on"
        watcher.cameras_wrote_at = time.time()
        wait_until(lambda: said_in_turns(notifier) < 5, "cameras write", 5)
        keep(store, NEW, StageName.SYNC, Status.HELD)
        wait_until(lambda: "2 held" in notifier.said[-1], "what a person did", 1.0)


OLD, NEW = (NightId(day, Kind.ENGINEERING) for day in ("20251104", "20251106"))


@dataclass
class Lost:
    """Attempts that are lost as soon as they are made."""

    made: list[NightId] = field(default_factory=list)

    def make(self, record: NightRecord, *_: object) -> object:
        self.made.append(record.night)
        raise TransientError("lost", "it never began")


def keep(
    store: MemoryNights, night: NightId, stage: StageName, status: Status = Status.READY
) -> None:
    store._keep(NightRecord(night, State(stage, status), bytes=1))


def test_a_night_is_claimed_once_it_was_looked_at_though_the_first_scan_goes_on(
    tmp_path: Path,
) -> None:
    store, watcher, attempts = MemoryNights(), Watcher(looked_at=set()), Lost()
    for night in (OLD, NEW):
        keep(store, night, StageName.SYNC)
    with looping(tmp_path, store, watcher, attempts) as (notifier, _):  # type: ignore[arg-type]
        wait_until(lambda: len(notifier.said) > 5, "turns of the loop")
        assert not attempts.made
        assert notifier.said[-1].startswith("looks at the nights for the first time")
        assert watcher.looked_at is not None
        watcher.looked_at.add(OLD)
        wait_until(lambda: attempts.made, "an attempt")
        said = len(notifier.said)
        wait_until(lambda: len(notifier.said) > said + 5, "turns of the loop")
        assert set(attempts.made) == {OLD}
        watcher.looked_at = None
        wait_until(lambda: NEW in attempts.made, "the other one")


def test_no_night_is_claimed_while_what_a_member_asked_for_begins_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, attempts, asked = MemoryNights(), Lost(), {NEW}
    keep(store, NEW, StageName.SYNC)
    monkeypatch.setattr(RequestDesk, "nights", property(lambda _: asked))
    with looping(tmp_path, store, Watcher(), attempts) as (notifier, _):  # type: ignore[arg-type]
        wait_until(lambda: len(notifier.said) > 20, "turns of the loop")
        assert not attempts.made
        asked.clear()
        wait_until(lambda: NEW in attempts.made, "the night, when that has begun")


def test_what_a_scan_that_failed_never_came_to_is_claimed_all_the_same(tmp_path: Path) -> None:
    store, attempts = MemoryNights(), Lost()
    watcher = Watcher(raises=KeyError("a bug"), looked_at=set())
    keep(store, NEW, StageName.SYNC)
    watcher.go_on.set()
    with (
        capture_logs(),
        looping(tmp_path, store, watcher, attempts),  # type: ignore[arg-type]
    ):
        wait_until(lambda: attempts.made, "an attempt", 10)


@dataclass
class Hanging:
    """Attempts of which those at one night hang until it answers; all are lost at once then."""

    at: NightId
    answers: threading.Event = field(default_factory=threading.Event)
    made: list[NightId] = field(default_factory=list)

    def make(self, record: NightRecord, *_: object) -> object:
        self.made.append(record.night)
        if record.night == self.at:
            assert self.answers.wait(60)
        raise TransientError("lost", "it never began")


def test_an_attempt_that_hangs_in_a_silent_disk_leaves_its_place_and_is_begun_again(
    tmp_path: Path,
) -> None:
    store, watcher, attempts = MemoryNights(), Watcher(), Hanging(OLD)
    for night in (OLD, NEW):
        keep(store, night, StageName.SYNC)
    one: Any = {"nights_at_once": 1}
    with (
        capture_logs() as logs,
        looping(tmp_path, store, watcher, attempts, schedule=one) as (notifier, _),  # type: ignore[arg-type]
    ):

        def turn() -> None:
            said = len(notifier.said)
            wait_until(lambda: len(notifier.said) > said + 5, "turns of the loop", 10)

        wait_until(lambda: attempts.made == [OLD], "an attempt", 10)
        watcher.silent = {OLD: time.monotonic()}
        turn()
        assert attempts.made == [OLD]
        watcher.silent = {OLD: time.monotonic() - scheduler_module._SILENT_S}
        wait_until(lambda: NEW in attempts.made, "the other night", 10)
        (why,) = {log["event"] for log in logs if log.get("night") == OLD.date}
        assert why == "night.interrupted"
        record = store.night(OLD)
        assert record is not None
        assert record.state.status is Status.READY
        # The thread of its first attempt still hangs.
        watcher.silent = {}
        turn()
        assert attempts.made.count(OLD) == 1
        watcher.silent = {OLD: time.monotonic()}
        attempts.answers.set()
        turn()
        assert attempts.made.count(OLD) == 1
        watcher.silent = {}
        wait_until(lambda: attempts.made.count(OLD) > 1, "another attempt", 10)


class ManyNights(MemoryNights):
    """A store of which all nights are read in 50 ms, and that has changed whenever it is asked."""

    reads = 0
    changes = 0

    def nights(self) -> tuple[NightRecord, ...]:
        self.reads += 1
        time.sleep(0.05)
        return super().nights()

    def change_counter(self) -> int:
        self.changes += 1
        return self.changes


def test_reading_thousands_of_nights_takes_a_fifth_of_a_core_while_they_change(
    tmp_path: Path,
) -> None:
    store, watcher = ManyNights(), Watcher()
    watcher.go_on.set()
    with looping(tmp_path, store, watcher) as (notifier, _):
        wait_until(lambda: len(notifier.said) > 5, "turns of the loop", 10)
        reads = store.reads
        time.sleep(1.0)
        assert 0 < store.reads - reads <= 5


class SlowNotes(MemoryNights):
    """A store that keeps a note in 10 ms."""

    noted = 0

    def update(self, night: NightId, changes: NightUpdate, *, claim: int | None = None) -> None:
        time.sleep(0.01)
        self.noted += 1
        super().update(night, changes, claim=claim)


def test_a_turn_ends_though_thousands_of_nights_get_another_note(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scheduler_module, "_NOTES_S", 0.05)
    store, watcher = SlowNotes(), Watcher(root_wait=Wait(WaitCode.ROOT_UNKNOWN, "another disk"))
    nights = [NightId(f"202510{day:02}", kind) for day in range(1, 31) for kind in Kind]
    for night in nights:
        keep(store, night, StageName.SYNC)
    with looping(tmp_path, store, watcher) as (notifier, _):
        wait_until(lambda: notifier.said, "the end of a turn", 10)
        assert store.noted < len(nights)
        wait_until(lambda: store.noted == len(nights), "all notes", 20)
        said = len(notifier.said)
        wait_until(lambda: len(notifier.said) > said + 5, "turns of the loop", 10)
    assert store.noted == len(nights)
