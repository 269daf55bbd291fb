"""A page of sections: each has facts, words, a drawing and a table, as far as there are any."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from vampd.web.pages.chart import Chart

# So many lines of a table are shown; the objects beside the page have all.
MOST_LINES = 200


@dataclass(frozen=True)
class Cell:
    """A cell: its text, the night that it leads to ('' for none), and the class of a status."""

    text: str
    night: str = ""
    style: str = ""


@dataclass(frozen=True)
class Table:
    """A table; the first cell of each row names it. ``numbers`` are the columns of numbers."""

    caption: str
    titles: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    numbers: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Section:
    """A part of a page; ``name`` is what an address says behind #."""

    name: str
    title: str
    words: tuple[str, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()
    chart: Chart | None = None
    table: Table | None = None
    # Calls, as what needs a person does.
    calls: bool = False


@dataclass(frozen=True)
class Sheet:
    """A page."""

    title: str
    # The command that tells the same on a terminal.
    command: str
    sections: tuple[Section, ...]


def make_table(
    caption: str,
    titles: Sequence[str],
    rows: Sequence[Iterable[str | Cell]],
    numbers: Iterable[str] = (),
) -> Table | None:
    """The first lines of a table; None without any."""
    if not rows:
        return None
    shown = tuple(
        tuple(cell if isinstance(cell, Cell) else Cell(cell) for cell in row)
        for row in rows[:MOST_LINES]
    )
    cut = f"; the first {MOST_LINES} of {len(rows):,}" if len(rows) > MOST_LINES else ""
    return Table(f"{caption}{cut}", tuple(titles), shown, frozenset(numbers))
