"""One attempt at a night, and what it acts with."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from vampd.config import Settings
from vampd.model.nights import NightId, NightRecord
from vampd.ports import NightReader
from vampd.wiring.connections import Connections
from vampd.wiring.locks import lock_name
from vampd.wiring.world import (
    archive_host,
    authority,
    make_low_space_notifier,
    make_mail_context,
    make_night_reader,
)

if TYPE_CHECKING:
    from vampd.disk.pace import Flag, SharedPace
    from vampd.engine.attempt import Outcome
    from vampd.engine.execute import AttemptTools
    from vampd.engine.workers import WorkerPool


def make_tools(
    connections: Connections,
    settings: Settings,
    night: NightId,
    reader: NightReader,
    workers: WorkerPool,
    pace: SharedPace,
) -> AttemptTools:
    """What one attempt at a night acts with."""
    from vampd.engine.execute import AttemptTools
    from vampd.engine.raw_cube_cache import RawCubeCache
    from vampd.model.cubes import accounted_cubes

    folder = settings.watch.root / night.folder
    return AttemptTools(
        night=night,
        folder=folder,
        settings=settings,
        cubes=RawCubeCache(folder, lambda: accounted_cubes(reader.generations(night))),
        receipts=connections.receipts,
        ledger=connections.ledger,
        authority=authority(settings, pace),
        archive_host=archive_host(settings, night),
        workers=workers,
        pace=pace,
        mail=make_mail_context(settings, connections.mail_log),
        notifier=make_low_space_notifier(settings),
    )


def start_attempt(
    connections: Connections,
    workers: WorkerPool,
    locks: Path,
    record: NightRecord,
    settings: Settings,
    pause: Flag,
    stop: Flag,
    is_stopping: Callable[[], bool],
) -> Outcome:
    """Run a claimed night's attempt to its end; ``locks`` is the folder of the nights' locks."""
    from vampd.disk.pace import SharedPace
    from vampd.engine.attempt import Attempt, run_attempt

    night = record.night
    reader = make_night_reader(
        settings, connections.receipts, connections.ledger, connections.mail_log
    )
    tools = make_tools(connections, settings, night, reader, workers, SharedPace(pause, stop))
    lock_path = locks / lock_name(night)
    return run_attempt(
        Attempt(record, settings, connections.store, reader, tools, lock_path, is_stopping)
    )
