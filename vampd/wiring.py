"""The composition root: which parts vampd and vampctl are made of."""

from __future__ import annotations

import itertools
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from vampd.config import Authority, Settings, packaged_file
from vampd.disk.atomic import make_folder
from vampd.disk.lock import Lock
from vampd.errors import EXIT_OK, FrameIdConflict, StateError, TransientError
from vampd.model.night import ARCHIVE_FOLDER, NightId
from vampd.ports import (
    ArchiveHost,
    Eyes,
    FrameIdAuthority,
    Ledger,
    MailLog,
    NightRecord,
    NightStore,
    Pace,
    Receipts,
)

if TYPE_CHECKING:
    from vampd.adapters.rsync_archive import RsyncArchive
    from vampd.daemon.attempt import Outcome
    from vampd.daemon.by_hand import HandRunner
    from vampd.daemon.execute import Hands
    from vampd.daemon.mailing import MailDesk
    from vampd.daemon.pool import WorkerPool
    from vampd.daemon.scheduler import RunMode
    from vampd.daemon.warner import Warner
    from vampd.disk.pace import Flag, SharedPace
    from vampd.model.dictionary import Dictionary
    from vampd.store.connection import Store
    from vampd.store.engine import Access
    from vampd.store.glance import Seen
    from vampd.store.ledger import FrameIdLedger

LEDGER_FILE = "frameids.ledger"
ANSWERS_FOLDER = "frameids.answers"


@dataclass(frozen=True)
class Connections:
    """The settings, the store's parts and the eyes that look through them."""

    settings: Settings
    store: NightStore
    receipts: Receipts
    ledger: Ledger
    mail_log: MailLog

    @cached_property
    def eyes(self) -> Eyes:
        """Made at the first look: `vampctl status` needs none, and they are slow to import."""
        return make_eyes(self.settings, self.receipts, self.ledger, self.mail_log)

    @cached_property
    def mail_desk(self) -> MailDesk:
        """What mails are sent from."""
        return make_mail_desk(self.settings, self.mail_log)


@contextmanager
def connect(settings: Settings) -> Iterator[Connections]:
    """Connect for a command; StoreError if there is no database that fits this version."""
    from vampd.store.engine import Access

    with _connected(settings, Access.USE) as connections:
        yield connections


@contextmanager
def look(settings: Settings) -> Iterator[Seen]:
    """What `vampctl status` tells of, as soon as can be; StoreError as `connect`."""
    from vampd.store.glance import Seen, glance_at

    with glance_at(settings.database.path) as seen:
        if seen is not None:
            yield seen
            return
    with connect(settings) as connections:
        store = connections.store
        yield Seen(store.nights(), connections.mail_log.correspondence(), store.history)


@contextmanager
def _connected(settings: Settings, access: Access) -> Iterator[Connections]:
    from vampd.store.engine import Access, open_store
    from vampd.store.mailings import StoredMailLog
    from vampd.store.nights import Nights
    from vampd.store.receipts import StoredReceipts

    store = open_store(settings.database.url, access)
    try:
        receipts = StoredReceipts(store)
        ledger = ledger_of(settings, store)
        if access is Access.MIGRATE:
            _bring_in_ledger(ledger)
        yield Connections(settings, Nights(store), receipts, ledger, StoredMailLog(store))
    finally:
        store.close()


@contextmanager
def open_ledger(settings: Settings) -> Iterator[FrameIdLedger]:
    """The ledger with all that it can, for the one command that writes it anew."""
    from vampd.store.engine import Access, open_store

    store = open_store(settings.database.url, Access.USE)
    try:
        yield ledger_of(settings, store)
    finally:
        store.close()


def ledger_of(settings: Settings, store: Store) -> FrameIdLedger:
    """The ledger of this database, and of the file among the archive nights."""
    from vampd.store.ledger import FrameIdLedger

    return FrameIdLedger(store, settings.watch.root / ARCHIVE_FOLDER / LEDGER_FILE)


def _bring_in_ledger(ledger: FrameIdLedger) -> None:
    """Fill a new database with the IDs on record, before products ask for theirs."""
    from vampd.log import get_log

    try:
        ledger.reconcile()
    except (FrameIdConflict, TransientError) as error:
        # Nobody will get an ID before that is mended; all else goes on.
        get_log().error("ledger.refused", code=error.code, error=error.message)


def make_eyes(settings: Settings, receipts: Receipts, ledger: Ledger, mail_log: MailLog) -> Eyes:
    """Eyes on the real disk and the real archive host."""
    from vampd.daemon.eyes import DiskEyes

    return DiskEyes(
        settings.watch.root,
        cut_on=settings.sync.cut_on,
        receipts=receipts,
        ledger=ledger,
        mail_log=mail_log,
        archive_host=lambda night: archive_host(settings, night),
        dictionary=lambda: load_keywords(settings),
    )


def load_keywords(settings: Settings) -> Dictionary:
    """The keyword dictionary: the one that is configured, else the one that vampd brings."""
    from vampd.dictionary import load_dictionary

    return load_dictionary(settings.headers.dictionary or packaged_file("keywords.toml"))


def archive_host(settings: Settings, night: NightId) -> ArchiveHost:
    """The destination of nights of this kind."""
    from vampd.adapters.archive_host import open_archive_host

    return open_archive_host(settings.transfer, night.kind)


def archive_places(settings: Settings, night: NightId) -> Iterator[tuple[str, RsyncArchive]]:
    """Where a night may be on its archive host, the destination first: a name for people, and it.

    vampd itself sends to the destination alone.
    """
    from vampd.adapters.archive_host import open_archive_host, open_moved_archive

    destination = settings.transfer.destination(night.kind)
    prefix = "" if destination.host is None else f"{destination.host}:"
    yield (
        f"{prefix}{destination.path / night.date}",
        open_archive_host(settings.transfer, night.kind),
    )
    for folder in destination.moved_folders(night.date):
        yield f"{prefix}{folder}", open_moved_archive(settings.transfer, night.kind, folder)


def make_mail_desk(settings: Settings, mail_log: MailLog) -> MailDesk:
    """What mails are sent from, by these settings."""
    from vampd.adapters.mail import open_mailer
    from vampd.daemon.mailing import MailDesk

    return MailDesk(settings.mail, settings.watch.root, mail_log, open_mailer)


def make_warner(settings: Settings) -> Warner:
    """Who is told when space runs low, and where it is kept that they were."""
    from vampd.adapters.mail import mailer_of
    from vampd.daemon.warner import Warner

    return Warner(settings.mail, settings.database.path.parent / "low_space", mailer_of)


def night_lock(settings: Settings, night: NightId) -> Lock:
    """The lock of whoever works on this night, be it vampd or a command; not taken yet."""
    from vampd.disk.atomic import make_folder

    folder = settings.database.path.parent / "locks"
    make_folder(folder)
    return Lock(folder / _lock_name(night))


def _lock_name(night: NightId) -> str:
    return f"{night.date}-{night.kind}.lock"


def hand_lock(settings: Settings, night: NightId) -> Lock:
    """The lock of a person's command that keeps a daemon from this night; not taken yet."""
    lock = night_lock(settings, night)
    return Lock(lock.path.with_suffix(".hand.lock"))


def _is_held(lock: Lock) -> bool:
    try:
        with lock:
            return False
    except StateError:
        return True


@contextmanager
def hand_runner(settings: Settings, actor: str) -> Iterator[HandRunner]:
    """What `vampctl run` works with; a database that does not exist yet is made.

    The cameras come first here too: while one writes, the work pauses.
    """
    from vampd.daemon.by_hand import CameraWatch, HandLocks, HandRunner
    from vampd.daemon.pool import WorkerPool
    from vampd.disk.pace import Flag
    from vampd.model.state import Status

    database = settings.database.path
    locks = HandLocks(
        database=database.with_name(database.name + ".lock"),
        hand=lambda night: hand_lock(settings, night).path,
        night=lambda night: night_lock(settings, night).path,
    )
    _prepare_without_daemon(settings, locks.database)
    with ExitStack() as stack:
        connections = stack.enter_context(connect(settings))
        flags = Path(stack.enter_context(TemporaryDirectory(prefix="vampctl-")))
        pause, stop = Flag.create(flags / "pause"), Flag.create(flags / "stop")
        workers = WorkerPool(settings.schedule.workers, settings.schedule.worker_deadline_s)
        stack.callback(workers.close)
        records = connections.store.nights()
        finished = [r.night for r in records if r.state.status is Status.DONE]
        stack.enter_context(CameraWatch(settings, pause, finished))

        def start(record: NightRecord) -> Outcome:
            folder = night_lock(settings, record.night).path.parent
            return _start_attempt(
                connections, workers, folder, record, settings, pause, stop, lambda: stop.is_up
            )

        yield HandRunner(
            connections.store, settings, locks, start=start, actor=actor, stop=stop, pause=pause
        )


def _prepare_without_daemon(settings: Settings, lock_path: Path) -> None:
    """What a daemon that is up has done already: the database, and one look at every night."""
    from vampd.daemon.quiet_watch import QuietWatch
    from vampd.store.engine import Access

    make_folder(lock_path.parent)
    lock = Lock(lock_path)
    try:
        lock.acquire()
    except StateError:
        return
    try:
        with _connected(settings, Access.MIGRATE) as connections:
            for _ in QuietWatch(connections.store).scan(settings):
                pass
    finally:
        lock.release()


def authority(settings: Settings, pace: Pace) -> FrameIdAuthority:
    """Who grants frame IDs; a call that is on its way ends when ``pace`` is stopped."""
    from vampd.adapters.authority import LocalAuthority, NoAuthority
    from vampd.adapters.authority_calls import CommandAuthority, Gen2Authority
    from vampd.model.frame_id import FrameId

    chosen = settings.frameids
    answers = settings.watch.root / ARCHIVE_FOLDER / ANSWERS_FOLDER / chosen.authority
    match chosen.authority:
        case Authority.NONE:
            return NoAuthority()
        case Authority.LOCAL:
            return LocalAuthority(FrameId.parse(chosen.first))
        case Authority.GEN2:
            return Gen2Authority(
                answers,
                chosen.gen2_answer,
                chosen.timeout_s,
                pace,
                chosen.numbers,
                chosen.gen2_hosts,
            )
        case Authority.COMMAND:
            return CommandAuthority(answers, chosen.command, chosen.timeout_s, pace, chosen.numbers)


def run_daemon(read_settings: Callable[[], Settings], mode: RunMode) -> None:
    """Run vampd until it is told to end or, if so asked, until no night can advance any more.

    StateError ``locked`` if another vampd holds the database; StoreError if it cannot be trusted.
    """
    from vampd.daemon.notify import Notifier
    from vampd.daemon.pool import WorkerPool
    from vampd.daemon.quiet_watch import QuietWatch
    from vampd.daemon.scheduler import Scheduler
    from vampd.daemon.watch import FolderWatch
    from vampd.disk.pace import Flag
    from vampd.store.engine import Access

    settings = read_settings()
    database = settings.database.path
    make_folder(database.parent)
    locks = database.parent / "locks"
    make_folder(locks)
    with ExitStack() as stack:
        # `vampctl doctor` takes the lock for a moment to see whether a daemon is up.
        stack.enter_context(Lock(database.with_name(database.name + ".lock"), patience_s=1.0))
        connections = stack.enter_context(_connected(settings, Access.MIGRATE))
        flags = stack.enter_context(_fresh_folder(database.parent / "flags"))
        workers = WorkerPool(settings.schedule.workers, settings.schedule.worker_deadline_s)
        stack.callback(workers.close)
        pause = Flag.create(flags / "pause")
        numbers = itertools.count(1)

        def start(
            record: NightRecord, now: Settings, stop: Flag, is_stopping: Callable[[], bool]
        ) -> Outcome:
            return _start_attempt(
                connections, workers, locks, record, now, pause, stop, is_stopping
            )

        notifier = Notifier()
        scheduler = Scheduler(
            connections.store,
            QuietWatch(connections.store),
            FolderWatch,
            read_settings=read_settings,
            settings=settings,
            start=start,
            make_stop_flag=lambda night: Flag.create(
                flags / f"{night.date}-{night.kind}-{next(numbers)}"
            ),
            is_by_hand=lambda night: _is_held(hand_lock(settings, night)),
            pause=pause,
            notifier=notifier,
        )
        signal.signal(signal.SIGTERM, lambda *_: scheduler.stop())
        signal.signal(signal.SIGINT, lambda *_: scheduler.stop())
        signal.signal(signal.SIGHUP, lambda *_: scheduler.reload())
        notifier.ready()
        scheduler.run(mode)
    if scheduler.has_hanging_attempts:
        # Threads that hang in a disk that does not answer would keep the interpreter from its end.
        os._exit(EXIT_OK)


@contextmanager
def _fresh_folder(folder: Path) -> Iterator[Path]:
    """An empty folder for as long as the block lasts; what a killed daemon left in it goes."""
    shutil.rmtree(folder, ignore_errors=True)
    make_folder(folder)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def make_hands(
    connections: Connections,
    settings: Settings,
    night: NightId,
    eyes: Eyes,
    workers: WorkerPool,
    pace: SharedPace,
) -> Hands:
    """What one attempt at a night acts with."""
    from vampd.daemon.execute import Hands
    from vampd.daemon.used_cubes import UsedCubes
    from vampd.model.generation import accounted_cubes

    folder = settings.watch.root / night.folder
    return Hands(
        night=night,
        folder=folder,
        settings=settings,
        cubes=UsedCubes(folder, lambda: accounted_cubes(eyes.generations(night))),
        receipts=connections.receipts,
        ledger=connections.ledger,
        authority=authority(settings, pace),
        archive_host=archive_host(settings, night),
        workers=workers,
        pace=pace,
        mail=make_mail_desk(settings, connections.mail_log),
        warner=make_warner(settings),
    )


def _start_attempt(
    connections: Connections,
    workers: WorkerPool,
    locks: Path,
    record: NightRecord,
    settings: Settings,
    pause: Flag,
    stop: Flag,
    is_stopping: Callable[[], bool],
) -> Outcome:
    from vampd.daemon.attempt import Attempt, run_attempt
    from vampd.disk.pace import SharedPace

    night = record.night
    eyes = make_eyes(settings, connections.receipts, connections.ledger, connections.mail_log)
    hands = make_hands(connections, settings, night, eyes, workers, SharedPace(pause, stop))
    lock_path = locks / _lock_name(night)
    return run_attempt(
        Attempt(record, settings, connections.store, eyes, hands, lock_path, is_stopping)
    )
