"""The destinations in the database: ports.Destinations."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import Connection, bindparam, func, insert, select, update

from vampd.disk.failpoint import failpoint
from vampd.model.nights import Kind, after_lost_proofs, moved, noted
from vampd.model.proofs import DestinationOrigin, KnownDestination, Place
from vampd.store.database.connection import Store
from vampd.store.nights import records_of, write_move
from vampd.store.schema import DestinationRow, NightRow, ReceiptRow

# Asked at each look at a night, so it is built once.
_NEWEST = (
    select(DestinationRow.__table__)
    .where(DestinationRow.kind == bindparam("of_kind"))
    .order_by(DestinationRow.id.desc())
    .limit(1)
)


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

    def intend(self, kind: Kind, destination: str, mark: str, *, at: float) -> KnownDestination:
        with self._store.write() as connection:
            known = _known(connection, kind)
            if known is not None and known.mark is not None and known.destination == destination:
                return known
            shared = _marked(connection, destination)
            intended = KnownDestination(
                destination,
                mark if shared is None else shared,
                is_placed=False,
                origin=DestinationOrigin.PLACED,
                actor="vampd",
                at=at,
            )
            _record(connection, kind, intended)
            return intended

    def confirm(self, kind: Kind, mark: str) -> None:
        with self._store.write() as connection:
            newest = select(func.max(DestinationRow.id)).where(DestinationRow.kind == kind)
            connection.execute(
                update(DestinationRow)
                .where(DestinationRow.id == newest.scalar_subquery(), DestinationRow.mark == mark)
                .values(is_placed=True)
            )

    def change(self, kind: Kind, new: KnownDestination, *, code: str, message: str) -> None:
        with self._store.write() as connection:
            _record(connection, kind, new)
            failpoint("store.destinations.recorded")
            nights = select(NightRow.id).where(NightRow.kind == kind)
            connection.execute(
                update(ReceiptRow)
                .where(ReceiptRow.place == Place.ARCHIVE, ReceiptRow.night_id.in_(nights))
                .values(has_ended=True)
            )
            for before in records_of(connection, kind):
                event = after_lost_proofs(before)
                if event is None:
                    continue
                after = moved(before, event, at=new.at, code=code, message=message)
                # It was sent, and that stays true; the scheduler lets new nights pass.
                after = replace(after, transferred_at=before.transferred_at)
                line = noted(
                    before, after, event, at=new.at, actor=new.actor, code=code, message=message
                )
                write_move(connection, after, line)


def _marked(connection: Connection, destination: str) -> str | None:
    """The mark of a destination that another kind of night uses."""
    every = [known for kind in Kind if (known := _known(connection, kind)) is not None]
    return next((one.mark for one in every if one.mark and one.destination == destination), None)


def _known(connection: Connection, kind: Kind) -> KnownDestination | None:
    row = connection.execute(_NEWEST, {"of_kind": kind}).one_or_none()
    if row is None:
        return None
    return KnownDestination(row.destination, row.mark, row.is_placed, row.origin, row.actor, row.at)


def _record(connection: Connection, kind: Kind, known: KnownDestination) -> None:
    connection.execute(insert(DestinationRow).values(kind=kind, **vars(known)))
