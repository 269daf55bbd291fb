"""Tables: for people on a terminal, and plain aligned columns for everything else.

Piped output has no colors, no line breaks within rows and no width limit, so that ``grep`` and
``awk`` work on it; columns are two or more blanks apart. On a terminal the last column, which holds
prose, is wrapped to the width, or goes below its row where it would otherwise be too narrow; one
that is aligned to the right holds figures, and stands as the others do.

Whatever people read leaves through here, and `show` is applied here: no name and no word from
outside reaches a terminal as anything but text.

What only some outputs need is imported there: `vampctl status` answers at once.
"""

from __future__ import annotations

import io
import json
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TextIO, cast

from vampd.cli.shared.typed_nights import as_typed
from vampd.model.escapes import show

Row = Sequence[str]
GAP = 2  # columns between two of a table
_GAP = GAP * " "
_NARROWEST_PROSE = 40
_INDENT = 4
_QUOTED = re.compile(r"`[^`]*`")
_BOUND_BLANK = "\xa0"
# What spreadsheets calculate, also behind a `;`, which some of them take for the end of a cell. A
# negative number is one.
_FORMULA = re.compile(r"(^|;)(?=\s*[=+@＝＋－＠-])(?!\s*-[0-9.]+(?:e-?[0-9]+)?(?:;|$))")


@dataclass(frozen=True)
class Column:
    """A table's column; the color of a cell is ``style_of`` its text, or ``style_in`` its row."""

    title: str = ""
    align_right: bool = False
    style_of: Callable[[str], str] | None = None
    style_in: Callable[[Row], str] | None = None

    def style(self, cell: str, row: Row) -> str:
        """The color of this cell of this row, '' for none."""
        if self.style_in is not None:
            return self.style_in(row)
        return self.style_of(cell) if self.style_of is not None else ""


class ReaderLeft(Exception):
    """The reader of our output closed it, as ``head`` does."""


def write(line: str) -> None:
    """Write one line to standard output, shown as text. ReaderLeft if no one reads it."""
    _write_exactly(show(as_typed(line)))


def write_lines(lines: Iterable[str]) -> None:
    """Write lines, each as `write` does."""
    # Together: a table has thousands.
    if shown := [show(as_typed(line)) for line in lines]:
        _write_exactly("\n".join(shown))


def write_paragraph(text: str) -> None:
    """Write a text whose line breaks are its own, such as the body of a mail."""
    write_lines(text.split("\n"))


def _write_exactly(text: str) -> None:
    try:
        sys.stdout.write(f"{text}\n")
    except BrokenPipeError as error:
        # Typer would treat it as a failure.
        raise ReaderLeft from error


def write_prose(line: str) -> None:
    """Write a line of prose; wrapped on a terminal."""
    for part in _fold(as_typed(line)) if is_terminal() else [line]:
        write(part)


def write_error(text: str) -> None:
    """Write a message to standard error; its lines are wrapped on a terminal.

    Further lines are indented: a line break in a name cannot begin a message of its own.
    """
    first, *further = (show(line) for line in as_typed(text).split("\n"))
    lines = [first, *(line if line.startswith("  ") else f"  {line}" for line in further)]
    if sys.stderr.isatty():
        lines = [part for line in lines for part in _fold(line)]
    sys.stderr.write("".join(f"{line.rstrip()}\n" for line in lines))


def stderr_of_now() -> TextIO:
    """Standard error for a log that is set up once, and shows as text: it leaves above a bar."""
    return cast(TextIO, _StderrOfNow())


class _StderrOfNow(io.TextIOBase):
    def write(self, text: str) -> int:
        return sys.stderr.write(text)

    def flush(self) -> None:
        sys.stderr.flush()

    def isatty(self) -> bool:
        return sys.stderr.isatty()


def fold(line: str, width: int) -> list[str]:
    """Wrap a line between words; continuation lines are indented further.

    Names stay whole, even if longer than the width, so that they can be copied.
    """
    words = line.lstrip(" ")
    first = " " * (len(line) - len(words))
    further = first + " " * _INDENT
    return _break(
        words, width, initial_indent=first, subsequent_indent=further, break_long_words=False
    ) or [line]


def _break(text: str, width: int, **how: Any) -> list[str]:
    """`textwrap.wrap` that keeps `quoted commands` and options whole, for copying."""
    import textwrap

    bound = _QUOTED.sub(lambda quoted: quoted[0].replace(" ", _BOUND_BLANK), text)
    lines = textwrap.wrap(bound, width, break_on_hyphens=False, **how)
    return [line.replace(_BOUND_BLANK, " ") for line in lines]


def _fold(line: str) -> list[str]:
    return fold(line, terminal_width())


def write_json(value: object) -> None:
    """Write one JSON value, in ASCII: file names need not be UTF-8, JSON must be."""
    _write_exactly(json.dumps(value, indent=2))


def write_csv(rows: Iterable[Sequence[object]]) -> None:
    """Write rows as CSV; a text that spreadsheets would calculate begins with an apostrophe."""
    import csv

    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerows([_csv_cell(cell) for cell in row] for row in rows)


def _csv_cell(cell: object) -> object:
    return _FORMULA.sub(r"\1'", show(cell)) if isinstance(cell, str) else cell


def is_terminal() -> bool:
    """Whether standard output is a terminal."""
    return sys.stdout.isatty()


def terminal_width() -> int:
    """The columns of the terminal, or of COLUMNS."""
    import shutil

    return shutil.get_terminal_size().columns


def write_table(
    columns: Sequence[Column],
    rows: Sequence[Row],
    left_out: Sequence[int] = (),
    narrowest: int = _NARROWEST_PROSE,
) -> None:
    """Write a table for a terminal or a pipe.

    ``left_out`` are columns that a terminal does not show, by their positions, never the last; each
    style still sees the whole row. The last stands below where it would be below ``narrowest``.
    """
    if is_terminal():
        _write_to_terminal(columns, _shown(rows), left_out, narrowest)
    else:
        write_lines(align_columns(columns, rows))


def write_table_of(columns: Sequence[Column], rows: Sequence[Row], chosen: Sequence[int]) -> None:
    """As `write_table`, of some columns by their positions; each style still sees the whole row.

    No row is wrapped: on a terminal it ends in an ellipsis where it would be wider.
    """
    rows = _shown(rows)
    padded = _padded(columns, _with_titles(columns, rows))
    lines = [[cells[position] for position in chosen] for cells in padded]
    if not is_terminal():
        write_lines(_GAP.join(line).rstrip() for line in lines)
        return
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False, markup=False, emoji=False, soft_wrap=True)
    titles, *lines = lines
    styles = [[columns[at].style(row[at], row) for at in chosen] for row in rows]
    texts = [Text(_GAP.join(titles), style="bold")]
    for line, style in zip(lines, styles, strict=True):
        texts.append(Text(_GAP).join(map(Text, line, style)))
    for text in texts:
        text.rstrip()
        text.truncate(console.width, overflow="ellipsis")
        console.print(text)


def _shown(rows: Sequence[Row]) -> list[Row]:
    """The cells as they are seen, before their widths are taken."""
    # A row is asked as one text: of thousands, hardly one has anything to escape.
    return [row if _is_plain("".join(row)) else [show(cell) for cell in row] for row in rows]


def _is_plain(text: str) -> bool:
    return show(text) == text


def align_columns(columns: Sequence[Column], rows: Sequence[Row]) -> list[str]:
    """The table's lines as plain text, the titles first if there are any."""
    table = _with_titles(columns, _shown(rows))
    return [_GAP.join(cells).rstrip() for cells in _padded(columns, table)]


def _with_titles(columns: Sequence[Column], rows: Sequence[Row]) -> list[Row]:
    titles = [column.title for column in columns]
    return [titles, *rows] if any(titles) else list(rows)


def _padded(columns: Sequence[Column], rows: Sequence[Row]) -> list[list[str]]:
    """The cells, each padded to the widest of its column."""
    if not (columns and rows):
        return [[] for _ in rows]
    padded = []
    for column, cells in zip(columns, zip(*rows, strict=True), strict=True):
        width = max(map(len, cells))
        pad = str.rjust if column.align_right else str.ljust
        padded.append([pad(cell, width) for cell in cells])
    return [list(row) for row in zip(*padded, strict=True)]


def _write_to_terminal(
    columns: Sequence[Column], rows: Sequence[Row], left_out: Sequence[int], narrowest: int
) -> None:
    from rich.console import Console
    from rich.text import Text

    kept = [at for at in range(len(columns) - 1) if at not in left_out]
    narrow, prose = [columns[at] for at in kept], columns[-1]
    titled = _with_titles(columns, rows)
    if not titled:
        return
    cells = _padded(narrow, [[row[at] for at in kept] for row in titled])
    titles = cells.pop(0) if len(titled) > len(rows) else None
    # Rich honors NO_COLOR and COLUMNS; the wrapping is ours.
    console = Console(highlight=False, markup=False, emoji=False, soft_wrap=True)
    beside = sum(len(cell) + len(_GAP) for cell in cells[0]) if cells else 0
    room = console.width - beside
    last_width = max(len(row[-1]) for row in titled) if prose.align_right else 0
    all_below = room < (last_width or narrowest)
    if titles is not None:
        shown = titles if all_below else [*titles, prose.title.rjust(last_width)]
        console.print(Text(_GAP.join(shown).rstrip(), style="bold"))
    for row, row_cells in zip(rows, cells, strict=True):
        line = Text(_GAP).join(
            Text(cell, style=columns[at].style(row[at], row))
            for at, cell in zip(kept, row_cells, strict=True)
        )
        # A path that would be broken beside the others may have room below.
        longest = max(map(len, row[-1].split()), default=0)
        below = all_below or room < longest <= console.width - _INDENT
        indent = _INDENT if below else beside
        lines = _break(row[-1].rjust(last_width), console.width - indent)
        style = prose.style(row[-1], row)
        if lines and not below:
            line.append((_GAP if narrow else "") + lines.pop(0), style=style)
        line.rstrip()
        console.print(line)
        for text in lines:
            console.print(Text(" " * indent + text, style=style))
