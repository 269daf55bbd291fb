"""Jobs of a batch system pack: vampd-worker in the place of dask's, kept as many as asked for."""

from __future__ import annotations

import asyncio
import os
import shlex
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dask
import pytest
from distributed.core import Status

from tests.support.crew.batch import Batch
from tests.support.crew.hosts import CrewSite, wait_for_places
from tests.support.daemon.running import BIN, PATIENCE_S, wait_until
from tests.support.tools.packing import FRAMELIST, prepare
from vampd.adapters.crew import (
    HtcondorJob,
    SlurmJob,
    job_words,
    keep_jobs,
    make_authority,
    make_certificate,
    now_utc,
    security_of,
)
from vampd.cli import job
from vampd.config import load_settings
from vampd.disk.pace import SteadyPace
from vampd.disk.shared import SharedMeter
from vampd.engine.packing import LocalCrew
from vampd.engine.workers import WorkerPool
from vampd.errors import EXIT_CONFIG, VampdError
from vampd.model.crew import PackOrder

JOBS = 2


def describe(kind: Any, configuration: Path, **more: Any) -> Any:
    """A job of 16 cores, not yet submitted."""
    of_kind = {"disk": "1GB"} if kind is HtcondorJob else {}
    own = job_words(configuration)
    return kind("tls://10.0.0.5:8786", "job-7", cores=16, memory="64GB", **own, **of_kind, **more)


@pytest.mark.parametrize("kind", [SlurmJob, HtcondorJob])
def test_a_job_runs_our_worker_with_its_own_cores_and_configuration(
    kind: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[tuple[str, int, float]] = []
    monkeypatch.setattr(
        "vampd.wiring.worker.run_worker",
        lambda settings, host, patience_s: ran.append(
            (host, settings.schedule.workers, patience_s)
        ),
    )
    configuration = CrewSite(tmp_path / "site").configuration
    pem = tmp_path / "x.pem"
    script = describe(kind, configuration, security=security_of(pem, pem, pem)).job_script()
    (line,) = (line for line in script.splitlines() if "vampd.cli.job" in line)
    begin = f"{sys.executable} -m vampd.cli.job "
    words = shlex.split(line[line.index(begin) + len(begin) :].rstrip("'\""))
    job.app(words, standalone_mode=False)
    assert ran == [("job-7", 16, 60.0)]


@pytest.mark.parametrize("kind", [SlurmJob, HtcondorJob])
def test_a_job_that_was_closed_says_so_to_its_cluster(kind: Any, tmp_path: Path) -> None:
    """Which would end with an error of its own while one that says nothing is in memory."""
    job = describe(kind, tmp_path / "vampd.toml")
    job.status = Status.running
    asyncio.run(job.close())
    assert job.status is Status.closed


def refused(site: CrewSite) -> VampdError:
    """Why no job is kept."""
    place = load_settings(site.configuration).crew.place
    with pytest.raises(VampdError) as caught:
        keep_jobs("slurm", place, None, site.configuration, JOBS, lambda _: True)
    return caught.value


def test_a_batch_system_whose_jobs_nobody_described_is_refused(site: CrewSite) -> None:
    error = refused(site)
    assert (error.code, error.exit_status) == ("jobs_undescribed", EXIT_CONFIG)
    assert "/etc/dask/jobqueue.yaml" in error.message


def test_a_scheduler_that_runs_there_already_is_named(site: CrewSite) -> None:
    place = load_settings(site.configuration).crew.place
    described = {"jobqueue.slurm.cores": 1, "jobqueue.slurm.memory": "1GB"}
    with dask.config.set(described), socket.create_server(place):
        error = refused(site)
    assert (error.code, "vampd-scheduler may run" in error.message) == ("cannot_listen", True)


@pytest.fixture
def batch(tmp_path: Path) -> Iterator[Batch]:
    batch = Batch(tmp_path / "batch")
    yield batch
    batch.close()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[CrewSite]:
    site = CrewSite(tmp_path / "site", lost_after_s=20.0)
    yield site
    site.close()


def keep(site: CrewSite, batch: Batch) -> None:
    """Have so many jobs."""
    command = [str(BIN / "vampctl"), "crew", "jobs", "slurm", "--jobs", str(JOBS)]
    options = ["--config", str(site.configuration), "--log", "json"]
    site.start("jobs", [*command, *options], batch.environ)


def pack(site: CrewSite, crew: Any) -> bool:
    """One order; whether its product is there."""
    place = site.root / "place"
    place.mkdir()
    _, framelist = prepare(place)
    folder = place / "20251106"
    (place / FRAMELIST).rename(folder / framelist.path)
    order = PackOrder(folder, framelist.path, "full")
    crew.pack(order, SteadyPace(), SharedMeter.create(place / "meter"))
    return (folder / framelist.packed_path).exists()


@pytest.mark.soak
def test_jobs_pack_are_kept_and_end_with_who_keeps_them(site: CrewSite, batch: Batch) -> None:
    batch.refuse()
    keep(site, batch)
    wait_until(lambda: site.has_said("jobs", "job.refused"), "a refusal")
    batch.take()
    workers = WorkerPool(1, PATIENCE_S)
    with site.crew(LocalCrew(workers)) as crew:
        wait_for_places(crew, JOBS)
        assert pack(site, crew)
        first, second = batch.jobs()
        os.killpg(first, signal.SIGKILL)
        wait_until(lambda: len(batch.jobs()) == JOBS and first not in batch.jobs(), "another job")
        assert second in batch.jobs()
        wait_for_places(crew, JOBS)
        site.signal("jobs", signal.SIGTERM)
        assert site.processes["jobs"].returncode == 0, site.log("jobs")
        wait_until(lambda: not batch.jobs(), "the end of all jobs")
    workers.close()


@pytest.mark.soak
def test_jobs_meet_by_certificates_and_do_not_outlive_who_keeps_them(
    site: CrewSite, batch: Batch, tmp_path: Path
) -> None:
    make_authority(tmp_path, now_utc())
    make_certificate(tmp_path, "any", 1, now_utc())
    site.encrypt(tmp_path)
    keep(site, batch)
    workers = WorkerPool(1, PATIENCE_S)
    with site.crew(LocalCrew(workers)) as crew:
        wait_for_places(crew, JOBS)
        left = batch.jobs()
        site.signal("jobs", signal.SIGKILL)
        wait_until(lambda: not set(left) & set(batch.jobs()), "the end of the first jobs")
        # The next ones have the same names.
        wait_until(lambda: crew.places == 0, "the end of their signs")
        keep(site, batch)
        wait_for_places(crew, JOBS)
        assert len(batch.jobs()) == JOBS
        lost = batch.jobs()
        for job_id in lost:
            os.killpg(job_id, signal.SIGKILL)
        wait_until(lambda: len(set(batch.jobs()) - set(lost)) == JOBS, "other jobs")
        # What is said to the last job is no more than to the first.
        assert max(text.count("--tls-cert") for text in batch.scripts()) <= JOBS
    workers.close()
