"""vampctl verify --here: read a night's own files on this side again."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import typer

from vampd.cli.shared.nights import named, title_of
from vampd.cli.shared.output import write, write_json, write_prose
from vampd.cli.shared.words import count_of
from vampd.errors import EXIT_NIGHT, TransientError
from vampd.model.nights import NightId, name_commands
from vampd.model.proofs import (
    RECEIPTS_PATH,
    SUMS_NAME,
    Place,
    find_damaged,
    find_missing,
    is_set_aside,
    own_receipts,
)

if TYPE_CHECKING:
    from vampd.model.nights import NightRecord
    from vampd.wiring.connections import Connections


@dataclass(frozen=True)
class ReadingHere:
    """Of ``checked`` files with packing receipts, those that are damaged or missing here.

    ``failure`` is why none could be read, or why what was read is not called good.
    """

    night: NightId
    checked: int
    damaged: tuple[str, ...]
    missing: tuple[str, ...]
    failure: str | None = None

    @property
    def is_good(self) -> bool:
        """Whether all were read, and are what their packing receipts say."""
        return self.failure is None and not (self.damaged or self.missing)


def verify_here(
    connections: Connections,
    chosen: Sequence[NightRecord],
    records: Sequence[NightRecord],
    as_json: bool,
) -> None:
    """Read these nights here, and show what was found; exits with 1 if anything is bad."""
    readings = []
    for record in chosen:
        readings.append(_read(connections, record))
        if not as_json:
            _show(readings[-1], records)
    if as_json:
        write_json([_object(reading) for reading in readings])
    if not all(reading.is_good for reading in readings):
        raise typer.Exit(EXIT_NIGHT)


def _read(connections: Connections, record: NightRecord) -> ReadingHere:
    """Read every file that has a packing receipt, past the cache, and keep the readings."""
    from vampd.engine.nights.presence import refuse_absent
    from vampd.engine.repair.recovering import read_suspects
    from vampd.stages.own_faults import files_with_receipts
    from vampd.stages.records.folder_receipts import known_receipts
    from vampd.stages.records.whole_generations import damaged_generations

    night, reader = record.night, connections.reader
    try:
        refuse_absent(record, reader)
    except TransientError as error:
        failure = f"{error.code}: {name_commands(error.message, night.date)}"
        return ReadingHere(night, 0, (), (), failure)
    receipts = known_receipts(night, reader)
    if not receipts:
        return ReadingHere(night, 0, (), (), "no file of it has a packing receipt on record")
    folder = connections.settings.watch.root / night.folder
    read = read_suspects(night, folder, reader, receipts, receipts.keys(), time.time())
    connections.receipts.keep(night, read)
    files = {file.path: file for file in files_with_receipts(night, reader)}
    damaged = {*find_damaged(receipts, files, reader.receipts(night, Place.HERE))}
    damaged |= {*damaged_generations(night, reader)}
    # Set-aside raw that is not here was removed, as any raw may be.
    checked = {path: receipts[path] for path in files.keys() & receipts.keys()}
    missing = find_missing(own_receipts(receipts), files)
    count = len(checked) + len(missing)
    unrecorded: str | None = None
    if not (damaged or missing or reader.packing_receipts(night)):
        unrecorded = (
            f"no file of it has a packing receipt on record; {count_of(count, 'file')} read again"
            f" here {'is' if count == 1 else 'are'} what {RECEIPTS_PATH} and {SUMS_NAME} say"
        )
    return ReadingHere(night, count, tuple(sorted(damaged)), missing, unrecorded)


def _object(reading: ReadingHere) -> dict[str, Any]:
    """The reading for programs."""
    return {
        "date": reading.night.date,
        "kind": str(reading.night.kind),
        "place": "here",
        "good": reading.is_good,
        "checked": reading.checked,
        "damaged": list(reading.damaged),
        "missing": list(reading.missing),
        "error": reading.failure,
    }


def _show(reading: ReadingHere, records: Sequence[NightRecord]) -> None:
    """Write the reading for people."""
    title, files = title_of(reading.night), count_of(reading.checked, "file")
    if reading.failure is not None:
        write_prose(f"{title}: NOT verified: {reading.failure}")
        return
    if reading.is_good:
        write_prose(f"{title}: good, {files} read again here")
        return
    write_prose(
        f"{title}: BAD, {len(reading.damaged)} damaged and {len(reading.missing)} missing of"
        f" {files} here"
    )
    for path in sorted((*reading.damaged, *reading.missing)):
        write(f"{reading.night.date}/{path}")
    night = named(reading.night, records)
    aside = [path for path in reading.damaged if is_set_aside(path)]
    if len(aside) < len(reading.damaged) + len(reading.missing):
        write_prose(f"{title}: `vampctl recover {night}` gets back what vampd made")
    if aside:
        write_prose(
            f"{title}: what is set aside is raw, which vampd does not write: copy it back yourself"
            f" from the archive copy, then `vampctl retry {night} --from transfer`"
        )
