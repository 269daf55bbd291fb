"""Before IDs are requested: ledger, file names, headers and name_changes.txt must agree.

Ledger file and database are compared by `vampd.ledger.rows`; here both are compared with what the
folders of all archive nights show. A database that was lost together with the file is noticed by
the nights that were processed with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import Connection

from vampd.errors import FrameIdConflict
from vampd.ledger.queries import highest_on_record, known_of, nights_of_bound
from vampd.model.frame_ids import NumberRange, ObservedIds, find_contradictions, list_highest

_LISTED = 4


def refuse_disagreement(
    connection: Connection, nights: Sequence[ObservedIds], ledger: Path
) -> None:
    """FrameIdConflict ``frame_ids_disagree`` if any night shows what the ledger does not know."""
    found = [
        contradiction
        for night in nights
        for contradiction in find_contradictions(
            night,
            known_of(connection, night.night) if night.ours else frozenset(),
            {} if night.ours else nights_of_bound(connection, night.ids),
        )
    ]
    if not found:
        return
    shown = "; ".join(found[:_LISTED])
    more = f" and {len(found) - _LISTED} more" if len(found) > _LISTED else ""
    raise FrameIdConflict(
        "frame_ids_disagree",
        "expected ledger, file names, headers and name_changes.txt to agree on the frame IDs,"
        f" found: {shown}{more}. The highest are: {_all_highest(connection, nights)}. No ID is"
        f" granted until they agree: if {ledger} was lost or is an old one, restore it from a"
        " backup (the database is filled from it), or run `vampctl rebuild-ledger`; where the old"
        " tools worked on a night of vampd, `vampctl adopt NIGHT` puts their IDs on record;"
        " `vampctl frameids` shows all",
    )


def _all_highest(connection: Connection, nights: Sequence[ObservedIds]) -> str:
    parts = []
    for numbers in NumberRange:
        shown = list(list_highest(nights, numbers))
        on_record = highest_on_record(connection, numbers)
        if shown or on_record is not None:
            parts.append(f"{numbers}: " + ", ".join([f"ledger {on_record or 'none'}", *shown]))
    return "; ".join(parts) or "none"
