"""The end of the daemon and of all that it started costs nothing and leaves nothing."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.support.builders.smallest_night import make_smallest
from tests.support.daemon.processes import has_open, is_alive
from tests.support.daemon.running import (
    PATIENCE_S,
    held_worker,
    log_of,
    run_until_idle,
    running,
    wait_until,
)
from tests.support.daemon.settling import settle_here
from tests.support.daemon.site import Site, configure
from tests.support.daemon.state import history_of, record_of
from tests.support.examples import others_in_soak
from tests.support.worlds.sites.busy_site import (
    FAST,
    SOON_OR_AS_IT_IS,
    assert_done,
    has_status,
    over_link,
    streaming,
    times,
    wait_for_event,
)
from vampd.model.nights import EventName, Kind, StageName, Status

# Long for a worker that packs a few frames, short for a test.
DEADLINE_S = 4.0


def stop_flag_is_up(site: Site) -> bool:
    """Whether an attempt has been asked to end."""
    others = ("pause", "meter-")  # the cameras' flag, and how far cubes are
    flags = (site.database.parent / "flags").iterdir()
    return any(p.read_bytes() != b"\0" for p in flags if not p.name.startswith(others))


@contextmanager
def held_open(fifo: Path) -> Iterator[None]:
    """The other end of a named pipe: who opens it gets it, and finds no end there."""
    descriptor = os.open(fifo, os.O_RDWR)
    try:
        yield
    finally:
        os.close(descriptor)


@SOON_OR_AS_IT_IS
@pytest.mark.parametrize("hangs", others_in_soak([True, False]), ids=["hanging", "working"])
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
    settle_here(site)
    assert_done(site, night)


@pytest.mark.soak
def test_sigterm_during_transfer_ends_soon_and_resumes(site: Site) -> None:
    configure(site, **FAST, **over_link(site, 1))
    night, _ = make_smallest(site.root, kind=Kind.ENGINEERING)
    with running(site) as daemon:
        wait_until(lambda: daemon.programs("rsync"), "rsync")
        assert daemon.stop(within_s=30) == 0
    assert history_of(site, night)[-1].event is EventName.ABANDONED
    products = {p.name: p.stat().st_size for p in (site.folder(night) / "vgen2").glob("*.fz")}
    for path in (site.copy(night) / "vgen2").glob("*.fz"):
        assert path.stat().st_size == products[path.name]
    configure(site, **FAST, **over_link(site))
    settle_here(site)
    assert_done(site, night)


@SOON_OR_AS_IT_IS
def test_a_thread_that_hangs_does_not_keep_the_daemon_from_its_end(
    site: Site, wait_s: float | None
) -> None:
    fifo = site.base / "keywords.toml"
    os.mkfifo(fifo)
    configure(site, **FAST, headers={"dictionary": str(fifo)})
    night, _ = make_smallest(site.root)
    until_left = times("vampd.daemon.running._STOP_WITHIN_S", wait_s)
    # Nobody writes, so to read it is to wait for ever, as on a disk that does not answer.
    with held_open(fifo), running(site, times_s=until_left) as daemon:
        wait_until(lambda: has_open(daemon.process.pid, fifo), "the thread that reads for ever")
        assert daemon.stop(within_s=30) == 0
    configure(site, **FAST)
    settle_here(site)
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


@pytest.mark.parametrize("hangs", others_in_soak([True, False]), ids=["hanging", "working"])
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
    settle_here(site)
    assert_done(site, night)


@pytest.mark.soak
def test_rsync_dies_with_the_daemon(site: Site) -> None:
    configure(site, **FAST, **over_link(site, 1))
    night, _ = make_smallest(site.root, kind=Kind.ENGINEERING)
    with running(site) as daemon:
        wait_until(lambda: len(daemon.programs("rsync")) > 1, "rsync and its receiver")
        children = daemon.children()
        daemon.kill()
        wait_until(lambda: not any(map(is_alive, children)), "all children gone", 10)
    configure(site, **FAST, **over_link(site))
    settle_here(site)
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


@pytest.mark.soak
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


@pytest.mark.soak
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
