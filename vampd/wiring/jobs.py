"""The hosts of a batch system as a crew: the scheduler, and the jobs that are kept there."""

from __future__ import annotations

import signal
import threading
from pathlib import Path

from vampd.config import CrewEngine, Settings
from vampd.errors import ConfigError
from vampd.wiring.crew import refuse_without_engine, security


def run_jobs(settings: Settings, configuration: Path, system: str, jobs: int) -> None:
    """Keep so many jobs of a batch system until SIGTERM; they read this configuration.

    ConfigError ``crew_local``, ``crew_missing``, or as `keep_jobs`.
    """
    crew = settings.crew
    if crew.engine is CrewEngine.LOCAL:
        raise ConfigError("crew_local", 'crew.engine is "local": no other host packs for vampd')
    refuse_without_engine(crew)
    from vampd.adapters.crew import keep_jobs

    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    keep_jobs(system, crew.place, security(crew), configuration, jobs, stopping.wait)
