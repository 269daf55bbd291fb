"""The packing receipts in the database: ports.PackingReceipts."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select, update

from vampd.model.nights import NightId
from vampd.model.proofs import (
    PackingReceipt,
    RecordedReceipt,
    own_receipts,
    refuse_other_receipt,
    refuse_renewal,
)
from vampd.model.sharing import shared
from vampd.store.database.connection import READ_IN_PARTS, Store
from vampd.store.nights import IS_NIGHT, night_key, of_night
from vampd.store.schema import NightRow, PackingReceiptRow

_ROWS = PackingReceiptRow.__table__
_OF_NIGHT = (
    select(_ROWS)
    .join(NightRow, NightRow.id == PackingReceiptRow.night_id)
    .where(IS_NIGHT)
    .order_by(PackingReceiptRow.id)
)
_LIVE = (
    select(_ROWS)
    .where(PackingReceiptRow.night_id == bindparam("of_key"))
    .where(PackingReceiptRow.path == bindparam("of_path"), PackingReceiptRow.ended_at.is_(None))
)
_ADD = insert(PackingReceiptRow)


class StoredPackingReceipts:
    """The packing receipts of all nights of one database."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def record(self, night: NightId, receipts: Iterable[PackingReceipt], *, at: float) -> None:
        with self._store.write() as connection:
            key = night_key(connection, night)
            for receipt in receipts:
                known = _live(connection, key, receipt.path)
                refuse_other_receipt(known, receipt)
                if known is None:
                    _insert(connection, key, receipt, at)

    def renew(
        self, night: NightId, receipts: Iterable[PackingReceipt], *, at: float, actor: str
    ) -> None:
        with self._store.write() as connection:
            key = night_key(connection, night)
            for receipt in receipts:
                known = _live(connection, key, receipt.path)
                refuse_renewal(known, receipt)
                if known == receipt:
                    continue
                _end(connection, _is_live(key, receipt.path), at, actor)
                _insert(connection, key, receipt, at)

    def of(self, night: NightId) -> tuple[RecordedReceipt, ...]:
        with self._store.read() as connection:
            rows = connection.execute(_OF_NIGHT, of_night(night), execution_options=READ_IN_PARTS)
            return tuple(
                RecordedReceipt(_receipt(row), row.at, row.ended_at, row.ended_by) for row in rows
            )

    def end(
        self, night: NightId, *, at: float, actor: str, paths: Collection[str] | None = None
    ) -> None:
        with self._store.write() as connection:
            key = night_key(connection, night)
            rows = connection.execute(select(_ROWS).where(*_is_live(key))).fetchall()
            live = {row.path: _receipt(row) for row in rows}
            for path in own_receipts(live) if paths is None else live.keys() & paths:
                _end(connection, _is_live(key, path), at, actor)


def _is_live(key: int, path: str | None = None) -> tuple[Any, ...]:
    live = (PackingReceiptRow.night_id == key, PackingReceiptRow.ended_at.is_(None))
    return live if path is None else (*live, PackingReceiptRow.path == path)


def _live(connection: Connection, key: int, path: str) -> PackingReceipt | None:
    row = connection.execute(_LIVE, {"of_key": key, "of_path": path}).first()
    return None if row is None else _receipt(row)


def _insert(connection: Connection, key: int, receipt: PackingReceipt, at: float) -> None:
    connection.execute(
        _ADD,
        {
            "night_id": key,
            "path": receipt.path,
            "size": receipt.size,
            "sha256": receipt.sha256,
            "identity": receipt.identity,
            "form": receipt.form,
            "at": at,
        },
    )


def _end(connection: Connection, which: tuple[Any, ...], at: float, actor: str) -> None:
    connection.execute(update(PackingReceiptRow).where(*which).values(ended_at=at, ended_by=actor))


def _receipt(row: Any) -> PackingReceipt:
    return PackingReceipt(
        shared(row.path), row.size, shared(row.sha256), shared(row.identity), row.form
    )
