"""The receipts in the database: ports.Receipts."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

from sqlalchemy import bindparam, delete, select, update
from sqlalchemy.dialects.sqlite import insert

from vampd.model.nights import FileStamp, NightId
from vampd.model.proofs import Place, Receipt
from vampd.model.sharing import shared
from vampd.store.database.connection import READ_IN_PARTS, Store
from vampd.store.nights import IS_NIGHT, night_key, of_night
from vampd.store.schema import NightRow, ReceiptRow

# So many in one transaction: a night of ten thousand cubes takes some tens of commits, and others
# wait only a moment for the write lock.
_BATCH = 1000
_READ = ("size", "mtime_ns", "sha256", "at", "md5", "destination", "mark", "has_ended")
_OF_NIGHT = (
    select(ReceiptRow.__table__)
    .join(NightRow, NightRow.id == ReceiptRow.night_id)
    .where(IS_NIGHT, ReceiptRow.place == bindparam("at_place"))
    .order_by(ReceiptRow.path)
)


class StoredReceipts:
    """The receipts of all nights of one database."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def keep(self, night: NightId, receipts: Iterable[Receipt]) -> None:
        remaining = iter(receipts)
        while batch := tuple(islice(remaining, _BATCH)):
            self._keep(night, batch)

    def of(self, night: NightId, place: Place) -> Mapping[str, Receipt]:
        with self._store.read() as connection:
            at_place = {**of_night(night), "at_place": place}
            rows = connection.execute(_OF_NIGHT, at_place, execution_options=READ_IN_PARTS)
            return {receipt.path: receipt for receipt in (_receipt(place, row) for row in rows)}

    def end_proofs(self, night: NightId, paths: Sequence[str]) -> None:
        remaining = iter(paths)
        while batch := tuple(islice(remaining, _BATCH)):
            with self._store.write() as connection:
                connection.execute(
                    update(ReceiptRow)
                    .where(ReceiptRow.night_id == night_key(connection, night))
                    .where(ReceiptRow.place == Place.ARCHIVE, ReceiptRow.path.in_(batch))
                    .values(has_ended=True)
                )

    def forget(self, night: NightId) -> None:
        with self._store.write() as connection:
            key = night_key(connection, night)
            of_night = ReceiptRow.night_id == key, ReceiptRow.place == Place.HERE
            connection.execute(delete(ReceiptRow).where(*of_night))
            there = ReceiptRow.night_id == key, ReceiptRow.place == Place.ARCHIVE
            connection.execute(update(ReceiptRow).where(*there).values(has_ended=True))

    def _keep(self, night: NightId, batch: tuple[Receipt, ...]) -> None:
        statement = insert(ReceiptRow)
        new = statement.excluded
        statement = statement.on_conflict_do_update(
            index_elements=[ReceiptRow.night_id, ReceiptRow.place, ReceiptRow.path],
            set_={name: new[name] for name in _READ},
            # The newest reading stands; one of the future was made by a clock that was wrong.
            where=(new.at >= ReceiptRow.at) | (ReceiptRow.at > time.time()),
        )
        with self._store.write() as connection:
            key = night_key(connection, night)
            rows = [
                {
                    "night_id": key,
                    "place": receipt.place,
                    "path": receipt.path,
                    "size": receipt.file.size,
                    "mtime_ns": receipt.file.mtime_ns,
                    "sha256": receipt.sha256,
                    "at": receipt.at,
                    "md5": receipt.md5,
                    "destination": receipt.destination,
                    "mark": receipt.mark,
                    "has_ended": receipt.has_ended,
                }
                for receipt in batch
            ]
            connection.execute(statement, rows)


def _receipt(place: Place, row: Any) -> Receipt:
    return Receipt(
        place,
        shared(FileStamp(shared(row.path), row.size, row.mtime_ns)),
        shared(row.sha256),
        row.at,
        row.md5,
        shared(row.destination),
        shared(row.mark),
        row.has_ended,
    )
