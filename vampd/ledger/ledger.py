"""The frame-ID ledger: ports.Ledger. Requested -> granted -> bound -> applied, each before use.

Every step is a line in ``frameids.ledger``, on the disk, before it is a row in the database, and a
row before its effect. So the file knows at least as much as the database: before anything is
granted or bound, missing rows are added from the file, and anything else on which the two differ is
a FrameIdConflict.

`vampd.ledger.id_requests` requests IDs, and completes what was interrupted. What was bound to a
product of a night stays bound forever: after a restore the same product gets the same ID.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import bindparam, select

from vampd.disk.failpoint import failpoint
from vampd.errors import FrameIdConflict
from vampd.ledger.file import FileMark, LedgerFile, open_ledger_file
from vampd.ledger.id_requests import IdRequests, commit_records, digest_of
from vampd.ledger.listing import list_ledger
from vampd.ledger.queries import highest_on_record, known_ids, next_request
from vampd.ledger.rebuild import Rebuilt, compose_from, rebuild_ledger
from vampd.ledger.records import (
    Applied,
    Bound,
    Granted,
    LedgerRecord,
    Refused,
    Requested,
    refuse_unprintable,
)
from vampd.ledger.rows import bring_in, refuse_unrecorded_rows
from vampd.model.frame_ids import (
    USED_BY_OTHERS,
    BoundId,
    FrameId,
    LedgerListing,
    NumberRange,
    RecoveredBinding,
)
from vampd.model.nights import NightId
from vampd.ports import FrameIdAuthority
from vampd.store.database.connection import Store
from vampd.store.nights import of_night
from vampd.store.schema import FrameIdRequestRow, FrameIdRow

_BOUND = (
    select(FrameIdRow.__table__)
    .where(FrameIdRow.date == bindparam("of_date"), FrameIdRow.kind == bindparam("of_kind"))
    .where(FrameIdRow.identity.is_not(None))
    .order_by(FrameIdRow.number)
)


@dataclass(frozen=True)
class UnusedId:
    """An ID that was granted to a night and belongs to no product."""

    frame_id: FrameId
    night: NightId


class FrameIdLedger:
    """The ledger of one database and one file.

    Reserving is done by one thread of one process at a time, authority included.
    """

    def __init__(self, store: Store, path: Path) -> None:
        self._store = store
        self._path = path
        self._mark: FileMark | None = None
        self._mutex = threading.Lock()

    def reserve(
        self, night: NightId, identities: Sequence[str], authority: FrameIdAuthority
    ) -> None:
        if len(set(identities)) != len(identities):
            raise ValueError("an identity may be requested only once")
        for identity in identities:
            refuse_unprintable(identity)
        with self._mutex, open_ledger_file(self._path) as file:
            self._agree(file)
            bound = self.bound(night)
            missing = tuple(identity for identity in identities if identity not in bound)
            if not missing:
                return
            granted = IdRequests(self._store, file, night).take(missing, authority)
            records = [Bound(*pair, night) for pair in zip(granted, missing, strict=True)]
            file.append(records)
            failpoint("ledger.bound.appended")
            commit_records(self._store, records)
            failpoint("ledger.bound.committed")
            self._mark = file.mark()

    def bound(self, night: NightId) -> Mapping[str, BoundId]:
        with self._store.read() as connection:
            rows = connection.execute(_BOUND, of_night(night))
            return {
                row.identity: BoundId(row.identity, FrameId(row.number), row.applied)
                for row in rows
            }

    def mark_applied(self, night: NightId, frame_ids: Sequence[FrameId]) -> None:
        with self._mutex, open_ledger_file(self._path) as file:
            self._agree(file)
            of_night = {bound.frame_id: bound for bound in self.bound(night).values()}
            strange = [frame_id for frame_id in frame_ids if frame_id not in of_night]
            if strange:
                raise FrameIdConflict(
                    "frame_id_unbound",
                    f"expected only IDs bound to products of {night}, found {strange[0]} in one;"
                    " find out where it comes from: the ledger did not grant it",
                )
            records = [
                Applied(frame_id, night)
                for frame_id in dict.fromkeys(frame_ids)
                if not of_night[frame_id].applied
            ]
            if not records:
                return
            file.append(records)
            failpoint("ledger.applied.appended")
            commit_records(self._store, records)
            failpoint("ledger.applied.committed")
            self._mark = file.mark()

    def record_foreign(
        self, night: NightId, frame_ids: Collection[FrameId], why: str
    ) -> tuple[FrameId, ...]:
        """Put IDs on record that others used for this night; return those that were not.

        As a grant that is refused (`USED_BY_OTHERS`): no product of vampd ever gets one.
        """
        with self._mutex, open_ledger_file(self._path) as file:
            self._agree(file)
            with self._store.read() as connection:
                known = known_ids(connection, frame_ids)
                number = next_request(connection)
            new = sorted(set(frame_ids) - known)
            if not new:
                return ()
            digest = digest_of([str(frame_id) for frame_id in new])
            records: list[LedgerRecord] = [
                Requested(number, night, len(new), digest, why),
                Refused(number, USED_BY_OTHERS),
                *(Granted(frame_id, number, night) for frame_id in new),
            ]
            file.append(records)
            failpoint("ledger.foreign.appended")
            commit_records(self._store, records)
            failpoint("ledger.foreign.committed")
            self._mark = file.mark()
            return tuple(new)

    def foreign(self, night: NightId) -> tuple[FrameId, ...]:
        """The IDs on record that others used for this night, lowest first."""
        with self._store.read() as connection:
            rows = connection.execute(
                select(FrameIdRow.number)
                .join(FrameIdRequestRow, FrameIdRequestRow.id == FrameIdRow.request_id)
                .where(FrameIdRow.date == night.date, FrameIdRow.kind == night.kind)
                .where(FrameIdRequestRow.refused == USED_BY_OTHERS)
                .order_by(FrameIdRow.number)
            )
            return tuple(FrameId(number) for number in rows.scalars())

    def reconcile(self) -> None:
        """Add what only the file knows to the database. FrameIdConflict.

        Granting and binding do so anyway; this is for readers of a new database. Without a file
        there is nothing to add.
        """
        if not self._path.exists():
            return
        with self._mutex, open_ledger_file(self._path) as file:
            self._mark = None
            self._agree(file)

    def highest(self, numbers: NumberRange) -> FrameId | None:
        """The highest ID of a range on record, used or not."""
        with self._store.read() as connection:
            return highest_on_record(connection, numbers)

    def unused(self) -> tuple[UnusedId, ...]:
        """The IDs that were granted and are not bound, lowest first; those of others are used."""
        with self._store.read() as connection:
            rows = connection.execute(
                select(FrameIdRow.__table__)
                .join(FrameIdRequestRow, FrameIdRequestRow.id == FrameIdRow.request_id)
                .where(FrameIdRow.identity.is_(None))
                .where(FrameIdRequestRow.refused.is_distinct_from(USED_BY_OTHERS))
                .order_by(FrameIdRow.number)
            )
            return tuple(UnusedId(FrameId(row.number), NightId(row.date, row.kind)) for row in rows)

    def listing(self) -> LedgerListing:
        """All requests and IDs, and where file and database differ."""
        return list_ledger(self._store, self._path)

    def draft_rebuild(self, found: Sequence[RecoveredBinding]) -> Rebuilt:
        """What `rebuild` would write; nothing is changed."""
        with self._store.read() as connection:
            return compose_from(connection, self._path, found)

    def rebuild(self, found: Sequence[RecoveredBinding]) -> Rebuilt:
        """Rewrite the file from everything known and found, then the database.

        FrameIdConflict leaves both as they are. Whoever waits for the file gets the new one.
        """
        with self._mutex, open_ledger_file(self._path):
            self._mark = None
            return rebuild_ledger(self._store, self._path, found)

    def _agree(self, file: LedgerFile) -> None:
        if self._mark == file.mark():
            return
        file.mend_tail()
        # Rows must not outlive the lines they come from: a writer may have died before its fsync.
        file.make_durable()
        failpoint("ledger.agree.file_durable")
        with self._store.write() as connection:
            seen = bring_in(connection, file.records(), str(self._path))
            refuse_unrecorded_rows(connection, seen, file.records, str(self._path))
        failpoint("ledger.agree.committed")
        self._mark = file.mark()
