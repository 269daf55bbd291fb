"""vampctl headers table: the cards of the products of nights, one row each."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vampd.cli.files.own_place import naming_another_place
from vampd.cli.shared.nights import choose_records, title_of
from vampd.cli.shared.output import write, write_error
from vampd.cli.shared.session import READ_NIGHT, ConfigOption, KindOption, reading
from vampd.cli.shared.words import count_of, path_of
from vampd.errors import EXIT_NIGHT, UsageError
from vampd.model.nights import NightId

if TYPE_CHECKING:
    from vampd.model.headers import Cell, HeaderTable
    from vampd.wiring.connections import Connections

_CSV = ".csv"

NightsArgument = Annotated[
    list[str],
    typer.Argument(metavar="NIGHT", help=READ_NIGHT, show_default=False),
]
OutOption = Annotated[
    Path | None,
    typer.Option("-o", "--out", metavar="FILE", help=".csv, .ecsv, .vot, .xml, .sqlite or .db"),
]


def table(
    context: typer.Context,
    nights: NightsArgument,
    out: OutOption = None,
    kind: KindOption = None,
    config: ConfigOption = None,
) -> None:
    """Write the cards of all products of some nights as one table.

    One row per product: its path on the archive host, every keyword of the dictionary in its order,
    then all other keywords. As CSV on standard output, or into a new file whose ending tells the
    form: CSV, ECSV, VOTable, or SQLite with a table `headers`. The products are read here; nights
    of which none, or not all, lie here are named. Exit status: 0 all of theirs is listed, 1 a
    product on record is not here.
    """
    from vampd.fits.tables import writer_of

    suffix = _CSV if out is None else out.suffix.lower()
    writer = writer_of(suffix)
    if writer is None and suffix != _CSV:
        raise UsageError(
            "unknown_form",
            f"expected a file that ends in .csv, .ecsv, .vot, .xml, .sqlite or .db, found {out}",
        )
    if out is not None and os.path.lexists(out):
        raise UsageError("already_exists", f"{path_of(out)} exists and is not overwritten")
    with reading(context, config) as connections:
        records, now = connections.store.nights(), time.time()
        chosen = {
            r.night: None for text in nights for r in choose_records(records, text, kind, now)
        }
        whole = _read(connections, list(chosen))
        lacking = list(_find_lacking(connections, chosen))
    if out is None:
        sys.stdout.writelines(whole.lines())
    else:
        _write(
            out,
            "".join(whole.lines()).encode("ascii", "replace")
            if writer is None
            else writer(_columns(whole)),
        )
        write(f"{path_of(out)}: {count_of(len(whole.rows), 'product')}")
    for _, why in lacking:
        write_error(f"vampctl: {why}")
    if any(is_on_record for is_on_record, _ in lacking):
        raise typer.Exit(EXIT_NIGHT)


def _find_lacking(
    connections: Connections, nights: Iterable[NightId]
) -> Iterator[tuple[bool, str]]:
    """What the table lacks of each night, and whether it is on record."""
    from vampd.model.proofs import live_receipts
    from vampd.stages.records.own_paths import PACKED_SUFFIX

    for night in sorted(nights):
        here = {each.file.path for each in connections.reader.packed_products(night)}
        recorded = live_receipts(connections.packing_receipts.of(night))
        gone = [p for p in recorded if p.endswith(PACKED_SUFFIX) and p not in here]
        if gone:
            products = count_of(len(gone), "packed product")
            yield True, f"{title_of(night)}: {products} not here, and so without a row: {gone[0]}"
        elif not here:
            yield False, f"{title_of(night)} has no packed products here"


def _write(path: Path, content: bytes) -> None:
    """The file gets its name when it is whole."""
    from vampd.disk.durable import creating
    from vampd.disk.reading import named_by_person

    with naming_another_place(path.parent), creating(named_by_person(path)) as file:
        file.write(content)


def _read(connections: Connections, nights: list[NightId]) -> HeaderTable:
    from vampd.disk.pace import SteadyPace
    from vampd.engine.header_table import read_rows
    from vampd.model.headers import HeaderTable

    settings = connections.settings
    whole = HeaderTable(connections.reader.dictionary())
    for night in sorted(nights):
        home = settings.transfer.destination(night.kind).path / night.date
        products = [each.file.path for each in connections.reader.packed_products(night)]
        folder = settings.watch.root / night.folder
        read_rows(whole, folder, str(home), products, SteadyPace())
    return whole


def _columns(whole: HeaderTable) -> dict[str, list[Cell]]:
    from vampd.model.headers import PATH_COLUMN, cell_of

    rows = list(whole.ordered())
    columns: dict[str, list[Cell]] = {PATH_COLUMN: [path for path, _ in rows]}
    for number, name in enumerate(whole.names):
        columns[name] = [cell_of(row[number]) for _, row in rows]
    return columns
