"""The frame-ID ledger: ports.Ledger. Requested -> granted -> bound -> applied, each before use.

Every step is a line in ``frameids.ledger``, on the disk, before it is a row in the database, and a
row before its effect. So the file knows at least as much as the database: before anything is
granted or bound, rows that are missing are brought in from the file, and anything else on which
the two differ is a FrameIdConflict.

Killed in between, the next ``reserve`` takes it up:

- Requested, nothing granted on record: what the authority can still tell of its answer is put on
  record as refused, because it may be somebody else's; then IDs are asked for anew.
- Granted, not all bound: the IDs are bound as they were meant if the same products are wanted
  in the same order. Bound ones are always a prefix of the request, so its digest tells. If other
  products are wanted by now, time order could break: new IDs are asked for, and the old ones stay
  unused and are listed. Only a night's last request is completed, so that IDs never go back in time
  within a night.
- A grant that was cut short in the file, or refused, is not completed; its IDs stay unused.

Nothing is asked for unless ledger and folders agree (`vampd.store.ledger_agreement`).

What was bound to a product of a night stays bound for ever: after a restore the same product gets
the same ID.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import func, select

from vampd.disk.failpoint import failpoint
from vampd.disk.sightings import read_sightings
from vampd.errors import FrameIdConflict, FrameIdsUnavailable
from vampd.model.frame_id import FrameId, NumberRange
from vampd.model.frame_id_review import LedgerListing
from vampd.model.grant import Verdict, judge_grant, named_ids
from vampd.model.night import NightId
from vampd.model.sighting import highest_seen
from vampd.ports import BoundId, FrameIdAuthority
from vampd.store.connection import Store
from vampd.store.ledger_agreement import refuse_disagreement
from vampd.store.ledger_file import (
    Applied,
    Bound,
    Granted,
    LedgerFile,
    LedgerRecord,
    Mark,
    Refused,
    Requested,
    open_ledger_file,
    refuse_unprintable,
)
from vampd.store.ledger_listing import list_ledger
from vampd.store.ledger_queries import (
    granted_rows,
    highest_good,
    highest_of,
    highest_on_record,
    known_ids,
    last_request,
)
from vampd.store.ledger_rows import bring_in, refuse_unrecorded_rows
from vampd.store.schema import FrameIdRequestRow, FrameIdRow

_STRAYS = "its answer came when the call was cut off, and may be meant for somebody else"


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
        self._mark: Mark | None = None
        self._mutex = threading.Lock()

    def reserve(
        self, night: NightId, identities: Sequence[str], authority: FrameIdAuthority
    ) -> None:
        if len(set(identities)) != len(identities):
            raise ValueError("an identity may be wanted once")
        for identity in identities:
            refuse_unprintable(identity)
        with self._mutex, open_ledger_file(self._path) as file:
            self._agree(file)
            bound = self.bound(night)
            missing = tuple(identity for identity in identities if identity not in bound)
            if not missing:
                return
            granted = self._interrupted_grant(night, missing)
            if granted is None:
                granted = self._ask(file, night, missing, authority)
            records = [Bound(*pair, night) for pair in zip(granted, missing, strict=True)]
            file.append(records)
            failpoint("ledger.bound.appended")
            self._commit(records)
            failpoint("ledger.bound.committed")
            self._mark = file.mark()

    def bound(self, night: NightId) -> Mapping[str, BoundId]:
        with self._store.read() as connection:
            rows = connection.execute(
                select(FrameIdRow.__table__)
                .where(FrameIdRow.date == night.date, FrameIdRow.kind == night.kind)
                .where(FrameIdRow.identity.is_not(None))
                .order_by(FrameIdRow.number)
            )
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
                    " look where it comes from: the ledger did not give it",
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
            self._commit(records)
            failpoint("ledger.applied.committed")
            self._mark = file.mark()

    def reconcile(self) -> None:
        """Bring what only the file knows into the database. FrameIdConflict.

        All that grants or binds does so by itself; for those who only read a new database. Without
        a file there is nothing to bring in.
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
        """The IDs that were granted and are not bound, lowest first."""
        with self._store.read() as connection:
            rows = connection.execute(
                select(FrameIdRow.__table__)
                .where(FrameIdRow.identity.is_(None))
                .order_by(FrameIdRow.number)
            )
            return tuple(UnusedId(FrameId(row.number), NightId(row.date, row.kind)) for row in rows)

    def listing(self) -> LedgerListing:
        """All requests and IDs, and where file and database differ."""
        return list_ledger(self._store, self._path)

    def _agree(self, file: LedgerFile) -> None:
        if self._mark == file.mark():
            return
        file.mend_tail()
        # Rows may not outlive the lines they come from: a writer may have died before its fsync.
        file.make_durable()
        failpoint("ledger.agree.file_durable")
        with self._store.write() as connection:
            seen = bring_in(connection, file.records(), str(self._path))
            refuse_unrecorded_rows(connection, seen, file.records, str(self._path))
        failpoint("ledger.agree.committed")
        self._mark = file.mark()

    def _ask(
        self,
        file: LedgerFile,
        night: NightId,
        missing: tuple[str, ...],
        authority: FrameIdAuthority,
    ) -> tuple[FrameId, ...]:
        # First the folders, then the rows: what a folder shows by now had its row before.
        nights = read_sightings(self._path.parent)
        with self._store.read() as connection:
            refuse_disagreement(connection, nights, self._path)
        failpoint("ledger.folders.compared")
        self._keep_strays(file, night, authority)
        seen = highest_seen(nights, authority.numbers)
        with self._store.read() as connection:
            highest = highest_of(highest_on_record(connection, authority.numbers), seen)
            floor = highest_of(highest_good(connection, authority.numbers), seen)
        request = self._unanswered_request(night, missing)
        if request is None:
            request = self._new_request(file, night, missing)
        try:
            answer = tuple(authority.grant(len(missing), highest))
        except FrameIdsUnavailable:
            self._keep_strays(file, night, authority)
            raise
        failpoint("ledger.granted.received")
        verdict = judge_grant(
            answer,
            len(missing),
            numbers=authority.numbers,
            floor=floor,
            known=self._known(named_ids(answer)),
        )
        self._keep_grant(file, night, request, verdict)
        if verdict.problem is not None:
            raise FrameIdConflict(
                "grant_refused",
                f"asked for {len(missing)} frame IDs for {night} above {floor}: {verdict.problem};"
                " none is used, those that are new are on record as unused; ask who runs the"
                " authority",
                night=str(night),
            )
        return verdict.ids

    def _keep_grant(self, file: LedgerFile, night: NightId, request: int, verdict: Verdict) -> None:
        known = self._known(verdict.ids)
        granted = [Granted(each, request, night) for each in verdict.ids if each not in known]
        # The refusal first: IDs of a refused grant must not look like a grant cut short, nor whole.
        refusal = [] if verdict.problem is None else [Refused(request, verdict.problem)]
        records: list[LedgerRecord] = [*refusal, *granted]
        file.append(records)
        failpoint("ledger.granted.appended")
        self._commit(records)
        failpoint("ledger.granted.committed")

    def _keep_strays(self, file: LedgerFile, night: NightId, authority: FrameIdAuthority) -> None:
        """Put IDs on record that came when a call was cut off: granted, and never to be used."""
        named = named_ids(authority.strays())
        known = self._known(named)
        strays = [frame_id for frame_id in named if frame_id not in known]
        if not strays:
            return
        with self._store.read() as connection:
            last = last_request(connection, None)
            answered = last is None or last.refused or granted_rows(connection, last.id)
        records: list[LedgerRecord] = []
        if last is not None and not answered:
            request, owner = int(last.id), NightId(last.date, last.kind)
        else:
            request, owner = (0 if last is None else int(last.id)) + 1, night
            wanted = _digest([str(frame_id) for frame_id in strays])
            records.append(Requested(request, owner, len(strays), wanted, _STRAYS))
        records.append(Refused(request, _STRAYS))
        records += (Granted(frame_id, request, owner) for frame_id in strays)
        file.append(records)
        failpoint("ledger.strays.appended")
        self._commit(records)
        failpoint("ledger.strays.committed")

    def _new_request(self, file: LedgerFile, night: NightId, missing: tuple[str, ...]) -> int:
        with self._store.read() as connection:
            last = connection.execute(select(func.max(FrameIdRequestRow.id))).scalar() or 0
        why = f"products {missing[0]} to {missing[-1]} have none"
        record = Requested(last + 1, night, len(missing), _digest(missing), why)
        file.append([record])
        failpoint("ledger.requested.appended")
        self._commit([record])
        failpoint("ledger.requested.committed")
        return record.request

    def _unanswered_request(self, night: NightId, missing: tuple[str, ...]) -> int | None:
        """The night's last request, if it asked for the same and nothing came of it."""
        with self._store.read() as connection:
            last = last_request(connection, night)
            if last is None or last.refused is not None or last.digest != _digest(missing):
                return None
            return None if granted_rows(connection, last.id) else int(last.id)

    def _interrupted_grant(
        self, night: NightId, missing: tuple[str, ...]
    ) -> tuple[FrameId, ...] | None:
        """The unbound IDs of the night's last request, if they were meant for just these."""
        with self._store.read() as connection:
            last = last_request(connection, night)
            rows = [] if last is None else granted_rows(connection, last.id)
        if last is None or last.refused is not None or len(rows) != last.wanted:
            return None
        bound = tuple(row.identity for row in rows if row.identity is not None)
        if _digest(bound + missing) != last.digest:
            return None
        return tuple(FrameId(row.number) for row in rows if row.identity is None)

    def _known(self, ids: Iterable[FrameId]) -> frozenset[FrameId]:
        """Those of the IDs that are on record, for whatever request."""
        with self._store.read() as connection:
            return known_ids(connection, ids)

    def _commit(self, records: Iterable[LedgerRecord]) -> None:
        with self._store.write() as connection:
            bring_in(connection, enumerate(records, start=1), "the work at hand,")


def _digest(identities: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(identities).encode()).hexdigest()
