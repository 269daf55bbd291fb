"""vampd itself."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from vampd import __version__
from vampd.config import Settings
from vampd.disk.atomic import make_folder
from vampd.disk.lock import Lock
from vampd.errors import EXIT_OK
from vampd.log import get_log
from vampd.wiring.attempts import AttemptFactory
from vampd.wiring.connections import connected
from vampd.wiring.locks import foreground_lock, is_held

_log = get_log()

if TYPE_CHECKING:
    from vampd.daemon.scheduler import RunMode


def run_daemon(
    read_settings: Callable[[], Settings], mode: RunMode, configuration: Path | None = None
) -> None:
    """Run vampd until stopped or, if asked to, until no night can advance further.

    ``configuration`` is the file that ``read_settings`` reads, None for none; for the log.
    StateError ``locked`` if another vampd holds the database; StoreError if it cannot be trusted.
    """
    from vampd.daemon.night_watcher import NightWatcher
    from vampd.daemon.notify import Notifier
    from vampd.daemon.scheduler import Scheduler
    from vampd.daemon.watch import FolderWatch
    from vampd.disk.pace import Flag
    from vampd.engine.workers import WorkerPool
    from vampd.store.engine import Access

    settings = read_settings()
    database = settings.database.path
    make_folder(database.parent)
    locks = database.parent / "locks"
    make_folder(locks)
    with ExitStack() as stack:
        # `vampctl doctor` takes the lock briefly to see whether a daemon is running.
        stack.enter_context(Lock(database.with_name(database.name + ".lock"), patience_s=1.0))
        connections = stack.enter_context(connected(settings, Access.MIGRATE))
        flags = stack.enter_context(_fresh_folder(database.parent / "flags"))
        workers = WorkerPool(settings.schedule.workers, settings.schedule.worker_deadline_s)
        stack.callback(workers.close)
        pause = Flag.create(flags / "pause")
        notifier = Notifier()
        scheduler = Scheduler(
            connections.store,
            NightWatcher(
                connections.store,
                connections.make_reader(settings),
                connections.root,
                connections.checked_cubes,
            ),
            FolderWatch,
            read_settings=read_settings,
            settings=settings,
            attempts=AttemptFactory(connections, workers, locks, pause, "vampd"),
            flags=flags,
            is_in_foreground=lambda night: is_held(foreground_lock(settings, night)),
            pause=pause,
            notifier=notifier,
        )
        signal.signal(signal.SIGTERM, lambda *_: scheduler.stop())
        signal.signal(signal.SIGINT, lambda *_: scheduler.stop())
        signal.signal(signal.SIGHUP, lambda *_: scheduler.reload())
        notifier.ready()
        began = time.monotonic()
        _log.info(
            "daemon.started",
            version=__version__,
            configuration=None if configuration is None else str(configuration),
            root=str(settings.watch.root),
            nights=len(connections.store.nights()),
        )
        scheduler.run(mode)
        _log.info("daemon.stopped", up_s=round(time.monotonic() - began))
    if scheduler.has_hanging_attempts:
        # Threads stuck in an unresponsive disk would keep the interpreter from exiting.
        os._exit(EXIT_OK)


@contextmanager
def _fresh_folder(folder: Path) -> Iterator[Path]:
    """An empty folder while the block lasts; removes what a killed daemon left in it."""
    shutil.rmtree(folder, ignore_errors=True)
    make_folder(folder)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
