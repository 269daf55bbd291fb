"""Configuration, systemd, and what the daemon costs."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from tests.support.builders.smallest_night import make_smallest
from tests.support.daemon.processes import cpu_s
from tests.support.daemon.running import Daemon, log_of, run_until_idle, running, settle, wait_until
from tests.support.daemon.site import QUIET_S, Site, configure
from tests.support.daemon.state import raw_state, tell
from tests.support.worlds.sites.busy_site import (
    FAST,
    assert_done,
    has_status,
    over_link,
    wait_for_event,
)
from vampd.disk.life_signs import look_for_life
from vampd.model.life_sign import LifeState
from vampd.model.nights import EventName, Kind, NightId, StageName, Status


def test_sighup_reads_the_configuration_again(site: Site) -> None:
    configure(site, **FAST, frameids={"authority": "none"})
    night, _ = make_smallest(site.root)
    with running(site) as daemon:
        wait_until(has_status(site, night, Status.WAITING, StageName.FRAMEIDS), "before frameids")
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
    with running(site) as daemon:
        wait_for_event(site, "daemon.started")
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


def test_systemd_is_notified(site: Site) -> None:
    path = site.base / "notify"
    night, _ = make_smallest(site.root, kind=Kind.ENGINEERING)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(str(path))
        receiver.settimeout(0.2)
        said: list[str] = []

        def hear(until: Callable[[], bool], within_s: float = 60.0) -> None:
            deadline = time.monotonic() + within_s
            while not until() and time.monotonic() < deadline:
                try:
                    said.append(receiver.recv(4096).decode())
                except TimeoutError:
                    continue
            assert until(), said

        with running(site, NOTIFY_SOCKET=str(path), WATCHDOG_USEC="400000") as daemon:
            hear(lambda: bool(said))
            assert said[0] == "READY=1"
            # From then on, also where it was the first start, which made the database.
            assert look_for_life(site.database, time.time()).state is LifeState.RUNNING
            hear(has_status(site, night, Status.DONE))
            assert any(t.startswith("STATUS=running: 20251106 ") for t in said)
            hear(lambda: said[-1].startswith("STATUS=idle") or "STATUS=idle: 1 done" in said)
            assert said.count("WATCHDOG=1") >= 3
            del said[:]
            hear(lambda: said.count("WATCHDOG=1") >= 4, 4)
            daemon.signal(signal.SIGHUP)
            hear(lambda: "READY=1" in said)
            reloading = next(t for t in said if t.startswith("RELOADING=1"))
            assert "MONOTONIC_USEC=" in reloading
            daemon.signal(signal.SIGTERM)
            hear(lambda: "STOPPING=1" in said)
            assert daemon.process.wait(30) == 0


@pytest.mark.soak
def test_a_dead_notify_socket_disturbs_nobody(site: Site) -> None:
    night, _ = make_smallest(site.root, kind=Kind.ENGINEERING)
    ended = run_until_idle(site, NOTIFY_SOCKET=str(site.base / "nobody"), WATCHDOG_USEC="400000")
    assert ended.status == 0, ended.log
    assert_done(site, night)


def test_an_idle_daemon_costs_next_to_nothing(site: Site) -> None:
    configure(site, **FAST | {"watch": {"scan_every_s": 1.0}})
    night, _ = make_smallest(site.root, kind=Kind.ENGINEERING)
    with running(site) as daemon:
        wait_until(has_status(site, night, Status.DONE), "done")
        time.sleep(2 * QUIET_S)
        before, begin = cpu_s(daemon.process.pid), time.monotonic()
        time.sleep(2)
        used = (cpu_s(daemon.process.pid) - before) / (time.monotonic() - begin)
        assert used < 0.05
        assert daemon.stop() == 0


@pytest.mark.soak
def test_raw_is_sacred_whatever_happens(
    transferring: tuple[Site, NightId, Daemon],
) -> None:
    site, night, daemon = transferring
    raw = raw_state(site.folder(night))
    tell(site, night, EventName.RETRIED, StageName.SYNC)
    wait_for_event(site, "stage.superseded")
    daemon.kill()
    configure(site, **FAST, **over_link(site))
    settle(site)
    assert_done(site, night)
    assert raw_state(site.folder(night)) == raw


def test_what_forks_workers_is_ready_before_a_night_needs_it(site: Site) -> None:
    configure(site, **FAST, watch={"quiet_after_s": 60.0, "pause_after_write_s": 0.1})

    def listening() -> set[str]:
        table = Path("/proc/net/unix").read_text().splitlines()
        return {f"socket:[{line.split()[6]}]" for line in table if "/listener-" in line}

    def is_ready() -> bool:
        # What it imports, it opens and closes meanwhile.
        with suppress(FileNotFoundError):
            for server in daemon.fork_servers():
                opened = {os.readlink(fd) for fd in Path(f"/proc/{server}/fd").iterdir()}
                if opened & listening():
                    return True
        return False

    with running(site) as daemon:
        make_smallest(site.root)
        wait_until(is_ready, "a fork server that listens")
        assert not daemon.workers()
        assert daemon.stop() == 0
