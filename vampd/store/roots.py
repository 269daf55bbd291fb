"""The root of the nights in the database: ports.Roots."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, func, insert, select, update

from vampd.model.proofs import KnownRoot
from vampd.store.database.connection import Store
from vampd.store.schema import RootRow

_NEWEST = select(RootRow.__table__).order_by(RootRow.id.desc()).limit(1)


class StoredRoots:
    """The roots of one database."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def known(self) -> KnownRoot | None:
        with self._store.read() as connection:
            return _known(connection)

    def intend(self, new: KnownRoot) -> KnownRoot:
        with self._store.write() as connection:
            known = _known(connection)
            if known is not None:
                return known
            _record(connection, new)
            return new

    def confirm(self, mark: str) -> None:
        with self._store.write() as connection:
            newest = select(func.max(RootRow.id)).scalar_subquery()
            connection.execute(
                update(RootRow)
                .where(RootRow.id == newest, RootRow.mark == mark)
                .values(is_placed=True)
            )

    def change(self, new: KnownRoot) -> None:
        with self._store.write() as connection:
            _record(connection, new)


def _known(connection: Connection) -> KnownRoot | None:
    row = connection.execute(_NEWEST).one_or_none()
    if row is None:
        return None
    return KnownRoot(Path(row.path), row.mark, row.is_placed, row.actor, row.at)


def _record(connection: Connection, root: KnownRoot) -> None:
    connection.execute(insert(RootRow).values(**{**vars(root), "path": str(root.path)}))
