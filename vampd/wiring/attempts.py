"""Attempts at nights, and their tools."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from vampd.config import Settings
from vampd.model.nights import NightId, NightRecord, last_releaser
from vampd.ports import Crew, NightReader
from vampd.wiring.connections import Connections
from vampd.wiring.locks import lock_name
from vampd.wiring.world import (
    authority,
    known_archive,
    low_space_marks,
    make_mail_context,
)

if TYPE_CHECKING:
    from vampd.disk.pace import Flag, SharedPace
    from vampd.engine.attempt import Attempt
    from vampd.engine.execute import AttemptTools
    from vampd.engine.workers import WorkerPool


def make_tools(
    connections: Connections,
    settings: Settings,
    night: NightId,
    reader: NightReader,
    workers: WorkerPool,
    crew: Crew,
    pace: SharedPace,
    actor: str,
) -> AttemptTools:
    """The tools of one attempt at a night."""
    from vampd.engine.archive.delivery import Lanes
    from vampd.engine.execute import AttemptTools
    from vampd.engine.nights.raw_cube_cache import RawCubeCache
    from vampd.model.cubes import accounted_cubes

    folder = settings.watch.root / night.folder
    return AttemptTools(
        night=night,
        actor=actor,
        folder=folder,
        settings=settings,
        reader=reader,
        cubes=RawCubeCache(folder, lambda: accounted_cubes(reader.generations(night))),
        receipts=connections.receipts,
        packing_receipts=connections.packing_receipts,
        changed_raw=connections.changed_raw,
        ledger=connections.ledger,
        authority=authority(settings, pace),
        archive_host=known_archive(
            settings,
            night.kind,
            connections.destinations,
            connections.receipts,
            connections.packing_receipts,
        ),
        lanes=Lanes(settings.transfer.connections),
        workers=workers,
        crew=crew,
        pace=pace,
        mail=make_mail_context(settings, connections.mail_log),
        low_space=low_space_marks(settings),
        releaser=lambda code: last_releaser(connections.store.history(night), code),
    )


@dataclass(frozen=True)
class AttemptFactory:
    """Makes the attempts of one program; ``pause`` is raised while cameras write."""

    connections: Connections
    workers: WorkerPool
    crew: Crew
    # The folder of the nights' locks.
    locks: Path
    pause: Flag
    # Who runs them, as recorded.
    actor: str

    def make(
        self,
        record: NightRecord,
        settings: Settings,
        stop: Flag,
        is_stopping: Callable[[], bool],
    ) -> Attempt:
        """An attempt at a claimed night; ``stop`` ends it, ``is_stopping`` is the program's."""
        from vampd.disk.pace import SharedPace
        from vampd.engine.attempt import Attempt

        connections, night = self.connections, record.night
        reader = connections.make_reader(settings)
        pace = SharedPace(self.pause, stop)
        return Attempt(
            record=record,
            settings=settings,
            store=connections.store,
            reader=reader,
            tools=make_tools(
                connections, settings, night, reader, self.workers, self.crew, pace, self.actor
            ),
            root=connections.root,
            lock_path=self.locks / lock_name(night),
            is_stopping=is_stopping,
        )
