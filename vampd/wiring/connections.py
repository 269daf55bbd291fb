"""What vampd and its commands share: the store, and the reader on top of it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from vampd.config import Settings, with_destination
from vampd.disk.machine import is_read_only
from vampd.disk.refusal import user_name
from vampd.disk.rights import public_umask
from vampd.errors import FrameIdConflict, NotPermitted, TransientError
from vampd.model.nights import ARCHIVE_FOLDER, Kind
from vampd.ports import (
    Adoptions,
    AlarmLog,
    Answers,
    ChangedRawFiles,
    CheckedCubes,
    Destinations,
    Ledger,
    MailLog,
    NightReader,
    NightStore,
    PackingReceipts,
    PurgedFiles,
    Receipts,
    Roots,
    Samples,
)
from vampd.wiring.world import known_archive, make_mail_context, make_night_reader

if TYPE_CHECKING:
    from vampd.engine.archive.known_archive import KnownArchive
    from vampd.engine.mailing.manifests import MailContext
    from vampd.engine.root_guard import RootGuard
    from vampd.ledger.ledger import FrameIdLedger
    from vampd.store.database.connection import Store
    from vampd.store.database.measures import Measures
    from vampd.store.database.opening import Access
    from vampd.store.fast_status import StatusSnapshot

LEDGER_FILE = "frameids.ledger"


@dataclass(frozen=True)
class Connections:
    """The settings, the store's parts and the reader on top of them."""

    settings: Settings
    store: NightStore
    receipts: Receipts
    packing_receipts: PackingReceipts
    purged_files: PurgedFiles
    changed_raw: ChangedRawFiles
    destinations: Destinations
    roots: Roots
    ledger: Ledger
    mail_log: MailLog
    checked_cubes: CheckedCubes
    answers: Answers
    adoptions: Adoptions
    samples: Samples
    measures: Measures
    alarms: AlarmLog

    @cached_property
    def reader(self) -> NightReader:
        """For commands: RootUnknown where the root is not the one on record.

        Made at first use: `vampctl status` needs none, and they are slow to import.
        """
        self.root.recognize()
        return self.make_reader(self.settings)

    def make_reader(self, settings: Settings) -> NightReader:
        """For whoever looks at the root by itself."""
        return make_night_reader(
            settings,
            self.store,
            self.receipts,
            self.packing_receipts,
            self.purged_files,
            self.changed_raw,
            self.destinations,
            self.ledger,
            self.mail_log,
        )

    @property
    def root(self) -> RootGuard:
        """What recognizes the root of the nights."""
        from vampd.engine.root_guard import RootGuard

        return RootGuard(self.settings.watch.root, self.roots, self.store)

    def archive(self, kind: Kind) -> KnownArchive:
        """The archive of nights of this kind."""
        return known_archive(
            self.settings, kind, self.destinations, self.receipts, self.packing_receipts
        )

    def archive_at(self, kind: Kind, destination: str) -> KnownArchive:
        """The same at another destination than the settings'. UsageError ``no_destination``."""
        settings = with_destination(self.settings, kind, destination)
        return known_archive(
            settings, kind, self.destinations, self.receipts, self.packing_receipts
        )

    @cached_property
    def mail_context(self) -> MailContext:
        """The context for sending mail."""
        return make_mail_context(self.settings, self.mail_log)


@contextmanager
def connect(settings: Settings) -> Iterator[Connections]:
    """Connect for a command of the owner; StoreError if no database fits this version.

    NotPermitted ``not_the_owner`` for whoever may not write it.
    """
    from vampd.store.database.opening import Access

    refuse_reader(settings.database.path)
    with connected(settings, Access.USE) as connections:
        yield connections


@contextmanager
def connect_to_read(settings: Settings) -> Iterator[Connections]:
    """Connect for a command that changes nothing; the errors of `connect`."""
    from vampd.store.database.opening import Access

    with connected(settings, Access.READ) as connections:
        yield connections


def may_write(database: Path) -> bool:
    """Whether this user may change the database, or make it."""
    try:
        status = database.stat()
    except FileNotFoundError:
        return True
    except PermissionError:
        return False
    if os.access(database, os.W_OK, effective_ids=True):
        return True
    # A disk on which nobody may write makes no one a member.
    return os.geteuid() in (0, status.st_uid) and is_read_only(database)


def refuse_reader(database: Path) -> None:
    """NotPermitted ``not_the_owner`` for a user who may read the database and not write it."""
    if may_write(database):
        return
    try:
        owner = user_name(database.stat().st_uid)
    except PermissionError:
        owner = user_name(database.parent.stat().st_uid)
    raise NotPermitted(
        "not_the_owner", f"only the owner of the nights ({owner}) may do that", owner=owner
    )


@contextmanager
def look(settings: Settings) -> Iterator[StatusSnapshot]:
    """What `vampctl status` shows, as fast as possible; StoreError as `connect`."""
    from vampd.store.fast_status import StatusSnapshot, read_fast_status

    with read_fast_status(settings.database.path) as seen:
        if seen is not None:
            yield seen
            return
    with connect_to_read(settings) as connections:
        store = connections.store
        yield StatusSnapshot(
            store.nights(),
            connections.mail_log.correspondence(),
            store.history,
            lambda: connections.measures,
            store.unreadable_nights(),
        )


@contextmanager
def connected(settings: Settings, access: Access) -> Iterator[Connections]:
    """Connect with this access: only Access.MIGRATE fills a new database from the ledger file."""
    from vampd.store.adopted_nights import StoredAdoptions
    from vampd.store.checked_cubes import StoredCheckedCubes
    from vampd.store.database.measures import StoredSamples, measures_of
    from vampd.store.database.opening import Access, open_store
    from vampd.store.destinations import StoredDestinations
    from vampd.store.nights import Nights
    from vampd.store.packing_receipts import StoredPackingReceipts
    from vampd.store.people.alarms import StoredAlarms
    from vampd.store.people.answers import StoredAnswers
    from vampd.store.people.mailings import StoredMailLog
    from vampd.store.raw_files import StoredChangedRaw, StoredPurgedFiles
    from vampd.store.receipts import StoredReceipts
    from vampd.store.roots import StoredRoots

    with ExitStack() as stack:
        if access is not Access.READ:
            # What a reader writes elsewhere is as private as the reader likes it.
            stack.enter_context(public_umask())
        store = open_store(settings.database.url, access)
        stack.callback(store.close)
        receipts, destinations = StoredReceipts(store), StoredDestinations(store)
        ledger = ledger_of(settings, store)
        if access is Access.MIGRATE:
            _bring_in_ledger(ledger, settings.watch.root / ARCHIVE_FOLDER)
            for kind in Kind:
                destination = settings.transfer.destination(kind).destination
                destinations.adopt(kind, destination, at=time.time())
        yield Connections(
            settings,
            Nights(store),
            receipts,
            StoredPackingReceipts(store),
            StoredPurgedFiles(store),
            StoredChangedRaw(store),
            destinations,
            StoredRoots(store),
            ledger,
            StoredMailLog(store),
            StoredCheckedCubes(store),
            StoredAnswers(store),
            StoredAdoptions(store),
            StoredSamples(store),
            measures_of(store),
            StoredAlarms(store),
        )


@contextmanager
def open_ledger(settings: Settings) -> Iterator[FrameIdLedger]:
    """The full ledger, for the one command that rebuilds it."""
    from vampd.store.database.opening import Access, open_store

    refuse_reader(settings.database.path)
    store = open_store(settings.database.url, Access.USE)
    try:
        yield ledger_of(settings, store)
    finally:
        store.close()


def ledger_of(settings: Settings, store: Store) -> FrameIdLedger:
    """The ledger of this database, and of the file among the archive nights."""
    from vampd.ledger.ledger import FrameIdLedger

    return FrameIdLedger(store, settings.watch.root / ARCHIVE_FOLDER / LEDGER_FILE)


def _bring_in_ledger(ledger: FrameIdLedger, folder: Path) -> None:
    """Fill a new database with the IDs on record, before products ask for theirs."""
    from vampd.daemon.patience import Patience
    from vampd.log import get_log

    patience = Patience()
    try:
        patience.run(folder, ledger.reconcile)
    except (FrameIdConflict, TransientError) as error:
        # No ID is granted until that is fixed; everything else continues.
        get_log().error("ledger.refused", code=error.code, error=error.message)
    finally:
        patience.close()
