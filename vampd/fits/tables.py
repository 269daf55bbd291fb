"""Tables of headers in the forms that other programs read: ECSV, VOTable, SQLite.

A column has one type: logical, whole or real where all its values are, else text. What is not there
is a missing value (NULL).
"""

from __future__ import annotations

import io
import re
import sqlite3
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing

from vampd.errors import UsageError
from vampd.model.headers import Cell

Columns = Mapping[str, Sequence[Cell]]
_VOTABLE = "votable"
_ASTROPY = {".ecsv": "ascii.ecsv", ".vot": _VOTABLE, ".xml": _VOTABLE}
# What no XML may hold, in headers that others wrote.
_NO_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_TYPES: Mapping[type, str] = {bool: "INTEGER", int: "INTEGER", float: "REAL", str: "TEXT"}


def writer_of(suffix: str) -> Callable[[Columns], bytes] | None:
    """What makes the content of a file of this ending; None for no ending."""
    if suffix in (".sqlite", ".sqlite3", ".db"):
        return _make_sqlite
    form = _ASTROPY.get(suffix)
    return None if form is None else lambda columns: _make_by_astropy(columns, form)


def _make_sqlite(columns: Columns) -> bytes:
    """One table ``headers``; names that SQLite takes for one get a number.

    UsageError ``too_many_columns``.
    """
    kinds = [_kind_of(cells) for cells in columns.values()]
    names = [f'"{name}"' for name in _distinct(columns)]
    fields = ", ".join(f"{name} {_TYPES[kind]}" for name, kind in zip(names, kinds, strict=True))
    with closing(sqlite3.connect(":memory:")) as database:
        most = database.getlimit(sqlite3.SQLITE_LIMIT_COLUMN)
        if len(names) > most:
            raise UsageError(
                "too_many_columns",
                f"these headers have {len(names):,} keywords, and SQLite takes {most:,} columns:"
                " write CSV",
            )
        with database:
            database.execute(f"CREATE TABLE headers ({fields})")
            cells = [_as_kind(c, kind) for c, kind in zip(columns.values(), kinds, strict=True)]
            marks = ", ".join("?" * len(names))
            rows = zip(*cells, strict=True)
            database.executemany(f"INSERT INTO headers VALUES ({marks})", rows)
        return database.serialize()


def _distinct(names: Mapping[str, object]) -> Iterator[str]:
    taken: set[str] = set()
    for name in names:
        number, distinct = 1, name.replace('"', "")
        while distinct.lower() in taken:
            number, distinct = number + 1, f"{name}_{number + 1}"
        taken.add(distinct.lower())
        yield distinct


def _make_by_astropy(columns: Columns, form: str) -> bytes:
    import numpy as np
    from astropy.table import MaskedColumn, Table

    made = []
    for name, cells in columns.items():
        kind = _kind_of(cells)
        filled = [kind() if cell is None else cell for cell in _as_kind(cells, kind)]
        if form == _VOTABLE and kind is str:
            filled = [_NO_XML.sub("?", str(cell)) for cell in filled]
        dtype = None if kind is str else np.dtype(np.int64 if kind is int else kind)
        mask = [cell is None for cell in cells]
        made.append(MaskedColumn(filled, name=_NO_XML.sub("?", name), dtype=dtype, mask=mask))
    table = Table(made, copy=False)
    if form == _VOTABLE:
        from astropy.io.votable.exceptions import W03

        content = io.BytesIO()
        with warnings.catch_warnings():
            # A HIERARCH keyword has blanks: its column has an ID besides its name.
            warnings.simplefilter("ignore", W03)
            table.write(content, format=form)
        return content.getvalue()
    text = io.StringIO()
    table.write(text, format=form)
    return text.getvalue().encode("utf-8", "replace")


def _kind_of(cells: Sequence[Cell]) -> type:
    kinds = {type(cell) for cell in cells if cell is not None}
    if len(kinds) == 1:
        return kinds.pop()
    return float if kinds == {int, float} else str


def _as_kind(cells: Sequence[Cell], kind: type) -> list[Cell]:
    return [None if cell is None else kind(cell) for cell in cells]
