"""Requesting frame IDs: what is recorded before, between and after.

After an interruption, the next ``reserve`` completes it:

- Requested, nothing granted on record: whatever answer the authority can still show is recorded as
  refused, because it may be meant for someone else; then IDs are requested again.
- Granted, not all bound: the IDs are bound as they were meant if the same products are wanted in
  the same order. Bound ones are always a prefix of the request, so its digest shows it. If other
  products are wanted by now, time order could break: new IDs are requested, and the old ones stay
  unused and are listed. Only a night's last request is completed, so that IDs never go back in time
  within a night.
- A grant that was truncated in the file, or refused, is not completed; its IDs stay unused.

Nothing is requested unless ledger and folders agree (`vampd.ledger.agreement`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

from vampd.disk.failpoint import failpoint
from vampd.errors import FrameIdConflict, FrameIdsUnavailable
from vampd.ledger.agreement import refuse_disagreement
from vampd.ledger.file import LedgerFile
from vampd.ledger.observed_ids import read_observed_ids
from vampd.ledger.queries import (
    granted_rows,
    highest_good,
    highest_of,
    highest_on_record,
    known_ids,
    last_request,
    next_request,
)
from vampd.ledger.records import Granted, LedgerRecord, Refused, Requested
from vampd.ledger.rows import bring_in
from vampd.model.frame_ids import FrameId, GrantVerdict, highest_seen, judge_grant, named_ids
from vampd.model.nights import NightId
from vampd.ports import FrameIdAuthority
from vampd.store.database.connection import Store

_STRAYS = "its answer came when the call was cut off, and may belong to another request"


class IdRequests:
    """The requests of one night, while the ledger file is locked and agrees with the database."""

    def __init__(self, store: Store, file: LedgerFile, night: NightId) -> None:
        self._store = store
        self._file = file
        self._night = night

    def take(self, missing: tuple[str, ...], authority: FrameIdAuthority) -> tuple[FrameId, ...]:
        """IDs for these products, in their order: of an interrupted grant, or new ones."""
        granted = self._interrupted_grant(missing)
        return self._ask(missing, authority) if granted is None else granted

    def _ask(self, missing: tuple[str, ...], authority: FrameIdAuthority) -> tuple[FrameId, ...]:
        # What reads headers needs numpy, and commands that only read the ledger do not.
        from vampd.ledger.carried_ids import read_headers_too

        # First the folders, then the rows: what a folder shows had its row before.
        archive = self._file.path.parent
        nights = tuple(read_headers_too(archive, night) for night in read_observed_ids(archive))
        with self._store.read() as connection:
            refuse_disagreement(connection, nights, self._file.path)
        failpoint("ledger.folders.compared")
        self._keep_strays(authority)
        seen = highest_seen(nights, authority.numbers)
        with self._store.read() as connection:
            highest = highest_of(highest_on_record(connection, authority.numbers), seen)
            floor = highest_of(highest_good(connection, authority.numbers), seen)
        request = self._unanswered_request(missing)
        if request is None:
            request = self._new_request(missing)
        try:
            answer = tuple(authority.grant(len(missing), highest))
        except (FrameIdConflict, FrameIdsUnavailable):
            self._keep_strays(authority)
            raise
        failpoint("ledger.granted.received")
        verdict = judge_grant(
            answer,
            len(missing),
            numbers=authority.numbers,
            floor=floor,
            known=self._known(named_ids(answer)),
        )
        self._keep_grant(request, verdict)
        if verdict.problem is not None:
            raise FrameIdConflict(
                "grant_refused",
                f"asked for {len(missing)} frame IDs for {self._night} above {floor}:"
                f" {verdict.problem}; none is used, new ones are on record as unused; ask"
                " the operators of the authority",
                night=str(self._night),
            )
        return verdict.ids

    def _keep_grant(self, request: int, verdict: GrantVerdict) -> None:
        known = self._known(verdict.ids)
        granted = [Granted(each, request, self._night) for each in verdict.ids if each not in known]
        # The refusal first: IDs of a refused grant must not pass for an interrupted or whole grant.
        refusal = [] if verdict.problem is None else [Refused(request, verdict.problem)]
        records: list[LedgerRecord] = [*refusal, *granted]
        self._file.append(records)
        failpoint("ledger.granted.appended")
        commit_records(self._store, records)
        failpoint("ledger.granted.committed")

    def _keep_strays(self, authority: FrameIdAuthority) -> None:
        """Record IDs that came when a call was interrupted: granted, and never to be used."""
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
            request, owner = (0 if last is None else int(last.id)) + 1, self._night
            wanted = digest_of([str(frame_id) for frame_id in strays])
            records.append(Requested(request, owner, len(strays), wanted, _STRAYS))
        records.append(Refused(request, _STRAYS))
        records += (Granted(frame_id, request, owner) for frame_id in strays)
        self._file.append(records)
        failpoint("ledger.strays.appended")
        commit_records(self._store, records)
        failpoint("ledger.strays.committed")

    def _new_request(self, missing: tuple[str, ...]) -> int:
        with self._store.read() as connection:
            number = next_request(connection)
        why = f"products {missing[0]} to {missing[-1]} have none"
        record = Requested(number, self._night, len(missing), digest_of(missing), why)
        self._file.append([record])
        failpoint("ledger.requested.appended")
        commit_records(self._store, [record])
        failpoint("ledger.requested.committed")
        return record.request

    def _unanswered_request(self, missing: tuple[str, ...]) -> int | None:
        """The night's last request, if it asked for the same and got no answer."""
        with self._store.read() as connection:
            last = last_request(connection, self._night)
            if last is None or last.refused is not None or last.digest != digest_of(missing):
                return None
            return None if granted_rows(connection, last.id) else int(last.id)

    def _interrupted_grant(self, missing: tuple[str, ...]) -> tuple[FrameId, ...] | None:
        """The unbound IDs of the night's last request, if they were meant for exactly these."""
        with self._store.read() as connection:
            last = last_request(connection, self._night)
            rows = [] if last is None else granted_rows(connection, last.id)
        if last is None or last.refused is not None or len(rows) != last.wanted:
            return None
        bound = tuple(row.identity for row in rows if row.identity is not None)
        if digest_of(bound + missing) != last.digest:
            return None
        return tuple(FrameId(row.number) for row in rows if row.identity is None)

    def _known(self, ids: Iterable[FrameId]) -> frozenset[FrameId]:
        """Those of the IDs that are on record, for any request."""
        with self._store.read() as connection:
            return known_ids(connection, ids)


def commit_records(store: Store, records: Iterable[LedgerRecord]) -> None:
    """Add records that are already in the file to the database."""
    with store.write() as connection:
        bring_in(connection, enumerate(records, start=1), "the current work,")


def digest_of(identities: Sequence[str]) -> str:
    """The digest by which a request remembers its products."""
    return hashlib.sha256("\n".join(identities).encode()).hexdigest()
