"""The ledger's rows: records added to the database, and any contradiction found doing so.

The file is written first, so the database may lag behind it and never the other way round. Adding a
record that is already there changes nothing; one that contradicts a row is refused.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice

from sqlalchemy import Connection, bindparam, case, func, insert, select, update

from vampd.errors import FrameIdConflict
from vampd.ledger.records import Applied, Bound, Granted, LedgerRecord, Refused, Requested
from vampd.model.frame_ids import FrameId
from vampd.model.nights import NightId
from vampd.store.schema import FrameIdRequestRow, FrameIdRow

# Below SQLite's limit of parameters per statement; large enough to make statements cheap.
_BATCH = 500

Numbered = tuple[int, LedgerRecord]


@dataclass(frozen=True)
class _Request:
    asked: Requested
    refused: str | None = None


@dataclass(frozen=True)
class _FrameId:
    granted: Granted
    identity: str | None = None
    applied: bool = False


def bring_in(connection: Connection, records: Iterable[Numbered], origin: str) -> Counter[type]:
    """Add records to the database, in their order; return the number of records of each kind.

    ``origin`` names them in messages. FrameIdConflict ``ledger_conflict``; the caller's
    transaction must then be rolled back.
    """
    seen: Counter[type] = Counter()
    remaining = iter(records)
    while batch := tuple(islice(remaining, _BATCH)):
        _Batch(connection, batch, origin).bring_in()
        seen.update(type(record) for _, record in batch)
    return seen


def refuse_unrecorded_rows(
    connection: Connection,
    seen: Counter[type],
    read_again: Callable[[], Iterator[Numbered]],
    origin: str,
) -> None:
    """FrameIdConflict unless the database holds exactly the records that were added."""
    stored = _count_rows(connection)
    if stored == seen:
        return
    recorded = Counter(record for _, record in read_again())
    for record, times in recorded.items():
        if times > 1:
            raise _conflict(f"{origin} has the same record {times} times: {record}")
    for record in stored_records(connection):
        if record not in recorded:
            raise _conflict(f"the database has {record}, {origin} has no such record")
    raise AssertionError(f"rows {stored} and records {seen} differ, and yet each matches another")


class _Batch:
    """Some records and the rows that they touch."""

    def __init__(self, connection: Connection, records: tuple[Numbered, ...], origin: str) -> None:
        self._connection = connection
        self._records = records
        self._origin = origin
        self._requests = self._load_requests()
        self._frame_ids = self._load_frame_ids()
        self._owners = {
            (row.granted.night, row.identity): number
            for number, row in self._frame_ids.items()
            if row.identity is not None
        }
        self._stored_requests = dict(self._requests)
        self._stored_frame_ids = dict(self._frame_ids)

    def bring_in(self) -> None:
        for line, record in self._records:
            self._take(f"{self._origin} line {line}", record)
        self._write_requests()
        self._write_frame_ids()

    def _take(self, where: str, record: LedgerRecord) -> None:
        match record:
            case Requested(request):
                known = self._requests.setdefault(request, _Request(record))
                if known.asked != record:
                    raise _conflict(f"{where} has {record}, but before it {known.asked}")
            case Refused(request, why):
                asked = self._request(where, request, record)
                if asked.refused not in (None, why):
                    raise _conflict(f"{where} has {record}, but before it {asked.refused!r}")
                self._requests[request] = replace(asked, refused=why)
            case Granted(frame_id, request, night):
                if self._request(where, request, record).asked.night != night:
                    raise _conflict(f"{where} has {record}, but the request is for another night")
                row = self._frame_ids.setdefault(frame_id.number, _FrameId(record))
                if row.granted != record:
                    raise _conflict(f"{where} has {record}, but before it {row.granted}")
            case Bound(frame_id, identity, night):
                self._bind(where, record, frame_id, identity, night)
            case Applied(frame_id, night):
                row = self._frame_id(where, frame_id, night, record)
                if row.identity is None:
                    raise _conflict(f"{where} has {record}, but the ID is not bound")
                self._frame_ids[frame_id.number] = replace(row, applied=True)

    def _bind(
        self, where: str, record: Bound, frame_id: FrameId, identity: str, night: NightId
    ) -> None:
        row = self._frame_id(where, frame_id, night, record)
        if row.identity not in (None, identity):
            raise _conflict(
                f"{where} binds {frame_id} to product {identity} of {night}, but it was"
                f" bound to product {row.identity} before"
            )
        owner = self._owners.setdefault((night, identity), frame_id.number)
        if owner != frame_id.number:
            raise _conflict(
                f"{where} binds product {identity} of {night} to {frame_id}, but it was"
                f" bound to {FrameId(owner)} before"
            )
        self._frame_ids[frame_id.number] = replace(row, identity=identity)

    def _request(self, where: str, request: int, record: LedgerRecord) -> _Request:
        if request not in self._requests:
            raise _conflict(f"{where} has {record}, but there is no request {request}")
        return self._requests[request]

    def _frame_id(
        self, where: str, frame_id: FrameId, night: NightId, record: LedgerRecord
    ) -> _FrameId:
        row = self._frame_ids.get(frame_id.number)
        if row is None or row.granted.night != night:
            raise _conflict(f"{where} has {record}, but {frame_id} was not granted to {night}")
        return row

    def _load_requests(self) -> dict[int, _Request]:
        wanted = {
            r.request for _, r in self._records if isinstance(r, Requested | Refused | Granted)
        }
        rows = self._connection.execute(
            select(FrameIdRequestRow.__table__).where(FrameIdRequestRow.id.in_(wanted))
        )
        return {
            row.id: _Request(
                Requested(row.id, NightId(row.date, row.kind), row.wanted, row.digest, row.why),
                row.refused,
            )
            for row in rows
        }

    def _load_frame_ids(self) -> dict[int, _FrameId]:
        numbers = {
            r.frame_id.number for _, r in self._records if isinstance(r, Granted | Bound | Applied)
        }
        identities = {r.identity for _, r in self._records if isinstance(r, Bound)}
        columns = select(FrameIdRow.__table__)
        loaded = {}
        for chosen in (FrameIdRow.number.in_(numbers), FrameIdRow.identity.in_(identities)):
            for row in self._connection.execute(columns.where(chosen)):
                night = NightId(row.date, row.kind)
                granted = Granted(FrameId(row.number), row.request_id, night)
                loaded[row.number] = _FrameId(granted, row.identity, row.applied)
        return loaded

    def _write_requests(self) -> None:
        new, refused = [], []
        for key, row in self._requests.items():
            stored = self._stored_requests.get(key)
            if stored is None:
                asked = row.asked
                new.append(
                    {
                        "id": key,
                        "date": asked.night.date,
                        "kind": asked.night.kind,
                        "wanted": asked.count,
                        "digest": asked.digest,
                        "why": asked.why,
                        "refused": row.refused,
                    }
                )
            elif stored != row:
                refused.append({"key": key, "reason": row.refused})
        if new:
            self._connection.execute(insert(FrameIdRequestRow), new)
        if refused:
            self._connection.execute(
                update(FrameIdRequestRow)
                .where(FrameIdRequestRow.id == bindparam("key"))
                .values(refused=bindparam("reason")),
                refused,
            )

    def _write_frame_ids(self) -> None:
        new, changed = [], []
        for number, row in self._frame_ids.items():
            stored = self._stored_frame_ids.get(number)
            if stored is None:
                new.append(
                    {
                        "number": number,
                        "request_id": row.granted.request,
                        "date": row.granted.night.date,
                        "kind": row.granted.night.kind,
                        "identity": row.identity,
                        "applied": row.applied,
                    }
                )
            elif stored != row:
                changed.append({"key": number, "bound_to": row.identity, "is_applied": row.applied})
        if new:
            self._connection.execute(insert(FrameIdRow), new)
        if changed:
            self._connection.execute(
                update(FrameIdRow)
                .where(FrameIdRow.number == bindparam("key"))
                .values(identity=bindparam("bound_to"), applied=bindparam("is_applied")),
                changed,
            )


def _count_rows(connection: Connection) -> Counter[type]:
    requests, refused = connection.execute(
        select(func.count(), func.count(FrameIdRequestRow.refused)).select_from(FrameIdRequestRow)
    ).one()
    granted, bound, applied = connection.execute(
        select(
            func.count(),
            func.count(FrameIdRow.identity),
            func.count(case((FrameIdRow.applied, 1))),
        ).select_from(FrameIdRow)
    ).one()
    return Counter(
        {Requested: requests, Refused: refused, Granted: granted, Bound: bound, Applied: applied}
    )


def stored_records(connection: Connection) -> Iterator[LedgerRecord]:
    """Everything that the database knows, as records."""
    for row in connection.execute(select(FrameIdRequestRow.__table__)):
        yield Requested(row.id, NightId(row.date, row.kind), row.wanted, row.digest, row.why)
        if row.refused is not None:
            yield Refused(row.id, row.refused)
    for row in connection.execute(select(FrameIdRow.__table__).order_by(FrameIdRow.number)):
        night = NightId(row.date, row.kind)
        yield Granted(FrameId(row.number), row.request_id, night)
        if row.identity is not None:
            yield Bound(FrameId(row.number), row.identity, night)
        if row.applied:
            yield Applied(FrameId(row.number), night)


def _conflict(found: str) -> FrameIdConflict:
    return FrameIdConflict(
        "ledger_conflict",
        f"expected frameids.ledger and the database to agree, found: {found}; no ID is"
        " granted until they agree. If the file was lost or replaced by an older one, restore it"
        " from a backup, or run `vampctl rebuild-ledger`; never remove either",
    )
