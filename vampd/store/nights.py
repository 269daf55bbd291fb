"""The nights in the database: ports.NightStore, all of it, however long."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, fields, replace
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, Row, RowMapping, bindparam, delete, func, insert, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from vampd.disk.failpoint import failpoint
from vampd.errors import DataError
from vampd.model.measures import MOST_ATTEMPTS
from vampd.model.nights import (
    Discovery,
    Event,
    EventName,
    EventRecord,
    Kind,
    NightId,
    NightRecord,
    NightUpdate,
    State,
    Status,
    UnreadableNight,
    discovered,
    ends_proofs,
    moved,
    noted,
    refuse_stale_claim,
    unknown_night,
    unsound_field,
)
from vampd.model.proofs import Place
from vampd.store.database.connection import Store
from vampd.store.schema import AttemptSumRow, EventRow, NightRow, ReceiptRow

_NIGHTS = NightRow.__table__
_EVENTS = EventRow.__table__
# What a value that vampd never wrote makes of reading its row.
_UNREADABLE = (LookupError, ValueError, TypeError, AttributeError)
_IN_STATE = ("stage", "status", "attempts", "not_before", "is_continued")
# Statements of each look at a night are built once: building one takes longer than running it.
IS_NIGHT = (_NIGHTS.c.date == bindparam("of_date")) & (_NIGHTS.c.kind == bindparam("of_kind"))
_FIND = select(_NIGHTS).where(IS_NIGHT)
_UPDATE = update(NightRow).where(IS_NIGHT)
_LATEST = "SELECT ifnull(max(change), 0), (SELECT count(*) FROM nights) FROM nights"
_CHANGED_AFTER = "SELECT * FROM nights WHERE change > ?"
_ALL_ROWS = "SELECT * FROM nights ORDER BY date, kind"
_COMPARE_EVERY_S = 60.0
_THESE = select(_NIGHTS).where(NightRow.id.in_(bindparam("keys", expanding=True)))
_KEYS_A_STATEMENT = 500
_ADD_EVENT = insert(EventRow)


@dataclass(frozen=True)
class _Known:
    """The rows as they were read, by key, what was read of them, and the latest ``change``.

    ``compared_at`` is when all rows were fetched (monotonic), ``is_joined`` whether some are older
    than others since.
    """

    rows: Mapping[int, Row[Any]] = field(default_factory=dict)
    read: Mapping[int, NightRecord | UnreadableNight] = field(default_factory=dict)
    latest: int = 0
    compared_at: float = float("-inf")
    is_joined: bool = False


class Nights:
    """All nights of one database."""

    def __init__(self, store: Store, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._monotonic = monotonic
        self._reported: set[UnreadableNight] = set()
        self._known = _Known()
        self._comparisons = 0

    def nights(self) -> tuple[NightRecord, ...]:
        read = self._read_all()
        self._report([each for each in read if isinstance(each, UnreadableNight)])
        return tuple(each for each in read if isinstance(each, NightRecord))

    def unreadable_nights(self) -> tuple[UnreadableNight, ...]:
        return tuple(each for each in self._read_all() if isinstance(each, UnreadableNight))

    def _read_all(self) -> Iterable[NightRecord | UnreadableNight]:
        """All nights in order; a row that stands there as it did gives what it gave.

        To make records of a thousand rows takes five times as long as to fetch them, and that ten
        times as long as to ask which of them vampd has changed. What was changed by hand does not
        say so: it is seen where nothing else has changed, else within `_COMPARE_EVERY_S`.
        """
        known = self._known
        with self._store.read() as connection:
            latest, count = connection.exec_driver_sql(_LATEST).one()
            is_recent = self._monotonic() - known.compared_at < _COMPARE_EVERY_S
            rows: dict[int, Row[Any]] = {}
            if is_recent and latest > known.latest and count == len(known.rows):
                changed = connection.exec_driver_sql(_CHANGED_AFTER, (known.latest,))
                rows = {row.id: row for row in changed}
            is_joined = bool(rows) and rows.keys() <= known.rows.keys()
            if is_joined:
                compared_at, rows = known.compared_at, {**known.rows, **rows}
            else:
                compared_at = self._monotonic()
                rows = {row.id: row for row in connection.exec_driver_sql(_ALL_ROWS)}
            before = known.rows.get
            same = [key for key, row in rows.items() if before(key) is row or before(key) == row]
            read = {key: known.read[key] for key in same}
            read |= _read_rows(connection, [key for key in rows if key not in read])
        self._known = _Known(rows, read, latest, compared_at, is_joined)
        return [read[key] for key in rows]

    def _report(self, unreadable: list[UnreadableNight]) -> None:
        if self._reported.issuperset(unreadable):
            return
        # Slow to import, and commands that only read log nothing.
        from vampd.log import get_log

        for each in set(unreadable) - self._reported:
            get_log().error("night.row_refused", row=each.row, night=each.name, error=each.why)
        self._reported |= set(unreadable)

    def night(self, night: NightId) -> NightRecord | None:
        with self._store.read() as connection:
            row = _find(connection, night)
            return None if row is None else _record(row)

    def discover(self, night: NightId, at: float) -> NightRecord:
        # Nearly always it exists already, and readers never wait.
        known = self.night(night)
        if known is not None:
            return known
        with self._store.write() as connection:
            new = NightRecord(night, State(), discovered_at=at, changed_at=at)
            # Another process may have been faster.
            connection.execute(upsert(NightRow).values(_values(new)).on_conflict_do_nothing())
            return _record(_get(connection, night))

    def discover_all(self, found: Sequence[Discovery], at: float, actor: str) -> frozenset[NightId]:
        with self._store.write() as connection:
            keys = _keys(connection)
            known: dict[NightId, NightRecord] = {}
            for each in found:
                with suppress(DataError):
                    if _named(each.night) in keys:
                        known[each.night] = _record(_get(connection, each.night))
            moves = [
                (
                    known.get(each.night),
                    *discovered(known.get(each.night), each, at=at, actor=actor),
                )
                for each in found
                if each.night in known or _named(each.night) not in keys
            ]
            new = [_values(after) for before, after, _ in moves if before is None]
            if new:
                connection.execute(insert(NightRow), new)
            changed = [after for before, after, _ in moves if before not in (None, after)]
            for after in changed:
                connection.execute(_UPDATE, {**_values(after), **of_night(after.night)})
            failpoint("store.discover_all.written")
            keys = _keys(connection)
            lines = [
                _event_values(keys[_named(line.night)], line) for *_, more in moves for line in more
            ]
            if lines:
                connection.execute(insert(EventRow), lines)
            return frozenset(after.night for before, after, _ in moves if before != after)

    def apply(
        self,
        night: NightId,
        event: Event,
        *,
        at: float,
        actor: str,
        claim: int | None = None,
        code: str | None = None,
        message: str | None = None,
    ) -> NightRecord:
        with self._store.write() as connection:
            refuse_stale_claim(_record(_get(connection, night)), claim)
            return write_event(
                connection, night, event, at=at, actor=actor, code=code, message=message
            )

    def update(self, night: NightId, changes: NightUpdate, *, claim: int | None = None) -> None:
        known = changes.known
        if not known:
            return
        with self._store.write() as connection:
            refuse_stale_claim(_record(_get(connection, night)), claim)
            connection.execute(_UPDATE, {**known, **of_night(night)})

    def history(self, night: NightId) -> tuple[EventRecord, ...]:
        with self._store.read() as connection:
            row = _find(connection, night)
            if row is None:
                return ()
            events = connection.execute(
                select(_EVENTS).where(EventRow.night_id == row["id"]).order_by(EventRow.id)
            )
            return tuple(_event(night, event) for event in events.mappings())

    def change_counter(self) -> int:
        # What was changed by hand beside a change of vampd's is in no row that is known: who waits
        # for another number reads all once more, whether anything else is committed or not.
        known = self._known
        if known.is_joined and self._monotonic() - known.compared_at >= _COMPARE_EVERY_S:
            self._comparisons += 1
            self._known = replace(known, compared_at=float("-inf"), is_joined=False)
        # SQLite's number has 32 bits.
        return (self._comparisons << 32) + self._store.change_counter()


def find_record(connection: Connection, night: NightId) -> NightRecord | None:
    """The record of a night, None without one."""
    row = _find(connection, night)
    return None if row is None else _record(row)


def write_event(
    connection: Connection,
    night: NightId,
    event: Event,
    *,
    at: float,
    actor: str,
    code: str | None = None,
    message: str | None = None,
) -> NightRecord:
    """Apply an event to a night, in the caller's transaction; the errors of NightStore.apply."""
    row = _get(connection, night)
    before = _record(row)
    after = moved(before, event, at=at, code=code, message=message)
    line = noted(before, after, event, at=at, actor=actor, code=code, message=message)
    write_move(connection, after, line)
    if before.state.status is Status.RUNNING and after.state.status is not Status.RUNNING:
        _write_sum(connection, row["id"], before, line)
    if ends_proofs(event):
        connection.execute(
            update(ReceiptRow)
            .where(ReceiptRow.night_id == row["id"], ReceiptRow.place == Place.ARCHIVE)
            .values(has_ended=True)
        )
    return after


def _write_sum(connection: Connection, key: int, before: NightRecord, line: EventRecord) -> None:
    """Keep what the attempt that ends with this event came to."""
    # Progress is told once a second: one that succeeded has done all.
    is_whole = line.event is EventName.ADVANCED
    connection.execute(
        insert(AttemptSumRow).values(
            night_id=key,
            stage=before.state.stage,
            attempt=before.state.attempts,
            began_at=before.changed_at,
            ended_at=line.at,
            outcome=line.event,
            code=line.code,
            files=before.all_files if is_whole else before.done_files,
            frames=before.all_frames if is_whole else before.done_frames,
            bytes=before.all_bytes if is_whole else before.done_bytes,
        )
    )
    newest = select(func.max(AttemptSumRow.id)).scalar_subquery()
    connection.execute(delete(AttemptSumRow).where(AttemptSumRow.id <= newest - MOST_ATTEMPTS))


def night_key(connection: Connection, night: NightId) -> int:
    """The key of a night's row; StateError ``night_unknown`` without one."""
    return int(_get(connection, night)["id"])


def records_of(connection: Connection, kind: Kind) -> tuple[NightRecord, ...]:
    """The nights of a kind, oldest first."""
    chosen = select(_NIGHTS).where(NightRow.kind == kind).order_by(NightRow.date)
    return tuple(_record_in_order(row) for row in connection.execute(chosen))


def write_move(connection: Connection, after: NightRecord, line: EventRecord) -> None:
    """Write a night as it is after a move, and the line of its history."""
    night = after.night
    connection.execute(_UPDATE, {**_values(after), **of_night(night)})
    failpoint("store.apply.updated")
    key = night_key(connection, night)
    connection.execute(_ADD_EVENT, _event_values(key, line))


def _keys(connection: Connection) -> dict[tuple[str, str], int]:
    """The key of each row by date and kind as they stand there: a row may be no night's."""
    rows = connection.exec_driver_sql("SELECT id, date, kind FROM nights")
    return {(date, kind): key for key, date, kind in rows.fetchall()}


def _named(night: NightId) -> tuple[str, str]:
    return night.date, night.kind.value


def of_night(night: NightId) -> dict[str, object]:
    """The parameters of `IS_NIGHT`."""
    return {"of_date": night.date, "of_kind": night.kind}


def _find(connection: Connection, night: NightId) -> RowMapping | None:
    try:
        return connection.execute(_FIND, of_night(night)).mappings().one_or_none()
    except _UNREADABLE as error:
        raise _refused(night, error) from error


def _get(connection: Connection, night: NightId) -> RowMapping:
    row = _find(connection, night)
    if row is None:
        raise unknown_night(night)
    return row


def _read_rows(
    connection: Connection, keys: Sequence[int]
) -> dict[int, NightRecord | UnreadableNight]:
    """The rows with these keys: one that cannot be read does not keep the others from it."""
    read: dict[int, NightRecord | UnreadableNight] = {}
    for first in range(0, len(keys), _KEYS_A_STATEMENT):
        some = keys[first : first + _KEYS_A_STATEMENT]
        rows = connection.execute(_THESE, {"keys": some})
        try:
            read |= {row.id: _record_in_order(row) for row in rows}
        except _UNREADABLE:
            read |= {key: _read_row(connection, key) for key in some}
    return read


def _read_row(connection: Connection, key: int) -> NightRecord | UnreadableNight:
    try:
        return _record_in_order(connection.execute(_THESE, {"keys": [key]}).one())
    except _UNREADABLE as error:
        named = connection.exec_driver_sql("SELECT date, kind FROM nights WHERE id = ?", (key,))
        date, kind = named.one()
        return UnreadableNight(key, f"{date} {kind}", str(error))


def _record(row: RowMapping) -> NightRecord:
    """The record of a row; DataError ``night_row_unreadable``."""
    columns = dict(row)
    del columns["id"], columns["change"]
    night = NightId(columns.pop("date"), columns.pop("kind"))
    state = State(**{name: columns.pop(name) for name in _IN_STATE})
    try:
        return _sound(NightRecord(night=night, state=state, **columns))
    except _UNREADABLE as error:
        raise _refused(night, error) from error


def _refused(night: NightId, error: Exception) -> DataError:
    return DataError(
        "night_row_unreadable",
        f"the row of {night} in the database cannot be read: {error}; every other night goes on",
    )


def _sound(record: NightRecord) -> NightRecord:
    field = unsound_field(record)
    if field is not None:
        raise ValueError(f"the value of {field} is not one that vampd writes")
    return record


_COLUMNS = tuple(_NIGHTS.c.keys())
_STATE_OF = itemgetter(*map(_COLUMNS.index, _IN_STATE))
_REST_OF = itemgetter(
    *(_COLUMNS.index(f.name) for f in fields(NightRecord) if f.name not in ("night", "state"))
)
_DATE, _KIND = _COLUMNS.index("date"), _COLUMNS.index("kind")


def _record_in_order(row: Sequence[Any]) -> NightRecord:
    """`_record` for thousands of rows: by position, which is three times as fast."""
    night = NightId(row[_DATE], row[_KIND])
    return _sound(NightRecord(night, State(*_STATE_OF(row)), *_REST_OF(row)))


def _values(record: NightRecord) -> dict[str, Any]:
    columns = {name: getattr(record, name) for name in record.__dataclass_fields__}
    del columns["night"], columns["state"]
    state = {name: getattr(record.state, name) for name in _IN_STATE}
    return columns | state | {"date": record.night.date, "kind": record.night.kind}


def _event(night: NightId, row: RowMapping) -> EventRecord:
    columns = dict(row)
    del columns["id"], columns["night_id"]
    return EventRecord(night=night, **columns)


def _event_values(key: int, line: EventRecord) -> dict[str, Any]:
    columns = {name: getattr(line, name) for name in line.__dataclass_fields__}
    del columns["night"]
    return columns | {"night_id": key}
