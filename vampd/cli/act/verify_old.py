"""vampctl verify of a night of the old tools: their claim is held against the archive copy."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import typer

from vampd.cli.shared.nights import title_of
from vampd.cli.shared.output import write, write_json, write_prose
from vampd.errors import EXIT_NIGHT, UsageError, VampdError
from vampd.model.nights import NightUpdate, Status

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vampd.model.accounts import Adoption, OldCopy
    from vampd.model.nights import Kind, NightRecord
    from vampd.wiring.connections import Connections


def find_old(
    connections: Connections, records: Sequence[NightRecord], date: str, kind: Kind | None
) -> Adoption | None:
    """The night of the old tools of this date, None for one of vampd's.

    UsageError ``not_adopted`` for one of which nothing is on record, ``kind_needed`` for two.
    """
    begun = {r.night for r in records if r.state.status is not Status.LEGACY}
    found = [
        one
        for one in connections.adoptions.all()
        if one.night.date == date and kind in (None, one.night.kind) and one.night not in begun
    ]
    others = [n for n in begun if n.date == date and kind in (None, n.kind)]
    if len(found) + len(others) > 1:
        raise UsageError(
            "kind_needed",
            f"{date} is an archive night and an engineering night: say --kind archive or --kind"
            " engineering",
        )
    legacy = {r.night for r in records if r.state.status is Status.LEGACY}
    if not found and any(n.date == date and kind in (None, n.kind) for n in legacy):
        raise UsageError(
            "not_adopted", f"{date} is a night of the old tools: `vampctl adopt {date}` first"
        )
    return found[0] if found else None


def verify_old(connections: Connections, adoption: Adoption, as_json: bool) -> None:
    """Read the copy, keep what is found, and show it; exits with 1 if it is bad or unread."""
    from vampd.disk.pace import SteadyPace
    from vampd.engine.repair.old_copies import read_old_copy
    from vampd.wiring.world import archive_copies

    night, settings = adoption.night, connections.settings
    try:
        copy = read_old_copy(
            adoption,
            settings.watch.root,
            connections.archive(night.kind),
            tuple(archive_copies(settings, night)),
            SteadyPace(),
            time.time(),
        )
    except VampdError as error:
        write_prose(f"{title_of(night)}: NOT verified: {error.code}: {error.message}")
        raise typer.Exit(EXIT_NIGHT) from error
    connections.adoptions.keep_copy(night, copy)
    if connections.store.night(night) is not None:
        note = replace(adoption, copy=copy).describe()
        connections.store.update(night, NightUpdate(note=note))
    if as_json:
        write_json([_object(adoption, copy)])
    else:
        write_prose(f"{title_of(night)}: {copy.describe()}")
        for what, paths in (("damaged", copy.damaged), ("missing", copy.missing)):
            if paths:
                write(f"{what}:")
            for path in paths:
                write(f"{night.date}/{path}")
    if copy.bad:
        raise typer.Exit(EXIT_NIGHT)


def _object(adoption: Adoption, copy: OldCopy) -> dict[str, Any]:
    return {
        "date": adoption.night.date,
        "kind": str(adoption.night.kind),
        "place": copy.place,
        "proven": copy.is_proof,
        "equal": list(copy.equal),
        "whole": list(copy.whole),
        "unknown": list(copy.unknown),
        "damaged": list(copy.damaged),
        "missing": list(copy.missing),
    }
