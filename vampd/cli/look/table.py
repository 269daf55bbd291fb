"""vampctl table: the status of archive or engineering nights, in the established columns."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from vampd.cli.shared.output import Column, align_columns, write_csv, write_json, write_lines
from vampd.cli.shared.session import ConfigOption, JsonOption, reading
from vampd.errors import UsageError
from vampd.model.delivery import merge_rows
from vampd.model.nights import (
    TITLES,
    Kind,
    NightRecord,
    StageMark,
    StatusRow,
    rows_by_night,
)

KindArgument = Annotated[
    Kind, typer.Argument(metavar="archive|engineering", help="Which table.", show_default=False)
]
CsvOption = Annotated[bool, typer.Option("--csv", help="As CSV, for spreadsheets.")]


def table(
    context: typer.Context,
    kind: KindArgument,
    as_csv: CsvOption = False,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Show the table of the archive or engineering nights.

    One row per night, oldest first; times are UT, and blank if unknown. Nights that the old tools
    processed are shown as their logs record them. The layout is the same on a terminal and in a
    pipe, so that head, grep and awk work on it.
    """
    if as_csv and as_json:
        raise UsageError("two_forms", "--json and --csv exclude each other: choose one")
    from vampd.engine.nights.old_traces import read_old_logs

    with reading(context, config) as connections:
        root = connections.settings.watch.root
        records = connections.store.nights()
        # Of a night that their log does not name, the path on record is below the root.
        adopted = {
            one.night: replace(one.claims, path=str(root / one.claims.path))
            for one in connections.adoptions.all()
        }
        bad = {one.night for one in connections.adoptions.all() if one.copy and one.copy.bad}
    # Their logs are newer where they still work, and may be gone, or edited.
    old = rows_by_night([*adopted.values(), *read_old_logs(root).values()])
    # What their logs call safe, and was found bad when it was read, is not.
    old |= {night: replace(old[night], safe=StageMark()) for night in bad}
    rows = [
        row
        for row in merge_rows((_row(record, root) for record in records), old.values())
        if row.night.kind is kind
    ]
    if as_json:
        write_json([_object(row) for row in rows])
    elif as_csv:
        write_csv([TITLES, *(row.cells for row in rows)])
    else:
        write_lines(align_columns([Column(title) for title in TITLES], [row.cells for row in rows]))


def _row(record: NightRecord, root: Path) -> StatusRow:
    return StatusRow(
        str(root / record.night.folder),
        record.night,
        StageMark.at(record.processed_at),
        StageMark.at(record.transferred_at),
        StageMark.at(record.safe_at),
    )


def _object(row: StatusRow) -> dict[str, Any]:
    cells = dict(zip(TITLES, row.cells, strict=True))
    flags = {"True": True, "False": False}
    return {title: flags.get(cell, cell or None) for title, cell in cells.items()}
