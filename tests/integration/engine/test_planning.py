"""Sync reads and decides in a worker, of which the daemon gets no more than what is to be done."""

from __future__ import annotations

import os
import signal
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.support.builders.raw_cubes import raw_timing, write_raw_cube
from tests.support.builders.smallest_night import make_smallest
from tests.support.daemon.running import PATIENCE_S, Gate, log_of, running
from tests.support.daemon.settling import settle_here
from tests.support.daemon.site import copy_site, make_site
from tests.support.daemon.state import history_of, product_tree, record_of
from tests.support.worlds.sites.sync_site import NIGHT, SyncSite
from vampd.disk.pace import SteadyPace
from vampd.engine.planning import plan_sync
from vampd.engine.workers import WorkerPool
from vampd.errors import DataError
from vampd.model.nights import EventName, Kind, StageName, Status, Stream
from vampd.model.plan import CommitGeneration, Plan

_FEW, _MANY = 40, 20_000


@pytest.fixture(scope="module")
def workers() -> Iterator[WorkerPool]:
    made = WorkerPool(1, PATIENCE_S)
    yield made
    made.close()


def plan(site: SyncSite, workers: WorkerPool) -> Plan:
    return plan_sync(workers, SteadyPace(), NIGHT, site.reader, site.settings, frozenset())


def write_cubes(site: SyncSite, frames: int) -> None:
    for stream in (Stream.VCAM1, Stream.VCAM2):
        pixels = np.zeros((frames, 2, 2), np.uint16)
        write_raw_cube(site.folder, stream, pixels=pixels, timing=raw_timing(frames))


def test_a_worker_plans_what_sync_plans(tmp_path: Path, workers: WorkerPool) -> None:
    site = SyncSite(tmp_path)
    write_cubes(site, _FEW)
    planned = plan(site, workers)
    assert planned == site.plan()
    assert isinstance(planned.waves[0][0], CommitGeneration)
    site.run()
    assert not plan(site, workers)


def test_what_the_daemon_needs_does_not_grow_with_the_frames_of_a_night(
    tmp_path: Path, workers: WorkerPool
) -> None:
    peaks_bytes = []
    for number, frames in enumerate((_FEW, _FEW, _MANY)):
        site = SyncSite(tmp_path / str(number))
        write_cubes(site, frames)
        tracemalloc.start()
        plan(site, workers)
        peaks_bytes.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    # The first is for what is imported once.
    assert peaks_bytes[2] < peaks_bytes[1] + _MANY, peaks_bytes


def test_what_forbids_to_plan_comes_back_from_the_worker(
    tmp_path: Path, workers: WorkerPool
) -> None:
    site = SyncSite(tmp_path)
    write_cubes(site, _FEW)
    (site.folder / "vgen2").mkdir()
    (site.folder / "vgen2" / "generation_0001.json").write_text("damaged")
    with pytest.raises(DataError) as here:
        site.plan()
    with pytest.raises(DataError) as there:
        plan(site, workers)
    assert there.value.__reduce__() == here.value.__reduce__()


def test_a_worker_that_is_killed_while_it_looks_costs_a_retry_and_leaves_no_trace(
    tmp_path: Path,
) -> None:
    reference = make_site(tmp_path / "reference")
    night, _ = make_smallest(reference.root, kind=Kind.ENGINEERING)
    site = copy_site(reference, tmp_path / "site")
    settle_here(reference)
    with (
        Gate("planning.sync.surveyed", site.base / "gate") as gate,
        running(site, "--until-idle", times_s=None, uid=None, gids=(), **gate.environ) as daemon,
    ):
        worker = gate.arrival()
        assert worker in daemon.workers()
        os.kill(worker, signal.SIGKILL)
        gate.open()
        assert daemon.process.wait(PATIENCE_S) == 0
    assert [lost["code"] for lost in log_of(site).named("worker.lost")] == ["worker_died"]
    assert record_of(site, night).state.status is Status.DONE
    claims = [each.stage for each in history_of(site, night) if each.event is EventName.CLAIMED]
    assert claims.count(StageName.SYNC) == 1
    assert product_tree(site.folder(night)) == product_tree(reference.folder(night))
