"""A damaged or missing table of a night's headers: what it must be, and its making again.

It has no packing receipt: the reading that was kept when it was written says what it was.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from vampd.config import Settings
from vampd.engine.header_table import write_header_table
from vampd.model.nights import NightId
from vampd.model.plan import WriteHeaderTable
from vampd.model.proofs import SUMS_NAME, PackingReceipt, Place
from vampd.ports import NightReader, Pace
from vampd.stages.traveling_files import survey_table


def find_lost_table(night: NightId, reader: NightReader) -> PackingReceipt | None:
    """What the table must be, if it is not that; None where no reading says so."""
    readings = reader.receipts(night, Place.HERE)
    found = survey_table(night, reader, readings, reader.text(night, SUMS_NAME))
    if found.reading is None or (found.file is not None and found.sha256 == found.reading.sha256):
        return None
    return PackingReceipt(found.name, found.reading.file.size, found.reading.sha256, None)


def make_table(
    night: NightId,
    folder: Path,
    candidate: str,
    reader: NightReader,
    receipts: Mapping[str, PackingReceipt],
    settings: Settings,
    pace: Pace,
) -> None:
    """Write it to this path below the folder, from the packed products. MalformedCube."""
    home = settings.transfer.destination(night.kind).path / night.date
    products = sorted(path for path, receipt in receipts.items() if receipt.identity)
    action = WriteHeaderTable(candidate, str(home), tuple(products))
    write_header_table(folder, action, reader.dictionary(), pace)
