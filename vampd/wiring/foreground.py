"""The parts of `vampctl run`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from vampd.config import Settings
from vampd.disk.lock import Lock
from vampd.disk.rights import make_state_folder
from vampd.errors import StateError
from vampd.wiring.attempts import AttemptFactory
from vampd.wiring.connections import connect, connected, refuse_reader
from vampd.wiring.locks import foreground_lock, night_lock
from vampd.wiring.requests import open_request_desk

if TYPE_CHECKING:
    from vampd.engine.foreground import ForegroundRunner


@contextmanager
def foreground_runner(settings: Settings, actor: str) -> Iterator[ForegroundRunner]:
    """The runner of `vampctl run`; a missing database is created.

    The cameras come first here too: while one writes, the work pauses.
    """
    from vampd.disk.pace import Flag
    from vampd.engine.camera_watch import CameraWatch
    from vampd.engine.foreground import ForegroundLocks, ForegroundRunner
    from vampd.engine.packing import LocalCrew
    from vampd.engine.workers import WorkerPool
    from vampd.model.nights import Status

    database = settings.database.path
    refuse_reader(database)
    locks = ForegroundLocks(
        database=database.with_name(database.name + ".lock"),
        foreground=lambda night: foreground_lock(settings, night).path,
        night=lambda night: night_lock(settings, night).path,
    )
    _prepare_without_daemon(settings, locks.database)
    with ExitStack() as stack:
        connections = stack.enter_context(connect(settings))
        connections.root.require()
        flags = Path(stack.enter_context(TemporaryDirectory(prefix="vampctl-")))
        pause, stop = Flag.create(flags / "pause"), Flag.create(flags / "stop")
        workers = WorkerPool(settings.schedule.workers, settings.schedule.worker_deadline_s)
        stack.callback(workers.close)
        records = connections.store.nights()
        finished = [r.night for r in records if r.state.status is Status.DONE]
        stack.enter_context(CameraWatch(settings, pause, finished))

        yield ForegroundRunner(
            connections.store,
            connections.reader,
            settings,
            locks,
            attempts=AttemptFactory(
                connections, workers, LocalCrew(workers), database.parent / "locks", pause, actor
            ),
            actor=actor,
            stop=stop,
            pause=pause,
        )


def _prepare_without_daemon(settings: Settings, lock_path: Path) -> None:
    """What a running daemon has already done: the database, requests, a scan of every night."""
    from vampd.daemon.night_watcher import NightWatcher, Watching
    from vampd.store.database.opening import Access

    make_state_folder(lock_path.parent)
    lock = Lock(lock_path)
    try:
        lock.acquire()
    except StateError:
        return
    try:
        with connected(settings, Access.MIGRATE) as connections:
            open_request_desk(connections).attend(settings.requests.members_may)
            watcher = NightWatcher(
                connections.store,
                connections.make_reader(settings),
                connections.root,
                connections.checked_cubes,
                watching=Watching.ONCE,
            )
            for _ in watcher.scan(settings):
                pass
    finally:
        lock.release()
