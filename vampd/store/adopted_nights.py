"""The nights of the old tools that were taken over: ports.Adoptions."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import Row, select, update
from sqlalchemy.dialects.sqlite import insert

from vampd.model.accounts import Adoption, OldCopy, OldState
from vampd.model.frame_ids import FrameId
from vampd.model.nights import NightId, StageMark, StatusRow
from vampd.store.database.connection import Store
from vampd.store.schema import AdoptedNightRow

_ROWS = AdoptedNightRow.__table__


class StoredAdoptions:
    """The adopted nights of one database."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def keep(self, adoptions: Sequence[Adoption], at: float, actor: str) -> None:
        if not adoptions:
            return
        new = insert(AdoptedNightRow)
        # What is said anew of a night replaces all that was said before.
        columns = {
            each.name: new.excluded[each.name]
            for each in _ROWS.c
            if each.name not in (*_KEY, _FOUND)
        }
        with self._store.write() as connection:
            connection.execute(
                new.on_conflict_do_update(index_elements=_KEY, set_=columns),
                [_values(each) | {"at": at, "actor": actor} for each in adoptions],
            )

    def keep_copy(self, night: NightId, copy: OldCopy) -> None:
        of_night = (_ROWS.c.date == night.date) & (_ROWS.c.kind == night.kind)
        with self._store.write() as connection:
            connection.execute(
                update(AdoptedNightRow).where(of_night).values(copy=json.dumps(asdict(copy)))
            )

    def all(self) -> tuple[Adoption, ...]:
        with self._store.read() as connection:
            rows = connection.execute(select(_ROWS).order_by(_ROWS.c.date, _ROWS.c.kind))
            return tuple(map(_adoption, rows))


_KEY = ["date", "kind"]
# Found by reading the copy, and not said by anyone.
_FOUND = "copy"


def _values(one: Adoption) -> dict[str, Any]:
    return {
        "date": one.night.date,
        "kind": one.night.kind,
        "state": one.state.value,
        "path": one.claims.path,
        "claims": json.dumps([[mark.is_set, mark.since] for mark in one.claims.marks]),
        "ids": json.dumps(sorted(frame_id.number for frame_id in one.ids)),
        "missing": json.dumps(one.missing),
        "contradictions": json.dumps(one.contradictions),
    }


def _adoption(row: Row[Any]) -> Adoption:
    night = NightId(row.date, row.kind)
    marks = [StageMark(is_set, since) for is_set, since in json.loads(row.claims)]
    return Adoption(
        night,
        OldState(row.state),
        StatusRow(row.path, night, *marks),
        frozenset(map(FrameId, json.loads(row.ids))),
        tuple(json.loads(row.missing)),
        tuple(json.loads(row.contradictions)),
        None if row.copy is None else _copy(json.loads(row.copy)),
    )


def _copy(values: dict[str, Any]) -> OldCopy:
    paths = {name: tuple(value) for name, value in values.items() if isinstance(value, list)}
    return OldCopy(values["place"], values["at"], **paths)
