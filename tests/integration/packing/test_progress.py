"""Progress inside cubes: from the worker that packs to the store and the log."""

from __future__ import annotations

import multiprocessing
import pickle
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.support.builders.framelists import framelist_of
from tests.support.builders.raw_cubes import raw_pixels, write_raw_cube
from tests.support.fakes.memory_store import MemoryNights
from vampd.disk.pace import Flag, SharedPace, SteadyPace
from vampd.disk.shared import SharedMeter
from vampd.engine import attempt_progress
from vampd.errors import ClaimLost, TransientError
from vampd.fits.products import pack_cube
from vampd.fits.raw import frames
from vampd.fits.worker import pack_framelist
from vampd.model.crew import PackOrder
from vampd.model.cubes import format_framelist
from vampd.model.nights import Event, EventName, Kind, NightId, NightUpdate
from vampd.model.plan import Compare, Hash, Pack, Plan, Send, TakeOver
from vampd.model.proofs import Place

NIGHT = NightId("20251106", Kind.ENGINEERING)
CLOCK = 5.0


def _count_to(meter: SharedMeter, frames_: int) -> None:
    meter.begin()
    for _ in range(frames_):
        meter.add(1, 10**10)


def test_a_meter_is_read_while_another_process_counts(tmp_path: Path) -> None:
    meter = SharedMeter.create(tmp_path / "meter")
    assert meter.counts == (0, 0)
    meter.path.unlink()  # whoever maps it goes on
    counting = SharedMeter.create(tmp_path / "meter")
    worker = multiprocessing.get_context("spawn").Process(target=_count_to, args=(counting, 7))
    worker.start()
    worker.join(30)
    assert (worker.exitcode, counting.counts) == (0, (7, 7 * 10**10))
    assert pickle.loads(pickle.dumps(counting)).counts == counting.counts
    assert meter.counts == (0, 0)
    # A worker that takes the place of a lost one.
    counting.begin()
    assert counting.counts == (0, 0)


class _Reader(SteadyPace):
    """Reads a meter at every look."""

    def __init__(self, meter: SharedMeter) -> None:
        self._meter = meter
        self.seen: list[tuple[int, int]] = []

    def check(self) -> None:
        self.seen.append(self._meter.counts)


def test_frames_and_bytes_are_counted_inside_a_cube(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cube = write_raw_cube(tmp_path, pixels=raw_pixels(9, 5, 6))
    monkeypatch.setattr(frames, "BATCH_BYTES", 2 * 5 * 6 * 2)
    (tmp_path / "vgen2").mkdir()
    meter = SharedMeter.create(tmp_path / "meter")
    reader = _Reader(meter)
    framelist = framelist_of([cube])
    packed, sidecar = tmp_path / framelist.packed_path, tmp_path / framelist.sidecar_path
    pack_cube(framelist, tmp_path, packed, sidecar, "full", reader, meter)
    assert reader.seen == sorted(reader.seen)
    assert {counted for counted, _ in reader.seen} == {0, 2, 4, 6, 8, 9}
    assert all(size == counted * 60 for counted, size in reader.seen)
    assert meter.counts == (9, 9 * 60)


def test_a_worker_that_is_stopped_leaves_its_count_and_the_next_one_begins_anew(
    tmp_path: Path,
) -> None:
    framelist = framelist_of([write_raw_cube(tmp_path)])
    (tmp_path / "vgen2").mkdir()
    (tmp_path / framelist.path).write_text(format_framelist(framelist), newline="")
    meter = SharedMeter.create(tmp_path / "meter")
    meter.add(1000, 1000)
    pace = SharedPace(Flag.create(tmp_path / "pause"), Flag.create(tmp_path / "stop"))
    pack_framelist(PackOrder(tmp_path, framelist.path, "full"), pace, meter)
    assert meter.counts[0] == framelist.frames


class _BusyStore(MemoryNights):
    """Cannot be written to."""

    busy = False
    written = 0

    def update(self, night: NightId, changes: NightUpdate, *, claim: int | None = None) -> None:
        self.written += 1
        if self.busy:
            raise TransientError("store_busy", "somebody else writes")
        super().update(night, changes, claim=claim)


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A claimed night, the meters of its workers, and its progress, which tells at once."""
    store = _BusyStore()
    store.discover(NIGHT, 1.0)
    store.apply(NIGHT, Event(EventName.SETTLED), at=2.0, actor="test")
    record = store.apply(NIGHT, Event(EventName.CLAIMED), at=2.0, actor="test")
    monkeypatch.setattr(attempt_progress, "_REPORT_EVERY_S", 0.0)
    meters: dict[str, SharedMeter] = {}
    packers: list[str] = []
    telling = attempt_progress.Progress(
        record, store, meters, SteadyPace(), lambda: CLOCK, lambda: tuple(packers)
    )

    def shown() -> tuple[int, ...]:
        now = store.night(NIGHT)
        assert now is not None
        return now.done_actions, now.done_frames, now.all_frames, now.done_bytes, now.all_bytes

    def meter(path: str) -> SharedMeter:
        made = meters[path] = SharedMeter.create(tmp_path / path)
        return made

    return SimpleNamespace(store=store, progress=telling, shown=shown, meter=meter, packers=packers)


def test_the_note_of_a_night_names_the_hosts_that_pack_it(world: Any) -> None:
    def note() -> str | None:
        found: str | None = world.store.night(NIGHT).note
        return found

    world.store.update(NIGHT, NightUpdate(note="as it was"))
    world.progress.begin(Plan.of([Pack("a", "a.fz", 10, 1000)]))
    assert note() == "as it was"
    world.packers.extend(["sc5", "w1", "w2"])
    world.progress.look()
    assert note() == "packing on sc5, w1, w2"
    world.packers.clear()
    world.progress.look()
    assert not note()


def test_the_store_hears_of_cubes_at_work_and_counts_no_frame_twice(world: Any) -> None:
    first, second = Pack("a", "a.fz", 10, 1000), Pack("b", "b.fz", 20, 2000)
    world.progress.begin(Plan.of([first, second]))
    assert world.shown() == (0, 0, 30, 0, 3000)
    one, two = world.meter("a"), world.meter("b")
    one.add(4, 400)
    two.add(1, 100)
    world.progress.look()
    assert world.shown() == (0, 5, 30, 500, 3000)
    one.add(6, 600)
    world.progress.look()
    assert world.shown() == (0, 11, 30, 1100, 3000)
    world.progress.done(first)
    assert world.shown() == (1, 11, 30, 1100, 3000)
    two.begin()  # its worker was killed: what it had done is lost
    world.progress.look()
    assert world.shown() == (1, 10, 30, 1000, 3000)
    two.add(20, 2000)
    world.progress.done(second)
    assert world.shown() == (2, 30, 30, 3000, 3000)
    assert world.store.night(NIGHT).done_part == 1.0


def test_the_log_hears_of_progress_now_and_then(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1000.0
    monkeypatch.setattr(attempt_progress, "time", SimpleNamespace(monotonic=lambda: now))
    world.progress._logged_at = now
    world.progress.begin(Plan.of([Pack("a", "a.fz", 10, 1000)]))
    world.meter("a").add(4, 400)
    with capture_logs() as logs:
        for _ in range(600):
            now += 1.0
            world.progress.look()
    shown = [log for log in logs if log["event"] == "stage.progressed"]
    assert len(shown) == 10
    assert (shown[0]["done_frames"], shown[0]["all_bytes"], shown[0]["done_actions"]) == (
        4,
        1000,
        0,
    )


def test_a_store_that_is_busy_costs_no_work_and_a_lost_claim_is_heard(world: Any) -> None:
    pack = Pack("a", "a.fz", 10, 1000)
    world.progress.begin(Plan.of([pack]))
    world.store.busy = True
    world.progress.look()
    world.progress.done(pack)
    world.store.busy = False
    world.progress.look()
    assert world.shown() == (1, 10, 10, 1000, 1000)
    world.store.apply(NIGHT, Event(EventName.HELD), at=3.0, actor="a person")
    with pytest.raises(ClaimLost):
        world.progress.look()


def test_the_store_hears_how_fast_it_goes_in_cubes_and_since_when(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1000.0
    monkeypatch.setattr(attempt_progress, "time", SimpleNamespace(monotonic=lambda: now))
    first, second = Pack("a", "a.fz", 10, 1000), TakeOver("b.fz", 9000)
    world.progress.begin(Plan.of([first, second]))
    for _ in range(20):
        now += 1.0
        world.progress.look()
    assert world.store.night(NIGHT).bytes_per_s == 0
    now += 10.0
    world.progress.done(first)
    record = world.store.night(NIGHT)
    assert (record.done_files, record.all_files, record.bytes_per_s) == (1, 2, 1000 // 30)
    assert record.progressed_at == CLOCK
    # A new attempt begins with nothing done.
    world.store.apply(NIGHT, Event(EventName.ABANDONED), at=3.0, actor="test")
    again = world.store.apply(NIGHT, Event(EventName.CLAIMED), at=4.0, actor="test")
    assert (again.done_files, again.all_bytes, again.bytes_per_s) == (0, 0, 0)


def test_what_stands_still_is_written_now_and_then_and_a_lost_claim_is_heard_at_once(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1000.0
    monkeypatch.setattr(attempt_progress, "time", SimpleNamespace(monotonic=lambda: now))
    world.progress.begin(Plan.of([Pack("a", "a.fz", 10, 1000)]))
    for _ in range(60):
        now += 1.0
        world.progress.look()
    assert world.store.written == 1 + 6
    world.meter("a").add(1, 100)
    now += 1.0
    world.progress.look()
    assert world.shown()[1] == 1
    world.store.apply(NIGHT, Event(EventName.HELD), at=3.0, actor="a person")
    now += 1.0
    with pytest.raises(ClaimLost):
        world.progress.look()


def test_what_is_sent_or_lies_there_counts_when_it_was_read_there(world: Any) -> None:
    here = Hash(("a", "b"), Place.HERE, bytes=700)
    there = Hash(("a",), Place.ARCHIVE, bytes=300)
    send = Send(("b",), Compare.NOTHING, bytes=400)
    world.progress.begin(Plan.of([here], [there], [send]))
    for action, done, files in ((here, 0, 0), (there, 300, 1), (send, 700, 2)):
        world.progress.done(action)
        record = world.store.night(NIGHT)
        assert (record.done_bytes, record.all_bytes) == (done, 700)
        assert (record.done_files, record.all_files) == (files, 2)
