"""Hosts of a batch system, by dask-jobqueue: a scheduler, and jobs that meet at it.

What a job needs (cores, memory, time, queue) stands where dask-jobqueue looks for it, in
/etc/dask/jobqueue.yaml or ~/.config/dask. Each job runs `vampd.cli.job` in the place of dask's own
worker, which knows neither lease nor version nor packer.
"""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dask
from dask_jobqueue.htcondor import HTCondorCluster, HTCondorJob
from dask_jobqueue.slurm import SLURMCluster, SLURMJob
from distributed.core import Status
from distributed.security import Security

from vampd.adapters.crew.dask_engine import configure_dask
from vampd.errors import ConfigError, VampdError
from vampd.log import get_log

_log = get_log()
_KEEP_EVERY_S = 5.0
# As vampd-scheduler.service has it: vampd decides what is tried again, and where.
_SCHEDULER = {
    "distributed.scheduler.allowed-failures": 0,
    "distributed.scheduler.worker-saturation": 1.0,
    "distributed.scheduler.worker-ttl": "60s",
    "distributed.scheduler.http.routes": [],
}


class _EndedWhenClosed:
    """Jobs whose cluster sees that they were closed.

    It asserts so of all that are still in memory; dask-jobqueue's own jobs do not say it. What it
    is mixed with closes.
    """

    status: Status

    async def close(self) -> None:
        """Cancel the job."""
        await super().close()  # type: ignore[misc]
        self.status = Status.closed


class SlurmJob(_EndedWhenClosed, SLURMJob):
    """A job of Slurm."""


class HtcondorJob(_EndedWhenClosed, HTCondorJob):
    """A job of HTCondor."""


_SYSTEMS: dict[str, tuple[Any, Any]] = {
    "slurm": (SLURMCluster, SlurmJob),
    "htcondor": (HTCondorCluster, HtcondorJob),
}


def job_words(configuration: Path) -> dict[str, Any]:
    """What dask-jobqueue is told of each job: one vampd-worker with all of its cores."""
    return {
        "processes": 1,
        "python": sys.executable,
        "worker_command": "vampd.cli.job",
        "worker_extra_args": ["--config", str(configuration), "--log", "json"],
    }


def keep_jobs(
    system: str,
    place: tuple[str, int],
    security: Security | None,
    configuration: Path,
    jobs: int,
    wait: Callable[[float], bool],
) -> None:
    """Keep so many jobs until ``wait`` says so, which is called with seconds; then cancel them.

    ``place`` is host and port of the scheduler, which this process is. One that has gone, or was
    refused, is submitted again. ConfigError ``jobs_undescribed`` where the batch system's settings
    lack what a job needs; VampdError ``cannot_listen``.
    """
    configure_dask()
    dask.config.set(_SCHEDULER)
    host, port = place
    words = job_words(configuration)
    make_cluster, make_job = _SYSTEMS[system]
    try:
        make_job(f"tcp://{host}:{port}", "job", **words)
    except ValueError as error:
        text = f"{error}: describe a job of {system} in /etc/dask/jobqueue.yaml"
        raise ConfigError("jobs_undescribed", text) from error
    _refuse_taken(host, port)
    cluster: Any = make_cluster(
        name="job",
        job_cls=make_job,
        security=security,
        scheduler_options={"host": host, "port": port, "dashboard": False},
        **words,
    )
    with cluster:
        _log.info("jobs.started", system=system, jobs=jobs, address=cluster.scheduler_address)
        refused = ""
        # dask-jobqueue adds the options of TLS to this list for each job.
        own = list(words["worker_extra_args"])
        while True:
            words["worker_extra_args"][:] = own
            said = cluster.sync(_forget_refused, cluster)
            if said and said != refused:
                _log.warning("job.refused", system=system, error=said)
            refused = said
            cluster.scale(jobs=jobs)
            if wait(_KEEP_EVERY_S):
                break
    _log.info("jobs.stopped", system=system)


def _refuse_taken(host: str, port: int) -> None:
    """VampdError where no scheduler can be, which the library would tell as an error of its own."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        socket.create_server((host, port), family=family).close()
    except OSError as error:
        raise VampdError(
            "cannot_listen",
            f"cannot listen at {host}:{port}: {error.strerror or error}; vampd-scheduler may run"
            " there, which this takes the place of, or crew.scheduler is another machine's",
        ) from error


async def _forget_refused(cluster: Any) -> str:
    """Have dask-jobqueue submit again what the batch system has refused: why it did."""
    said = ""
    for name, job in list(cluster.workers.items()):
        if job.job_id is None:
            job.status = Status.failed
            del cluster.workers[name]
            said = f"{name} was not taken"
    return said
