"""No night begins before it is quiet, its hour has come and it is ours."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.support.builders.nights import make_night
from tests.support.builders.smallest_night import add_late_cubes, make_smallest
from tests.support.daemon.running import (
    held_worker,
    log_of,
    run_until_idle,
    running,
    settle,
    wait_until,
)
from tests.support.daemon.settling import settle_here
from tests.support.daemon.site import Site, configure
from tests.support.daemon.state import audit, history_of, product_tree, record_of
from tests.support.examples import others_in_soak
from tests.support.worlds.sites.busy_site import (
    assert_done,
    has_status,
    streaming,
    wait_for_event,
)
from tests.support.worlds.sites.looked_at import World
from vampd.engine.nights.night_listing import list_night
from vampd.model.nights import EventName, Kind, NightId, StageName, State, Status
from vampd.simulate import CROP_64, Run, Scenario, Writer, plan_night, write_night


def test_an_archive_night_waits_for_its_hour_and_an_engineering_night_does_not(
    site: Site,
) -> None:
    tomorrow = f"{datetime.now(UTC) + timedelta(days=1):%Y%m%d}"
    archive, _ = make_smallest(site.root, tomorrow)
    engineering, _ = make_smallest(site.root, tomorrow, Kind.ENGINEERING)
    before = tree_state(site.folder(archive))
    settle(site)
    assert_done(site, engineering)
    record = record_of(site, archive)
    assert record.state.status is Status.FILLING
    assert "20:00" in (record.note or "")
    assert tree_state(site.folder(archive)) == before


def tree_state(folder: Path) -> dict[str, tuple[object, ...]]:
    """All of a folder: names, links, inodes, times, permissions, content."""
    state: dict[str, tuple[object, ...]] = {}
    for path in (folder, *sorted(folder.rglob("*"))):
        status = path.lstat()
        content = path.read_bytes() if path.is_file() else b""
        state[path.relative_to(folder).as_posix()] = (
            status.st_ino,
            status.st_mtime_ns,
            status.st_mode,
            status.st_nlink,
            content,
        )
    return state


def _folder(name: str) -> Callable[[Site, NightId], None]:
    return lambda site, night: (site.folder(night) / name).mkdir()


def _product(name: str) -> Callable[[Site, NightId], None]:
    def make(site: Site, night: NightId) -> None:
        (site.folder(night) / "vgen2").mkdir()
        (site.folder(night) / "vgen2" / name).write_text("theirs")

    return make


def _row(name: str) -> Callable[[Site, NightId], None]:
    def make(site: Site, night: NightId) -> None:
        with (site.root / "ARCHIVED_DATA" / name).open("a") as log:
            log.write(f"/mnt/fuuu/ARCHIVED_DATA/{night.date},2025-11-06,True,,False,,False,\n")

    return make


def _frame_id(site: Site, night: NightId) -> None:
    cube = min((site.folder(night) / "vcam1").glob("*.fits"))
    content = cube.read_bytes()
    at = content.index(b"FRAMEID =")
    card = b"FRAMEID = 'VMPA00012345'".ljust(80)
    cube.write_bytes(content[:at] + card + content[at + 80 :])


TRACES: dict[str, Callable[[Site, NightId], None]] = {
    "vcam1_hlinkbak": _folder("vcam1_hlinkbak"),
    "vcam2_hlinkbak": _folder("vcam2_hlinkbak"),
    "vsync": _folder("vsync"),
    "vsolo1": _folder("vsolo1"),
    "vbad": _folder("vbad"),
    "plain product": _product("VMPA00012345.fits"),
    "packed product": _product("VMPA00012345.fits.fz"),
    "name changes": _product("name_changes.txt"),
    "archive log": _row("ARCHIVE_LOG.csv"),
    "processing log": _row("PROCESSING_LOG.csv"),
    "frame ID": _frame_id,
}


def test_hands_off_what_the_old_tools_touched(site: Site) -> None:
    nights = {}
    for day, (name, leave) in enumerate(TRACES.items(), start=1):
        night, _ = make_smallest(site.root, f"202510{day:02d}", seed=day)
        leave(site, night)
        nights[name] = night
    clean, _ = make_smallest(site.root, "20251106")
    before = {name: tree_state(site.folder(night)) for name, night in nights.items()}
    settle_here(site)
    for name, night in nights.items():
        record = record_of(site, night)
        assert record.state.status is Status.LEGACY, name
        assert record.note_code == "legacy", name
        assert tree_state(site.folder(night)) == before[name], name
    # They never ask for frame IDs by themselves, so they block nobody.
    assert_done(site, clean)


def test_nights_before_ignore_before_are_listed_and_never_touched(site: Site) -> None:
    configure(site, watch={"ignore_before": "20251101"})
    old, _ = make_smallest(site.root, "20251031")
    new, _ = make_smallest(site.root, "20251101")
    before = tree_state(site.folder(old))
    settle_here(site)
    assert_done(site, new)
    assert record_of(site, old).state.status is Status.FILLING
    assert tree_state(site.folder(old)) == before


STREAMING = Scenario(
    "streaming",
    CROP_64,
    (
        Run(
            triggers=200,
            period_us=10_000,
            exptime_us=9_000,
            frames_per_cube=(40, 40),
            offset_us=110.0,
        ),
    ),
)


@contextmanager
def logging(site: Site, night: NightId, writer: Writer) -> Iterator[threading.Event]:
    """Cameras that write two seconds of a night in its own time; the event tells of their end."""
    ended = threading.Event()

    def write() -> None:
        write_night(plan_night(STREAMING, night, 7), site.root, writer=writer)
        ended.set()

    with ThreadPoolExecutor(1) as executor:
        future = executor.submit(write)
        yield ended
        future.result()


@pytest.mark.parametrize("writer", others_in_soak([Writer.OLD_LOGGER, Writer.RECENT_LOGGER]))
def test_a_night_is_not_touched_before_it_is_quiet(site: Site, writer: Writer) -> None:
    configure(site, watch={"quiet_after_s": 1.0})
    night = NightId("20251106", Kind.ARCHIVE)
    folder = site.folder(night)
    with running(site) as daemon:
        with logging(site, night, writer) as ended:
            wait_until(has_status(site, night, Status.FILLING), "discovered")
            while not ended.is_set():
                names = {path.name for path in folder.iterdir()} if folder.exists() else set()
                assert names <= {"vcam1", "vcam2"}
                assert has_status(site, night, Status.FILLING)()
                time.sleep(0.1)
        written_at = max(path.stat().st_mtime for path in folder.rglob("*"))
        wait_until(has_status(site, night, Status.DONE), "done")
        assert daemon.stop() == 0
    settled = [e for e in history_of(site, night) if e.event is EventName.SETTLED]
    assert len(settled) == 1
    assert settled[0].at >= written_at + 1.0
    assert_done(site, night)
    shown = audit(site, night)
    assert shown["rejected"] == []
    assert not (folder / "vgen2" / "generation_0002.json").exists()


def test_work_pauses_while_a_camera_writes(site: Site) -> None:
    # One worker: what stands at the gate is then all that moves.
    configure(site, watch={"quiet_after_s": 2.0}, schedule={"workers": 1})
    packing, _ = make_smallest(site.root)
    with held_worker(site) as (daemon, gate, _):
        products = site.folder(packing) / "vgen2"
        with streaming(site):
            wait_for_event(site, "work.paused")
            packed = product_tree(products)
            later, _ = make_smallest(site.root, "20251105", Kind.ENGINEERING)
            gate.open()
            wait_until(has_status(site, later, Status.READY), "the later night is ready")
            time.sleep(1)
            assert product_tree(products) == packed
            assert not (site.folder(later) / "vgen2").exists()
            assert not log_of(site).named("work.resumed")
        for night in (packing, later):
            wait_until(has_status(site, night, Status.DONE), f"{night} done")
        assert daemon.stop() == 0
    assert log_of(site).named("work.resumed")
    assert record_of(site, packing).state.attempts == 0


def test_data_written_while_the_daemon_is_down_are_waited_for(site: Site) -> None:
    night, _ = make_smallest(site.root)
    crashed = run_until_idle(site, VAMPD_FAILPOINT="night_watcher.event.committed")
    assert crashed.status == -signal.SIGKILL
    assert record_of(site, night).state.status is Status.READY
    add_late_cubes(site.root)
    settle(site)
    assert_done(site, night)
    assert EventName.STIRRED in {event.event for event in history_of(site, night)}
    assert not (site.folder(night) / "vgen2" / "generation_0002.json").exists()


@pytest.mark.soak
def test_a_night_folder_that_goes_away_ends_nobody(site: Site) -> None:
    gone, _ = make_smallest(site.root, "20251101", Kind.ENGINEERING)
    with running(site) as daemon:
        wait_until(has_status(site, gone, Status.DONE), "done")
        site.folder(gone).rename(site.base / "moved away")
        night, _ = make_smallest(site.root, "20251106", Kind.ENGINEERING)
        wait_until(has_status(site, night, Status.DONE), "done")
        assert daemon.stop() == 0
    assert record_of(site, gone).state.status is Status.DONE


def test_open_nights_are_scanned_alone_while_they_are_written_to_and_none_comes_or_goes(
    tmp_path: Path,
) -> None:
    world = World(tmp_path)
    finished, _ = make_night(tmp_path, date="20251105", kind=Kind.ENGINEERING)
    filling, _ = make_night(tmp_path, date="20251106", kind=Kind.ENGINEERING)
    record = world.store.discover(finished, 1.0)
    signature = list_night(tmp_path / finished.folder).look.signature
    done = State(StageName.TRANSFER, Status.DONE)
    world.store._keep(replace(record, state=done, signature=signature))
    world.now_s = time.time()

    def scan_open(*written: NightId) -> tuple[NightId, ...]:
        world.still_s += 10.0
        world.now_s += 10.0
        for night in written:
            path = tmp_path / night.folder / "vcam1" / "vcam1_late.fits"
            path.touch()
            os.utime(path, (world.now_s, world.now_s))
        return tuple(world.watcher.scan_open(world.settings))

    assert scan_open(filling) == (filling, finished), "the first scan is of all"
    for _ in range(3):
        assert scan_open(filling) == (filling,)
    assert scan_open(filling, finished) == (filling,)
    assert world.watcher.unsettled == {filling}
    assert world.status(finished) is Status.DONE
    # The cameras write to another night, and what pauses for them pauses on.
    assert set(scan_open(finished)) == {filling, finished}
    assert world.status(finished) is Status.FILLING
    assert world.watcher.cameras_wrote_at == world.now_s
    assert set(scan_open(filling)) == {filling, finished}, "it fills again"
    appeared, _ = make_night(tmp_path, date="20251107", kind=Kind.ENGINEERING)
    assert set(scan_open(filling)) == {filling, finished, appeared}
    assert world.watcher.unsettled == {filling, finished, appeared}


def test_cameras_that_write_to_a_held_night_are_seen_and_followed(tmp_path: Path) -> None:
    world = World(tmp_path)
    held, _ = make_night(tmp_path, date="20251106", kind=Kind.ENGINEERING)
    record = world.store.discover(held, 1.0)
    world.store._keep(replace(record, state=State(StageName.FPACK, Status.HELD)))
    stream = tmp_path / held.folder / "vcam1"
    for path in (*(tmp_path / held.folder).glob("vcam?/*"), *(tmp_path / held.folder).iterdir()):
        os.utime(path, (world.now_s - 86_400,) * 2)
    world.scan()
    assert (world.watcher.open_nights, world.watcher.unsettled) == ((), frozenset())
    # A new cube, which grows.
    late = stream / "vcam1_late.fits"
    late.touch()
    os.utime(stream, (world.now_s - 60,) * 2)
    for look in (world.watcher.scan, world.watcher.scan_open):
        world.now_s += 5.0
        os.utime(late, (world.now_s,) * 2)
        assert list(look(world.settings)) == [held]
        assert world.watcher.cameras_wrote_at == world.now_s
        assert (world.watcher.open_nights, world.watcher.unsettled) == ((held,), frozenset())
    assert world.status(held) is Status.HELD
    # As at a start, before any night is claimed.
    world.watcher = world.restarted()
    next(iter(world.watcher.scan(world.settings)))
    assert world.watcher.cameras_wrote_at == world.now_s
    world.now_s += 2 * 3600.0
    world.scan()
    assert world.watcher.open_nights == ()
