"""The table of nights: one line for each, as `vampctl status` and the demonstration show it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING

from vampd.cli.look.night_notes import NO_MAIL, NOT_SAFE, describe, describe_quality
from vampd.cli.shared.output import (
    GAP,
    Column,
    is_terminal,
    terminal_width,
    write,
    write_table,
    write_table_of,
)
from vampd.cli.shared.progress import format_progress, format_work
from vampd.cli.shared.words import format_duration, format_minute, format_size
from vampd.model.delivery import Correspondence
from vampd.model.nights import Status

if TYPE_CHECKING:
    from vampd.model.nights import NightId, NightRecord

STATUS_STYLES = {
    Status.FILLING: "dim",
    Status.READY: "",
    Status.RUNNING: "cyan",
    Status.WAITING: "yellow",
    Status.HELD: "bold red",
    Status.DONE: "green",
    Status.LEGACY: "dim",
}
_STATUS, _NOTE = 3, -1
_QUALITY = "quality"


def _style_of(row: Sequence[str]) -> str:
    """The color of a night's status; done and NOT safe is none that is good."""
    unsafe = row[_NOTE].startswith(NOT_SAFE)
    return "bold red" if unsafe else STATUS_STYLES[Status(row[_STATUS])]


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


# Beside those, what --wide and --columns show.
_TIMES = (Column("processed"), Column("safe"), Column("mailed"))
_ALL = (*COLUMNS[:-1], *_TIMES, COLUMNS[-1])
NAMES = tuple(column.title for column in _ALL)
# What is left out first where a terminal is too narrow for the line of a night.
_LEAST_WORTH = ("size", "age", _QUALITY, "frames", "progress", "stage")
# The same with --wide: nothing of it is missing, because the note says what has no column.
_LEAST_WORTH_OF_ALL = (
    _QUALITY, "mailed", "safe", "processed", "size", "age", "frames", "progress", "stage",
)  # fmt: skip


def columns_named(text: str) -> tuple[str, ...]:
    """The columns of a list such as ``date,kind``; ValueError names the first that is none."""
    names = tuple(name.strip() for name in text.split(","))
    if unknown := [name for name in names if name not in NAMES]:
        raise ValueError(f"no column {unknown[0]!r}; choose from {', '.join(NAMES)}")
    return names


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
        _note(record, now, correspondence),
    )


def _full_row(record: NightRecord, now: float, correspondence: Correspondence) -> tuple[str, ...]:
    """The same with its times, as `NAMES`."""
    *cells, note = night_row(record, now, correspondence)
    mailed_at = correspondence.mailed_at(record.night, record.manifest_sums)
    times = (record.processed_at, record.safe_at, mailed_at)
    return (*cells, *("-" if at is None else format_minute(at) for at in times), note)


def _note(record: NightRecord, now: float, correspondence: Correspondence) -> str:
    work = format_work(record, now) if record.state.status is Status.RUNNING else ""
    return "; ".join(part for part in (work, describe(record, now, correspondence)) if part)


def show_nights(
    records: Sequence[NightRecord],
    now: float,
    correspondence: Mapping[NightId, Correspondence] = MappingProxyType({}),
    chosen: Sequence[str] | None = None,
) -> None:
    """Write the table of nights; of ``chosen`` columns but all, each night in one line."""
    if not records and is_terminal():
        write("no nights yet: vampd finds them below [watch] root")
        return
    make = night_row if chosen is None else _full_row
    rows = [make(record, now, correspondence.get(record.night, NO_MAIL)) for record in records]
    is_wide = chosen is not None and tuple(chosen) == NAMES
    if chosen is not None and not is_wide:
        write_table_of(_ALL, rows, [NAMES.index(name) for name in chosen])
        return
    columns = _ALL if is_wide else COLUMNS
    least_worth = _LEAST_WORTH_OF_ALL if is_wide else _LEAST_WORTH
    left_out = columns_left_out(columns, rows, least_worth) if is_terminal() else ()
    titles = [column.title for column in columns]
    told = sorted(at for at in left_out if is_wide or titles[at] == _QUALITY)
    write_table(columns, [_with_told(row, titles, told) for row in rows], left_out)


def columns_left_out(
    columns: Sequence[Column], rows: Sequence[Sequence[str]], least_worth: Sequence[str]
) -> tuple[int, ...]:
    """The columns for which a terminal is too narrow; the last one stands below or beside."""
    *titles, _ = (column.title for column in columns)
    widths = {
        title: max(map(len, (title, *(row[at] for row in rows)))) + GAP
        for at, title in enumerate(titles)
    }
    room = terminal_width() + GAP
    shown, left_out = sum(widths.values()), list[str]()
    for title in least_worth:
        if shown > room:
            shown -= widths[title]
            left_out.append(title)
    # Behind a wide one, others have room again.
    for title in reversed(tuple(left_out)):
        if shown + widths[title] <= room:
            shown += widths[title]
            left_out.remove(title)
    return tuple(map(titles.index, left_out))


def _with_told(row: Sequence[str], titles: Sequence[str], told: Sequence[int]) -> tuple[str, ...]:
    """The row where these cells have no column: the note says them."""
    *cells, note = row
    said = [
        cells[at] if titles[at] == _QUALITY else f"{titles[at]} {cells[at]}"
        for at in told
        if cells[at] != "-"
    ]
    return (*cells, "; ".join(part for part in (note, *said) if part))
