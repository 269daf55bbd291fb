"""The table of nights: one line for each, as `vampctl status` and the demonstration show it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING

from vampd.cli.look.night_notes import NO_MAIL, NOT_SAFE, describe, describe_quality
from vampd.cli.shared.output import Column, is_terminal, write, write_table
from vampd.cli.shared.progress import format_progress
from vampd.cli.shared.words import format_duration, format_size
from vampd.model.delivery import Correspondence
from vampd.model.nights import Status

if TYPE_CHECKING:
    from vampd.model.nights import NightId, NightRecord

_STYLES = {
    Status.FILLING: "dim",
    Status.READY: "",
    Status.RUNNING: "cyan",
    Status.WAITING: "yellow",
    Status.HELD: "bold red",
    Status.DONE: "green",
    Status.LEGACY: "dim",
}
_STATUS, _NOTE = 3, -1


def _style_of(row: Sequence[str]) -> str:
    """The color of a night's status; done and NOT safe is none that is good."""
    unsafe = row[_NOTE].startswith(NOT_SAFE)
    return "bold red" if unsafe else _STYLES[Status(row[_STATUS])]


COLUMNS = (
    Column("date"),
    Column("kind"),
    Column("stage"),
    Column("status", style_in=_style_of),
    Column("progress", align_right=True),
    Column("frames", align_right=True),
    Column("size", align_right=True),
    Column("age", align_right=True),
    Column("quality", style_of=lambda cell: "yellow" if cell != "-" else ""),
    Column("note"),
)


def night_row(
    record: NightRecord, now: float, correspondence: Correspondence = NO_MAIL
) -> tuple[str, ...]:
    """The cells of the night's line, as `COLUMNS` name them."""
    return (
        record.night.date,
        str(record.night.kind),
        str(record.state.stage),
        str(record.state.status),
        format_progress(record),
        f"{record.frames:,}" if record.frames else "-",
        format_size(record.bytes) if record.bytes else "-",
        format_duration(now - record.changed_at),
        describe_quality(record),
        describe(record, now, correspondence),
    )


def show_nights(
    records: Sequence[NightRecord],
    now: float,
    correspondence: Mapping[NightId, Correspondence] = MappingProxyType({}),
) -> None:
    """Write the table of nights."""
    if not records and is_terminal():
        write("no nights yet: vampd finds them below [watch] root")
        return
    write_table(
        COLUMNS,
        [night_row(record, now, correspondence.get(record.night, NO_MAIL)) for record in records],
    )
