"""The destinations in the database: ports.Destinations."""

from __future__ import annotations

from sqlalchemy import Connection, insert, select, update

from vampd.model.nights import Kind
from vampd.model.proofs import DestinationOrigin, KnownDestination, Place
from vampd.store.connection import Store
from vampd.store.schema import DestinationRow, NightRow, ReceiptRow


class StoredDestinations:
    """The destinations of one database."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def known(self, kind: Kind) -> KnownDestination | None:
        with self._store.read() as connection:
            return _known(connection, kind)

    def adopt(self, kind: Kind, destination: str, *, at: float) -> None:
        with self._store.write() as connection:
            if _known(connection, kind) is not None:
                return
            nights = select(NightRow.id).where(NightRow.kind == kind)
            named = connection.execute(
                update(ReceiptRow)
                .where(ReceiptRow.place == Place.ARCHIVE, ReceiptRow.destination.is_(None))
                .where(ReceiptRow.night_id.in_(nights))
                .values(destination=destination)
            )
            if named.rowcount:
                earlier = KnownDestination(
                    destination,
                    mark=None,
                    is_placed=False,
                    origin=DestinationOrigin.UPGRADED,
                    actor="vampd",
                    at=at,
                )
                _record(connection, kind, earlier)


def _known(connection: Connection, kind: Kind) -> KnownDestination | None:
    newest = (
        select(DestinationRow.__table__)
        .where(DestinationRow.kind == kind)
        .order_by(DestinationRow.id.desc())
        .limit(1)
    )
    row = connection.execute(newest).one_or_none()
    if row is None:
        return None
    return KnownDestination(row.destination, row.mark, row.is_placed, row.origin, row.actor, row.at)


def _record(connection: Connection, kind: Kind, known: KnownDestination) -> None:
    connection.execute(insert(DestinationRow).values(kind=kind, **vars(known)))
