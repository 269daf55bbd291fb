"""The daemon among people, signals, cameras and systemd."""

from __future__ import annotations

import os
import signal
import socket
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.support.builders.nights import make_scenario
from tests.support.builders.smallest_night import SMALLEST, UNPAIRED, add_late_cubes, make_smallest
from tests.support.worlds.daemon import (
    PATIENCE_S,
    QUIET_S,
    Daemon,
    Site,
    audit,
    configure,
    connected,
    cpu_s,
    held_worker,
    history_of,
    is_alive,
    ledger_rows,
    log_of,
    make_site,
    product_tree,
    raw_state,
    record_of,
    run_until_idle,
    running,
    settle,
    tell,
    vampctl,
    wait_until,
)
from vampd import __version__
from vampd.model.nights import EventName, Kind, NightId, StageName, Status
from vampd.simulate import CROP_64, Run, Scenario, Writer, plan_night, write_night

FAST = {"watch": {"stale_after_s": 0.3}, "retry": {"first_delay_s": 0.2, "max_delay_s": 0.5}}
# "Within about a second", on a machine that runs other tests as well.
ABOUT_A_SECOND_S = 3.0
# Long for a worker that packs a few frames, short for a test.
DEADLINE_S = 4.0
# A second where vampd waits for many: the soak waits for them.
SOON_OR_AS_IT_IS = pytest.mark.parametrize(
    "wait_s", [1.0, pytest.param(None, marks=pytest.mark.soak)], ids=["soon", "as it is"]
)


def times(constant: str, wait_s: float | None) -> dict[str, float]:
    return {} if wait_s is None else {constant: wait_s}


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return make_site(tmp_path, **FAST)


def assert_done(site: Site, night: NightId) -> None:
    record = record_of(site, night)
    assert record.state.status is Status.DONE, (record.code, record.error, record.note)
    told = audit(site, night)
    assert told["balanced"], told["findings"]
    hidden = [name for name in product_tree(site.folder(night)) if "/." in f"/{name}"]
    assert not hidden


def has_status(
    site: Site, night: NightId, status: Status, stage: StageName | None = None
) -> Callable[[], bool]:
    def look() -> bool:
        if not site.database.exists():
            return False
        with connected(site) as connections:
            record = connections.store.night(night)
        assert record is None or record.code != "bug", record.error
        return (
            record is not None
            and record.state.status is status
            and stage in (None, record.state.stage)
        )

    return look


def wait_for_event(site: Site, event: str, within_s: float = 60.0) -> float:
    return wait_until(lambda: log_of(site).named(event), event, within_s)


def slow_rsync(site: Site, kilobytes_a_second: int = 1) -> str:
    """An rsync that takes its time."""
    script = site.base / "slow-rsync"
    script.write_text(f'#!/bin/sh\nexec rsync --bwlimit={kilobytes_a_second} "$@"\n')
    script.chmod(0o755)
    return str(script)


def stop_flag_is_up(site: Site) -> bool:
    """Whether an attempt has been asked to end."""
    others = ("pause", "meter-")  # the cameras' flag, and how far cubes are
    flags = (site.database.parent / "flags").iterdir()
    return any(p.read_bytes() != b"\0" for p in flags if not p.name.startswith(others))


@contextmanager
def streaming(site: Site) -> Iterator[None]:
    """A camera that writes a cube without a pause until the block ends; then it is gone."""
    cube = site.folder(NightId("20251107", Kind.ENGINEERING)) / "vcam1" / "vcam1.fits.1.1.tmp"
    cube.parent.mkdir(parents=True)
    ended = threading.Event()

    def write() -> None:
        while not ended.wait(0.05):
            with cube.open("ab") as file:
                file.write(b"x")

    with ThreadPoolExecutor(1) as executor:
        future = executor.submit(write)
        try:
            yield
        finally:
            ended.set()
        future.result()
    cube.unlink()


# --- the end of the daemon, and of others ---------------------------------------------------------


@SOON_OR_AS_IT_IS
@pytest.mark.parametrize("hangs", [False, True], ids=["working", "hanging"])
def test_sigterm_during_packing_ends_within_30_s_and_costs_nothing(
    site: Site, hangs: bool, wait_s: float | None
) -> None:
    night, _ = make_smallest(site.root)
    until_killed = times("vampd.engine.workers._STOP_WITHIN_S", wait_s)
    with held_worker(site, times_s=until_killed) as (daemon, gate, worker):
        children = daemon.children()
        assert worker in children
        if hangs:
            os.kill(worker, signal.SIGSTOP)
        daemon.signal(signal.SIGTERM)
        # From then on the worker has been asked to end, and gets to know it at its next look.
        wait_until(lambda: stop_flag_is_up(site), "the stop flag")
        gate.open()
        assert daemon.process.wait(30) == 0
        wait_until(lambda: not any(map(is_alive, children)), "all children gone", 5)
    record = record_of(site, night)
    assert (record.state.stage, record.state.status) == (StageName.FPACK, Status.READY)
    assert record.state.attempts == 0
    assert history_of(site, night)[-1].event is EventName.ABANDONED
    settle(site)
    assert_done(site, night)


def test_sigterm_during_transfer_ends_soon_and_resumes(site: Site) -> None:
    configure(site, **FAST, transfer={"rsync": slow_rsync(site)})
    night, _ = make_smallest(site.root, kind=Kind.ENGINEERING)
    with running(site) as daemon:
        wait_until(lambda: daemon.programs("rsync"), "rsync")
        assert daemon.stop(within_s=30) == 0
    assert history_of(site, night)[-1].event is EventName.ABANDONED
    products = {p.name: p.stat().st_size for p in (site.folder(night) / "vgen2").glob("*.fz")}
    for path in (site.copy(night) / "vgen2").glob("*.fz"):
        assert path.stat().st_size == products[path.name]
    configure(site, **FAST)
    settle(site)
    assert_done(site, night)


@SOON_OR_AS_IT_IS
def test_a_thread_that_hangs_does_not_keep_the_daemon_from_its_end(
    site: Site, wait_s: float | None
) -> None:
    fifo = site.base / "keywords.toml"
    os.mkfifo(fifo)  # to open it is to wait for ever, as on a disk that does not answer
    configure(site, **FAST, headers={"dictionary": str(fifo)})
    night, _ = make_smallest(site.root)
    with running(site, times_s=times("vampd.daemon.scheduler._STOP_WITHIN_S", wait_s)) as daemon:
        wait_until(has_status(site, night, Status.RUNNING, StageName.HEADERS), "headers")
        assert daemon.stop(within_s=30) == 0
    configure(site, **FAST)
    settle(site)
    assert_done(site, night)
    assert EventName.INTERRUPTED in {event.event for event in history_of(site, night)}


def test_a_second_daemon_names_the_holder_and_ends(site: Site) -> None:
    with running(site) as daemon:
        wait_until(site.database.exists, "the database")
        wait_until((site.database.parent / "vampd.db.lock").read_text, "the lock")
        second = run_until_idle(site)
        assert second.status == 1
        assert f"pid {daemon.process.pid} " in second.log
        assert "Traceback" not in second.log
        assert daemon.process.poll() is None
        assert daemon.stop() == 0


@pytest.mark.parametrize("hangs", [False, True], ids=["working", "hanging"])
def test_workers_die_with_the_daemon(site: Site, hangs: bool) -> None:
    night, _ = make_smallest(site.root)
    with held_worker(site) as (daemon, _, worker):
        children = daemon.children()
        assert worker in children
        if hangs:
            os.kill(worker, signal.SIGSTOP)
        daemon.kill()
        with suppress(ProcessLookupError):  # one that was at work may be dead by now
            os.kill(worker, signal.SIGCONT)
        wait_until(lambda: not any(map(is_alive, children)), "all children gone", 10)
    settle(site)
    assert_done(site, night)


def test_rsync_dies_with_the_daemon(site: Site) -> None:
    configure(site, **FAST, transfer={"rsync": slow_rsync(site)})
    night, _ = make_smallest(site.root, kind=Kind.ENGINEERING)
    with running(site) as daemon:
        wait_until(lambda: len(daemon.programs("rsync")) > 1, "rsync and its receiver")
        children = daemon.children()
        daemon.kill()
        wait_until(lambda: not any(map(is_alive, children)), "all children gone", 10)
    configure(site, **FAST)
    settle(site)
    assert_done(site, night)
    copied = [path.name for path in site.copy(night).rglob("*")]
    assert not [name for name in copied if name.startswith(".")]


def test_a_killed_worker_costs_a_retry_of_its_action_only(site: Site) -> None:
    night, _ = make_smallest(site.root)
    with held_worker(site, "--until-idle") as (daemon, gate, worker):
        os.kill(worker, signal.SIGKILL)
        gate.open()
        assert daemon.process.wait(PATIENCE_S) == 0
    assert_done(site, night)
    lost = log_of(site).named("worker.lost")
    assert [record["code"] for record in lost] == ["worker_died"]
    assert {"night", "stage", "attempt"} <= lost[0].keys()
    claims = [e.stage for e in history_of(site, night) if e.event is EventName.CLAIMED]
    assert claims.count(StageName.FPACK) == 1


def test_a_hanging_worker_is_killed_at_its_deadline(site: Site) -> None:
    configure(site, **FAST, schedule={"worker_deadline_s": DEADLINE_S})
    night, _ = make_smallest(site.root)
    with held_worker(site, "--until-idle") as (daemon, gate, worker):
        os.kill(worker, signal.SIGSTOP)
        gate.open()
        assert daemon.process.wait(PATIENCE_S) == 0
        assert not is_alive(worker)
    assert_done(site, night)
    assert [record["code"] for record in log_of(site).named("worker.lost")] == ["worker_deadline"]


def test_a_pause_does_not_count_for_the_deadline(site: Site) -> None:
    configure(site, watch={"quiet_after_s": 2.0}, schedule={"worker_deadline_s": DEADLINE_S})
    packing, _ = make_smallest(site.root)
    with held_worker(site) as (daemon, gate, _):
        with streaming(site):
            wait_for_event(site, "work.paused")
            time.sleep(1.5 * DEADLINE_S)  # what would be too long for a worker that is at work
            assert not log_of(site).named("work.resumed")
        gate.open()
        wait_until(has_status(site, packing, Status.DONE), "done")
        assert daemon.stop() == 0
    assert not log_of(site).named("worker.lost")


def test_idle_workers_that_die_are_replaced(site: Site) -> None:
    first, _ = make_smallest(site.root, "20251105", Kind.ENGINEERING)
    with running(site) as daemon:
        wait_until(has_status(site, first, Status.DONE), "done")
        for worker in daemon.workers():
            os.kill(worker, signal.SIGKILL)
        time.sleep(1)
        second, _ = make_smallest(site.root, "20251106", Kind.ENGINEERING)
        wait_until(has_status(site, second, Status.DONE), "done")
        assert daemon.stop() == 0
    assert_done(site, second)
    assert record_of(site, second).state.attempts == 0


def test_a_fork_server_that_dies_is_replaced(site: Site) -> None:
    first, _ = make_smallest(site.root, "20251105", Kind.ENGINEERING)
    with running(site) as daemon:
        wait_until(has_status(site, first, Status.DONE), "done")
        for child in daemon.children():
            os.kill(child, signal.SIGKILL)
        time.sleep(1)
        second, _ = make_smallest(site.root, "20251106", Kind.ENGINEERING)
        wait_until(has_status(site, second, Status.DONE), "done")
        assert daemon.stop() == 0
    assert_done(site, second)


# --- people ---------------------------------------------------------------------------------------


@pytest.fixture
def transferring(site: Site) -> Iterator[tuple[Site, NightId, Daemon]]:
    """A daemon whose night takes very long to travel."""
    configure(site, **FAST, transfer={"rsync": slow_rsync(site)})
    night, _ = make_smallest(site.root)
    with running(site) as daemon:
        wait_until(lambda: daemon.programs("rsync"), "rsync")
        yield site, night, daemon


def test_hold_and_release_are_heard_while_a_night_runs(
    transferring: tuple[Site, NightId, Daemon],
) -> None:
    site, night, daemon = transferring
    begin = time.monotonic()
    assert vampctl(site, "hold", night.date, "--reason", "look at it").returncode == 0
    wait_until(lambda: not daemon.programs("rsync"), "rsync ended", 10)
    wait_for_event(site, "stage.superseded", 10)
    assert time.monotonic() - begin < ABOUT_A_SECOND_S + 2
    record = record_of(site, night)
    assert (record.state.stage, record.state.status) == (StageName.TRANSFER, Status.HELD)
    assert record.error == "look at it"
    time.sleep(1)
    assert has_status(site, night, Status.HELD)()
    assert not daemon.programs("rsync")
    configure(site, **FAST)
    daemon.signal(signal.SIGHUP)
    wait_for_event(site, "config.reloaded")
    assert vampctl(site, "release", night.date).returncode == 0
    wait_until(has_status(site, night, Status.DONE), "done")
    assert_done(site, night)


def test_the_log_says_which_vampd_runs_on_what_and_what_a_reload_changed(site: Site) -> None:
    make_smallest(site.root)
    with running(site) as daemon:
        wait_for_event(site, "night.discovered")
        configure(site, retry={"attempts": 7})
        daemon.signal(signal.SIGHUP)
        wait_for_event(site, "config.reloaded")
        assert daemon.stop() == 0
    log = log_of(site)
    (started,) = log.named("daemon.started")
    assert started["version"] == __version__
    assert started["configuration"] == str(site.config)
    assert started["root"] == str(site.root)
    assert started["nights"] == 0
    (reloaded,) = log.named("config.reloaded")
    assert "retry.attempts" in reloaded["changed"]
    assert not any("root" in key for key in reloaded["changed"])
    assert len(log.named("daemon.stopped")) == 1


def test_retry_is_heard_while_a_night_runs(
    transferring: tuple[Site, NightId, Daemon],
) -> None:
    site, night, daemon = transferring
    before = product_tree(site.folder(night))
    claim = record_of(site, night).claim
    tell(site, night, EventName.RETRIED, StageName.SYNC)
    waited_s = wait_until(lambda: record_of(site, night).claim > claim, "claimed again", 10)
    assert waited_s < ABOUT_A_SECOND_S + 2
    configure(site, **FAST)
    daemon.signal(signal.SIGHUP)
    wait_for_event(site, "config.reloaded")
    tell(site, night, EventName.RETRIED)
    wait_until(has_status(site, night, Status.DONE), "done")
    assert_done(site, night)
    after = product_tree(site.folder(night))
    assert {name: after[name] for name in before} == before


def test_the_facts_of_a_lost_claim_are_dropped(
    transferring: tuple[Site, NightId, Daemon],
) -> None:
    site, night, daemon = transferring
    tell(site, night, EventName.HELD)
    wait_for_event(site, "stage.superseded", 10)
    assert record_of(site, night).safe_at is None
    assert daemon.stop() == 0


@SOON_OR_AS_IT_IS
def test_a_store_that_is_busy_for_long_ends_nobody(site: Site, wait_s: float | None) -> None:
    night, _ = make_smallest(site.root)
    with running(site, times_s=times("vampd.store.connection.BUSY_TIMEOUT_S", wait_s)) as daemon:
        wait_until(has_status(site, night, Status.RUNNING), "a running night")
        with closing(sqlite3.connect(site.database, isolation_level=None)) as other:
            other.execute("PRAGMA busy_timeout = 10000")
            other.execute("BEGIN IMMEDIATE")
            wait_until(lambda: "store.waited" in site.log.read_text(), "a waiting daemon", 30)
            other.execute("ROLLBACK")
        wait_until(has_status(site, night, Status.DONE), "done")
        assert daemon.stop() == 0
    assert_done(site, night)


# --- the order of frame IDs -----------------------------------------------------------------------


def make_unexpected(site: Site, date: str) -> NightId:
    """An archive night most of whose frames should have a partner and have none."""
    return make_scenario(site.root, UNPAIRED, date, Kind.ARCHIVE, 5)[0]


def test_an_unexpected_night_is_held_before_frame_ids_until_it_is_released(site: Site) -> None:
    night = make_unexpected(site, "20251106")
    settle(site)
    record = record_of(site, night)
    assert (record.state.stage, record.state.status) == (StageName.FRAMEIDS, Status.HELD)
    assert record.code == "sync_unexpected"
    assert not site.ledger.exists()
    assert ledger_rows(site) == []
    tell(site, night, EventName.RELEASED)
    settle(site)
    assert_done(site, night)


def test_an_unexpected_engineering_night_is_not_held(site: Site) -> None:
    night = make_scenario(site.root, UNPAIRED, "20251106", Kind.ENGINEERING, 5)[0]
    settle(site)
    assert_done(site, night)


def test_the_gate_can_be_configured_away(site: Site) -> None:
    configure(site, **FAST, sync={"hold_when_unexpected": False})
    night = make_unexpected(site, "20251106")
    settle(site)
    assert_done(site, night)


def test_frame_ids_keep_their_order_across_nights(site: Site) -> None:
    older = make_unexpected(site, "20251104")
    younger, _ = make_smallest(site.root, "20251106")
    settle(site)
    assert record_of(site, older).state.status is Status.HELD
    record = record_of(site, younger)
    assert (record.state.stage, record.state.status) == (StageName.FRAMEIDS, Status.READY)
    assert older.date in (record.note or "")
    assert older.date in vampctl(site, "status", "--json").stdout
    tell(site, older, EventName.RELEASED)
    settle(site)
    assert_done(site, older)
    assert_done(site, younger)
    assert record_of(site, younger).note in (None, "")
    ids = {
        night: [p.name for p in (site.folder(night) / "vgen2").glob("VMPA*.fits.fz")]
        for night in (older, younger)
    }
    assert max(ids[older]) < min(ids[younger])


def test_a_released_night_passes_older_ones(site: Site) -> None:
    older = make_unexpected(site, "20251104")
    younger, _ = make_smallest(site.root, "20251106")
    settle(site)
    tell(site, younger, EventName.RELEASED)
    settle(site)
    assert_done(site, younger)
    assert record_of(site, older).state.status is Status.HELD


def test_an_older_night_without_raw_files_blocks_nobody(site: Site) -> None:
    (site.root / "ARCHIVED_DATA" / "20251101" / "vcam1").mkdir(parents=True)
    night, _ = make_smallest(site.root)
    settle(site)
    assert_done(site, night)
    empty = record_of(site, NightId("20251101", Kind.ARCHIVE))
    assert (empty.state.status, empty.note) == (Status.FILLING, "no raw cubes yet")


def test_without_an_authority_archive_nights_wait_before_frameids(site: Site) -> None:
    configure(site, **FAST, frameids={"authority": "none"})
    archive, _ = make_smallest(site.root)
    engineering, _ = make_smallest(site.root, kind=Kind.ENGINEERING)
    settle(site)
    assert_done(site, engineering)
    record = record_of(site, archive)
    assert (record.state.stage, record.state.status) == (StageName.FRAMEIDS, Status.READY)
    assert "none" in (record.note or "")
    assert not site.ledger.exists()
    configure(site, **FAST)
    settle(site)
    assert_done(site, archive)


# --- quiet, hours, and the old tools --------------------------------------------------------------


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
    settle(site)
    for name, night in nights.items():
        record = record_of(site, night)
        assert record.state.status is Status.HELD, name
        assert record.code == "old_tools", name
        assert tree_state(site.folder(night)) == before[name], name
    # They never ask for frame IDs by themselves, so they block nobody.
    assert_done(site, clean)


def test_nights_before_ignore_before_are_listed_and_never_touched(site: Site) -> None:
    configure(site, watch={"stale_after_s": 0.3, "ignore_before": "20251101"})
    old, _ = make_smallest(site.root, "20251031")
    new, _ = make_smallest(site.root, "20251101")
    before = tree_state(site.folder(old))
    settle(site)
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


@pytest.mark.parametrize("writer", [Writer.RECENT_LOGGER, Writer.OLD_LOGGER])
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
    told = audit(site, night)
    assert told["rejected"] == []
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


def test_a_night_folder_that_goes_away_ends_nobody(site: Site) -> None:
    gone, _ = make_smallest(site.root, "20251101", Kind.ENGINEERING)
    with running(site) as daemon:
        wait_until(has_status(site, gone, Status.DONE), "done")
        site.folder(gone).rename(site.base / "moved away")
        night, _ = make_smallest(site.root, "20251106", Kind.ENGINEERING)
        wait_until(has_status(site, night, Status.DONE), "done")
        assert daemon.stop() == 0
    assert record_of(site, gone).state.status is Status.DONE


# --- configuration, systemd, cost -----------------------------------------------------------------


def test_sighup_reads_the_configuration_again(site: Site) -> None:
    configure(site, **FAST, frameids={"authority": "none"})
    night, _ = make_smallest(site.root)
    with running(site) as daemon:
        wait_until(has_status(site, night, Status.READY, StageName.FRAMEIDS), "before frameids")
        good = site.config.read_text()
        site.config.write_text("[watch]\nrooot = '/nowhere'\n")
        daemon.signal(signal.SIGHUP)
        wait_for_event(site, "config.refused")
        assert "rooot" in log_of(site).named("config.refused")[0]["error"]
        assert daemon.process.poll() is None
        site.config.write_text(good.replace('"none"', '"local"'))
        daemon.signal(signal.SIGHUP)
        wait_until(has_status(site, night, Status.DONE), "done")
        assert daemon.stop() == 0
    assert_done(site, night)


def test_sighup_cannot_move_root_and_database(site: Site) -> None:
    night, _ = make_smallest(site.root, kind=Kind.ENGINEERING)
    with running(site) as daemon:
        wait_until(has_status(site, night, Status.DONE), "done")
        elsewhere = site.base / "elsewhere"
        elsewhere.mkdir()
        make_smallest(elsewhere, "20251107", Kind.ENGINEERING)
        text = site.config.read_text()
        site.config.write_text(text.replace(str(site.root), str(elsewhere)))
        daemon.signal(signal.SIGHUP)
        wait_for_event(site, "config.kept")
        site.config.write_text(text)
        second, _ = make_smallest(site.root, "20251108", Kind.ENGINEERING)
        wait_until(has_status(site, second, Status.DONE), "done")
        assert daemon.stop() == 0
    assert not (elsewhere / "20251107" / "vgen2").exists()


def test_systemd_is_told(site: Site) -> None:
    path = site.base / "notify"
    night, _ = make_smallest(site.root, kind=Kind.ENGINEERING)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(str(path))
        receiver.settimeout(0.2)
        told: list[str] = []

        def hear(until: Callable[[], bool], within_s: float = 60.0) -> None:
            deadline = time.monotonic() + within_s
            while not until() and time.monotonic() < deadline:
                try:
                    told.append(receiver.recv(4096).decode())
                except TimeoutError:
                    continue
            assert until(), told

        with running(site, NOTIFY_SOCKET=str(path), WATCHDOG_USEC="400000") as daemon:
            hear(lambda: bool(told))
            assert told[0] == "READY=1"
            hear(has_status(site, night, Status.DONE))
            assert any(t.startswith("STATUS=running: 20251106 ") for t in told)
            hear(lambda: told[-1].startswith("STATUS=idle") or "STATUS=idle: 1 done" in told)
            assert told.count("WATCHDOG=1") >= 3
            del told[:]
            hear(lambda: told.count("WATCHDOG=1") >= 4, 4)
            daemon.signal(signal.SIGHUP)
            hear(lambda: "READY=1" in told)
            reloading = next(t for t in told if t.startswith("RELOADING=1"))
            assert "MONOTONIC_USEC=" in reloading
            daemon.signal(signal.SIGTERM)
            hear(lambda: "STOPPING=1" in told)
            assert daemon.process.wait(30) == 0


def test_a_dead_notify_socket_disturbs_nobody(site: Site) -> None:
    night, _ = make_smallest(site.root, kind=Kind.ENGINEERING)
    ended = run_until_idle(site, NOTIFY_SOCKET=str(site.base / "nobody"), WATCHDOG_USEC="400000")
    assert ended.status == 0, ended.log
    assert_done(site, night)


def test_an_idle_daemon_costs_next_to_nothing(site: Site) -> None:
    configure(site, **FAST | {"watch": {"stale_after_s": 0.3, "scan_every_s": 1.0}})
    nights = [
        make_scenario(site.root, replace(SMALLEST), f"202511{day:02d}", Kind.ENGINEERING, day)[0]
        for day in range(1, 4)
    ]
    with running(site) as daemon:
        for night in nights:
            wait_until(has_status(site, night, Status.DONE), "done")
        time.sleep(2 * QUIET_S)
        before, begin = cpu_s(daemon.process.pid), time.monotonic()
        time.sleep(2)
        used = (cpu_s(daemon.process.pid) - before) / (time.monotonic() - begin)
        assert used < 0.05
        assert daemon.stop() == 0


def test_raw_is_sacred_whatever_happens(
    transferring: tuple[Site, NightId, Daemon],
) -> None:
    site, night, daemon = transferring
    raw = raw_state(site.folder(night))
    tell(site, night, EventName.RETRIED, StageName.SYNC)
    wait_for_event(site, "stage.superseded")
    daemon.kill()
    configure(site, **FAST)
    settle(site)
    assert_done(site, night)
    assert raw_state(site.folder(night)) == raw
