"""vampd itself."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from vampd import __version__
from vampd.config import Settings
from vampd.disk.lock import Lock
from vampd.disk.machine import bound_heap, keep_heap
from vampd.disk.named_errors import path_named
from vampd.disk.refusal import Cause, PathAccess, classify, describe_refused
from vampd.disk.rights import make_private_folder, make_state_folder
from vampd.errors import EXIT_OK, NotPermitted, StoreError, TransientError
from vampd.log import get_log
from vampd.wiring.alarm import make_alarm
from vampd.wiring.attempts import AttemptFactory
from vampd.wiring.connections import Connections, connected
from vampd.wiring.crew import crew_of
from vampd.wiring.locks import foreground_lock, is_held
from vampd.wiring.requests import open_request_desk

_log = get_log()
_Prepared = TypeVar("_Prepared")
_AGAIN_S = 2.0

if TYPE_CHECKING:
    from vampd.daemon.life import SignsOfLife
    from vampd.daemon.notify import Notifier
    from vampd.daemon.scheduler import RunMode
    from vampd.disk.pace import Flag


def run_daemon(
    read_settings: Callable[[], Settings], mode: RunMode, configuration: Path | None = None
) -> None:
    """Run vampd until stopped or, if asked to, until no night can advance further.

    ``configuration`` is the file that ``read_settings`` reads, None for none; for the log.
    StateError ``locked`` if another vampd holds the database; StoreError if it cannot be trusted;
    ConfigError ``tmpdir_too_long``.
    """
    from vampd.daemon.life import SignsOfLife
    from vampd.daemon.night_watcher import NightWatcher
    from vampd.daemon.notify import Notifier
    from vampd.daemon.sampling import Sampler
    from vampd.daemon.scheduler import RunMode, Scheduler
    from vampd.daemon.watch import FolderWatch
    from vampd.disk.pace import Flag
    from vampd.engine.deeds import Deeds
    from vampd.engine.packing import LocalCrew
    from vampd.engine.workers import WorkerPool
    from vampd.store.database.opening import Access

    bound_heap()
    settings = read_settings()
    database = settings.database.path
    locks, flags = database.parent / "locks", database.parent / "flags"
    notifier = Notifier()
    # Its signal would end a daemon that still waits for its disk.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    workers = WorkerPool(settings.schedule.workers, settings.schedule.worker_deadline_s)

    life = SignsOfLife(database, configuration)

    def prepare(stack: ExitStack) -> tuple[Connections, Flag]:
        make_state_folder(database.parent)
        make_private_folder(locks)
        # `vampctl doctor` takes the lock briefly to see whether a daemon is running.
        stack.enter_context(Lock(database.with_name(database.name + ".lock"), patience_s=1.0))
        stack.callback(life.end)
        life.now_in_force(settings)
        life.tell("opens its database")
        connections = stack.enter_context(connected(settings, Access.MIGRATE))
        life.tell("has opened its database")
        stack.enter_context(_fresh_folder(flags))
        return connections, Flag.create(flags / "pause")

    with ExitStack() as stack:
        connections, pause = _when_possible(prepare, stack, mode, notifier, life)
        stack.callback(workers.close)
        crew = stack.enter_context(
            crew_of(settings, LocalCrew(workers), connections.root, lambda: pause.is_raised)
        )
        life.tell_of_crew(crew)
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
            attempts=AttemptFactory(connections, workers, crew, locks, pause, "vampd"),
            flags=flags,
            is_in_foreground=lambda night: is_held(foreground_lock(settings, night)),
            pause=pause,
            notifier=notifier,
            requests=open_request_desk(connections, Deeds(connections.answers, configuration)),
            life=life,
            expect_work=workers.prepare,
        )
        sampler = Sampler(connections.store, connections.samples, settings.watch.root, database)
        stack.callback(sampler.close)
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
        keep_heap()
        sampler.start()
        with make_alarm(connections, lambda: life.in_force) as alarm:
            scheduler.run(mode)
        if mode is RunMode.UNTIL_IDLE:
            alarm.look_once_more()
        _log.info("daemon.stopped", up_s=round(time.monotonic() - began))
    if scheduler.has_hanging_attempts:
        # Threads stuck in an unresponsive disk would keep the interpreter from exiting.
        os._exit(EXIT_OK)


def _when_possible(
    prepare: Callable[[ExitStack], _Prepared],
    stack: ExitStack,
    mode: RunMode,
    notifier: Notifier,
    life: SignsOfLife,
) -> _Prepared:
    """Prepare, however long the disk of the state is full, busy or gives errors.

    The service counts as started meanwhile, and says what it waits for. ``--until-idle`` does not
    wait: whoever started it reads why.
    """
    from vampd.daemon.scheduler import RunMode

    said = ""
    while True:
        try:
            with ExitStack() as trying:
                prepared = prepare(trying)
                stack.enter_context(trying.pop_all())
                return prepared
        except TransientError as error:
            waits = error
        except OSError as error:
            waits = TransientError("io_error", f"{error}")
            needs = "vampd needs a folder for its database that it may write to"
            unusable = f"{error}: {needs}"
            if classify(error) is Cause.PERMISSION:
                if (path := path_named(error)) is not None:
                    closed = describe_refused(path, PathAccess.WRITE)
                    unusable = f"{needs}: {closed}"
                waits = NotPermitted("state_unusable", unusable)
            elif error.errno in (errno.ENOTDIR, errno.EISDIR):
                raise StoreError("state_unusable", unusable) from error
        if mode is RunMode.UNTIL_IDLE:
            raise waits
        if said != waits.code:
            said = waits.code
            _log.warning("store.waited", code=waits.code, error=waits.message)
        notifier.status(f"waits: {waits.message}")
        if life.has_begun:
            life.tell(f"waits: {waits.message}")
        notifier.ready()
        notifier.feed_watchdog()
        time.sleep(_AGAIN_S)


@contextmanager
def _fresh_folder(folder: Path) -> Iterator[Path]:
    """An empty folder while the block lasts; removes what a killed daemon left in it."""
    shutil.rmtree(folder, ignore_errors=True)
    make_private_folder(folder)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
