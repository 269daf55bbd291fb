"""Reads nights for surveys: from the disk, the store and the archive host."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from vampd.engine.archive.known_archive import KnownArchive
from vampd.engine.nights.folder_reader import FolderReader, Recorded, RecordedReader
from vampd.model.cubes import ChangedRaw
from vampd.model.delivery import Correspondence
from vampd.model.frame_ids import BoundId, FrameId
from vampd.model.headers import Dictionary
from vampd.model.nights import FileStamp, NightId
from vampd.model.proofs import (
    ArchiveIdentity,
    MovedNight,
    Place,
    PurgedFile,
    Receipt,
    RecordedReceipt,
)
from vampd.ports import (
    ChangedRawFiles,
    Ledger,
    MailLog,
    PackingReceipts,
    PurgedFiles,
    Receipts,
    SyncReader,
)


class DiskNightReader(FolderReader):
    """Implements ports.NightReader below the watched root."""

    def __init__(
        self,
        root: Path,
        *,
        cut_on: tuple[str, ...],
        let_go: Callable[[NightId], frozenset[str]],
        receipts: Receipts,
        packing_receipts: PackingReceipts,
        purged_files: PurgedFiles,
        changed_raw: ChangedRawFiles,
        ledger: Ledger,
        mail_log: MailLog,
        archive: Callable[[NightId], KnownArchive],
        dictionary: Callable[[], Dictionary],
    ) -> None:
        super().__init__(root, cut_on)
        self._cut_on = cut_on
        self._let_go = let_go
        self._receipts = receipts
        self._packing_receipts = packing_receipts
        self._purged_files = purged_files
        self._changed_raw = changed_raw
        self._ledger = ledger
        self._mail_log = mail_log
        self._archive = archive
        self._dictionary = dictionary

    def for_worker(self, night: NightId) -> SyncReader:
        """The night with what is on record of it now."""
        recorded = Recorded(
            let_go=self.let_go(night),
            receipts={place: self.receipts(night, place) for place in Place},
            packing_receipts=self.packing_receipts(night),
            purged_files=self.purged_files(night),
            changed_raw=self.changed_raw(night),
            bound_ids=self.bound_ids(night),
            correspondence=self.correspondence(night),
        )
        return RecordedReader(self._root, self._cut_on, recorded)

    def let_go(self, night: NightId) -> frozenset[str]:
        """The raw files that a person let the night go on without."""
        return self._let_go(night)

    def receipts(self, night: NightId, place: Place) -> Mapping[str, Receipt]:
        """The newest receipt per path; one of the future, by a wrong clock, has no known age."""
        receipts = self._receipts.of(night, place)
        now = time.time()
        return {
            path: receipt if receipt.at <= now else replace(receipt, at=0.0)
            for path, receipt in receipts.items()
        }

    def packing_receipts(self, night: NightId) -> tuple[RecordedReceipt, ...]:
        """The packing receipts on record."""
        return self._packing_receipts.of(night)

    def purged_files(self, night: NightId) -> tuple[PurgedFile, ...]:
        """The raw files that were purged, or were about to be."""
        return self._purged_files.of(night)

    def changed_raw(self, night: NightId) -> tuple[ChangedRaw, ...]:
        """The raw files that are no longer as sync saw them."""
        return self._changed_raw.of(night)

    def archive_identity(self, night: NightId) -> ArchiveIdentity:
        """What the proofs of this night must name."""
        return self._archive(night).identity

    def moved_night(self, night: NightId) -> MovedNight | None:
        """Where the archive host has moved the night, if anywhere."""
        return self._archive(night).moved_night(night)

    def archive_files(self, night: NightId) -> Mapping[str, FileStamp]:
        """The files of this night on the archive host."""
        return self._archive(night).files(night)

    def bound_ids(self, night: NightId) -> Mapping[str, BoundId]:
        """The frame IDs of this night's products."""
        return self._ledger.bound(night)

    def foreign_ids(self, night: NightId) -> tuple[FrameId, ...]:
        """The frame IDs on record that others used for this night."""
        return self._ledger.foreign(night)

    def correspondence(self, night: NightId) -> Correspondence:
        """What was mailed of this night and what STARS has ingested."""
        return self._mail_log.correspondence(night)

    def dictionary(self) -> Dictionary:
        """The keyword dictionary."""
        return self._dictionary()
