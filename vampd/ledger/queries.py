"""Queries of the ledger's rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from sqlalchemy import Connection, Row, func, or_, select

from vampd.model.frame_ids import USED_BY_OTHERS, FrameId, NumberRange
from vampd.model.nights import NightId
from vampd.store.schema import FrameIdRequestRow, FrameIdRow

_BATCH = 500


def last_request(connection: Connection, night: NightId | None) -> Row[Any] | None:
    """The last request of a night, or of all nights."""
    query = select(FrameIdRequestRow.__table__).order_by(FrameIdRequestRow.id.desc()).limit(1)
    if night is not None:
        query = query.where(
            FrameIdRequestRow.date == night.date, FrameIdRequestRow.kind == night.kind
        )
    return connection.execute(query).one_or_none()


def next_request(connection: Connection) -> int:
    """The number of the next request."""
    return (connection.execute(select(func.max(FrameIdRequestRow.id))).scalar() or 0) + 1


def granted_rows(connection: Connection, request: int) -> Sequence[Row[Any]]:
    """The IDs of a request, lowest first."""
    return connection.execute(
        select(FrameIdRow.__table__)
        .where(FrameIdRow.request_id == request)
        .order_by(FrameIdRow.number)
    ).all()


def highest_of(*ids: FrameId | None) -> FrameId | None:
    """The highest of these, None if there is none."""
    return max((frame_id for frame_id in ids if frame_id is not None), default=None)


def highest_on_record(connection: Connection, numbers: NumberRange) -> FrameId | None:
    """The highest ID of a range that was ever granted, used or not."""
    number = connection.execute(
        select(func.max(FrameIdRow.number)).where(
            FrameIdRow.number.between(numbers.first, numbers.last)
        )
    ).scalar()
    return None if number is None else FrameId(number)


def highest_good(connection: Connection, numbers: NumberRange) -> FrameId | None:
    """The same without refused grants: one wrong number must not block all below it."""
    number = connection.execute(
        select(func.max(FrameIdRow.number))
        .join(FrameIdRequestRow, FrameIdRequestRow.id == FrameIdRow.request_id)
        .where(FrameIdRow.number.between(numbers.first, numbers.last))
        .where(
            or_(FrameIdRequestRow.refused.is_(None), FrameIdRequestRow.refused == USED_BY_OTHERS)
        )
    ).scalar()
    return None if number is None else FrameId(number)


def known_ids(connection: Connection, ids: Iterable[FrameId]) -> frozenset[FrameId]:
    """Those of the IDs that were ever granted."""
    known: set[FrameId] = set()
    for batch in _batches(ids):
        rows = connection.execute(select(FrameIdRow.number).where(FrameIdRow.number.in_(batch)))
        known.update(FrameId(number) for number in rows.scalars())
    return frozenset(known)


def known_of(connection: Connection, night: NightId) -> frozenset[FrameId]:
    """The IDs that belong to products of a night, or that others used for it."""
    rows = connection.execute(
        select(FrameIdRow.number)
        .join(FrameIdRequestRow, FrameIdRequestRow.id == FrameIdRow.request_id)
        .where(FrameIdRow.date == night.date, FrameIdRow.kind == night.kind)
        .where(or_(FrameIdRow.identity.is_not(None), FrameIdRequestRow.refused == USED_BY_OTHERS))
    )
    return frozenset(FrameId(number) for number in rows.scalars())


def nights_of_bound(connection: Connection, ids: Iterable[FrameId]) -> Mapping[FrameId, NightId]:
    """The nights of those of the IDs that belong to a product."""
    bound: dict[FrameId, NightId] = {}
    for batch in _batches(ids):
        rows = connection.execute(
            select(FrameIdRow.number, FrameIdRow.date, FrameIdRow.kind)
            .where(FrameIdRow.number.in_(batch))
            .where(FrameIdRow.identity.is_not(None))
        )
        bound.update((FrameId(row.number), NightId(row.date, row.kind)) for row in rows)
    return bound


def _batches(ids: Iterable[FrameId]) -> Iterator[list[int]]:
    numbers = iter([frame_id.number for frame_id in ids])
    while batch := list(islice(numbers, _BATCH)):
        yield batch
