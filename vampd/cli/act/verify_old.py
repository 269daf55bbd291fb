"""vampctl verify of a night of the old tools: their claim is held against the archive copy."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from vampd.cli.shared.nights import title_of
from vampd.cli.shared.output import write, write_prose
from vampd.errors import UsageError, VampdError
from vampd.model.nights import NightUpdate, Status

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vampd.model.accounts import Adoption, OldCopy
    from vampd.model.nights import Kind, NightId, NightRecord
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


def claimed_safe(
    connections: Connections, records: Sequence[NightRecord], kind: Kind | None
) -> tuple[Adoption, ...]:
    """The adopted nights that the old tools called safe, and that vampd has not taken on."""
    begun = {r.night for r in records if r.state.status is not Status.LEGACY}
    return tuple(
        one
        for one in connections.adoptions.all()
        if one.claims.safe.is_set and kind in (None, one.night.kind) and one.night not in begun
    )


def read_old(connections: Connections, adoption: Adoption) -> OldReading:
    """Read the copy of a night, and keep what is found."""
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
        return OldReading(night, failure=f"{error.code}: {error.message}")
    connections.adoptions.keep_copy(night, copy)
    if connections.store.night(night) is not None:
        note = replace(adoption, copy=copy).describe()
        connections.store.update(night, NightUpdate(note=note))
    return OldReading(night, copy)


@dataclass(frozen=True)
class OldReading:
    """What was found of the copy of a night of the old tools, or why it could not be read."""

    night: NightId
    copy: OldCopy | None = None
    failure: str = ""

    @property
    def is_good(self) -> bool:
        """Whether it was read, and nothing of it is bad."""
        return self.copy is not None and not self.copy.bad


def show_old(reading: OldReading) -> None:
    """Write the reading for people."""
    copy, title = reading.copy, title_of(reading.night)
    if copy is None:
        write_prose(f"{title}: NOT verified: {reading.failure}")
        return
    write_prose(f"{title}: {copy.describe()}")
    for what, paths in (("damaged", copy.damaged), ("missing", copy.missing)):
        if paths:
            write(f"{what}:")
        for path in paths:
            write(f"{reading.night.date}/{path}")


def old_object(reading: OldReading) -> dict[str, Any]:
    """The reading for programs."""
    copy = reading.copy
    return {
        "date": reading.night.date,
        "kind": str(reading.night.kind),
        "place": copy and copy.place,
        "good": reading.is_good,
        "proven": copy is not None and copy.is_proof,
        "equal": list(copy.equal) if copy else [],
        "whole": list(copy.whole) if copy else [],
        "unknown": list(copy.unknown) if copy else [],
        "damaged": list(copy.damaged) if copy else [],
        "missing": list(copy.missing) if copy else [],
        "error": reading.failure or None,
    }
