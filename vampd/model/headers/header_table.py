"""``header_table_<date>.csv``: the cards of every product of a night, one row each.

Columns are ``path`` (the product as the archive host has it), every keyword of the dictionary in
its order, then all others, sorted. Values are as on the cards: numbers with their digits, logicals
as True and False, texts without the blanks at their end, nothing where a value is undefined. A
keyword that stands twice is the last one, as readers take it. A text that spreadsheets would
calculate begins with an apostrophe.
"""

from __future__ import annotations

import csv
import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from vampd.errors import DataError
from vampd.model.cubes import (
    REMEMBERED_CARDS,
    Card,
    Cards,
    Nonsense,
    Number,
    Undefined,
    Value,
)
from vampd.model.headers.condition import is_number
from vampd.model.headers.dictionary import Dictionary

PATH_COLUMN = "path"
Cell = str | bool | int | float | None
_COMMENTARY = frozenset({"COMMENT", "HISTORY", "", "END"})
# Of the table of tiles; sums are over bytes that a row is not about.
_OMITTED = frozenset({"CHECKSUM", "DATASUM"})
_LONGEST_INTEGER = 18
# A sign in front of a number or an angle, as of a declination, is none of a formula.
_FORMULA = re.compile(r"\s*(?:[=@\t\r]|[+-](?![0-9.:  ]*(?:[eE][+-]?[0-9]+)?$))")
_NEEDS_QUOTES = re.compile(r'[",\r\n]')


def table_name(date: str) -> str:
    """The file's name, in the night's folder."""
    return f"header_table_{date}.csv"


def header_values(cards: Cards) -> dict[str, Value]:
    """The values of a header by keyword; strings that go on are whole."""
    values: dict[str, Value] = {}
    keyword = ""
    for text in cards.texts:
        if text.startswith("CONTINUE"):
            begun, more = values.get(keyword), _continued(text)
            if isinstance(begun, str) and begun.endswith("&"):
                values[keyword] = begun[:-1] + more
            continue
        keyword, value = _named_value(text)
        if keyword:
            values[keyword] = value
    return values


# Each text and value is kept once.
@lru_cache(maxsize=REMEMBERED_CARDS)
def _named_value(text: str) -> tuple[str, Value]:
    keyword = text[:8].rstrip()
    if keyword == "HIERARCH" and "=" in text[9:]:
        name, _, rest = text.partition("=")
        return name.strip(), Card(f"{'ANY':8}= {rest[:70].ljust(70)}").value
    if keyword in _COMMENTARY | _OMITTED or text[8:10] != "= ":
        return "", Undefined()
    return keyword, Card(text).value


def _continued(text: str) -> str:
    value = Card(f"{'ANY':8}= {text[10:].ljust(70)}").value
    return value if isinstance(value, str) else ""


def cell_of(value: Value | None) -> Cell:
    """A value as other programs hold it: a number is the nearest one that they have."""
    if isinstance(value, Number):
        digits = value.text.lstrip("+-")
        if digits.isdecimal():
            # Beyond 64 bits a whole number is a real one to them.
            return int(value.text) if len(digits) <= _LONGEST_INTEGER else float(value)
        return float(value)
    return value if isinstance(value, str | bool) else None


def csv_cell(value: Value | None) -> str:
    """A value as the table writes it, its digits unchanged."""
    if isinstance(value, Number):
        return value.text.upper().replace("D", "E")
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, Nonsense):
        value = value.text
    if not isinstance(value, str):
        return ""
    return f"'{value}" if _FORMULA.match(value) else value


@dataclass
class HeaderTable:
    """Rows as they come, in columns that grow: products differ in few of them.

    ``columns`` are the dictionary's keywords, then others as they were met. Whoever meets all
    headers first can make one line after the other, and needs to hold no rows.
    """

    dictionary: Dictionary
    columns: dict[str, int] = field(default_factory=dict)
    rows: list[tuple[str, list[Value | None]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.columns = {keyword: n for n, keyword in enumerate(self.dictionary.entries)}

    def add(self, path: str, cards: Cards) -> None:
        """The row of a product, by its plain header."""
        values = self.meet(cards)
        self.rows.append((path, [values.get(keyword) for keyword in self.columns]))

    def meet(self, cards: Cards) -> dict[str, Value]:
        """The values of a header, which get their columns."""
        values = header_values(cards)
        for keyword in values:
            self.columns.setdefault(keyword, len(self.columns))
        return values

    @property
    def names(self) -> tuple[str, ...]:
        """The columns after the path, in the order of the file."""
        fixed = len(self.dictionary.entries)
        return (*[*self.columns][:fixed], *sorted([*self.columns][fixed:]))

    def ordered(self) -> Iterator[tuple[str, list[Value | None]]]:
        """Each path with its values in the order of the names."""
        places = [self.columns[name] for name in self.names]
        for path, row in self.rows:
            yield path, [row[place] if place < len(row) else None for place in places]

    def lines(self) -> Iterator[str]:
        """The text, line by line; each line ends in a line feed."""
        yield self.first_line()
        for path, row in self.ordered():
            yield _line([csv_cell(path), *map(csv_cell, row)])

    def first_line(self) -> str:
        """The names of the columns that were met."""
        return _line([PATH_COLUMN, *self.names])

    def line(self, path: str, cards: Cards) -> str:
        """A row of the columns that were met; DataError ``product_damaged`` for a card of none."""
        values = header_values(cards)
        if new := values.keys() - self.columns.keys():
            raise DataError(
                "product_damaged",
                f"{path} has a card {min(new)} that it did not have a moment ago",
                path=path,
            )
        return _line([csv_cell(path), *(csv_cell(values.get(name)) for name in self.names)])


@dataclass(frozen=True)
class ListedTable:
    """The paths of a table's rows, None if it is no table, and the SHA-256 (hex) of its bytes."""

    paths: tuple[str, ...] | None
    sha256: str


def list_table(lines: Iterable[bytes]) -> ListedTable:
    """What a table lists, by its lines as the file has them, one at a time.

    That of a long night is a hundred megabytes.
    """
    digest = hashlib.sha256()

    def texts() -> Iterator[str]:
        for line in lines:
            digest.update(line)
            yield line.decode("utf-8", "surrogateescape")

    left = texts()
    paths = _listed_paths(left)
    for _ in left:
        pass  # of what is no table, the digest counts still
    return ListedTable(paths, digest.hexdigest())


def _listed_paths(lines: Iterable[str]) -> tuple[str, ...] | None:
    rows = csv.reader(lines)
    try:
        if next(rows, [""])[0] != PATH_COLUMN:
            return None
        return tuple(row[0] for row in rows)
    except (csv.Error, IndexError):
        return None


def read_table(lines: Iterable[str]) -> dict[str, dict[str, Value]]:
    """The rows of a table by path, as far as its text tells: what looks like a number is one.

    An empty cell is no card. DataError ``no_header_table``.
    """
    rows = csv.reader(lines)
    try:
        names = next(rows, [""])
        if names[0] != PATH_COLUMN:
            raise _no_table(f"its first column is {names[0][:40]!r}")
        found = {}
        for row in rows:
            if len(row) != len(names):
                raise _no_table(f"row {rows.line_num} has {len(row)} of {len(names)} cells")
            cells = zip(names[1:], row[1:], strict=True)
            found[_plain(row[0])] = {name: _value(cell) for name, cell in cells if cell}
    except csv.Error as error:
        raise _no_table(str(error)) from error
    return found


def _plain(cell: str) -> str:
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell[1:]) else cell


def _value(cell: str) -> Value:
    if cell in ("True", "False"):
        return cell == "True"
    return Number(cell) if is_number(cell) else _plain(cell)


def _no_table(why: str) -> DataError:
    return DataError("no_header_table", f"expected a table of headers as vampd writes it: {why}")


def _line(cells: Iterable[str]) -> str:
    """Quoted as RFC 4180 says, where a cell needs it."""
    quoted = (
        f'"{cell.replace(chr(34), 2 * chr(34))}"' if _NEEDS_QUOTES.search(cell) else cell
        for cell in cells
    )
    return ",".join(quoted) + "\n"
