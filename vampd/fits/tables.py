"""Tables of headers in the forms that other programs read: ECSV, VOTable, SQLite.

A column has one type: logical, whole or real where all its values are, else text. What is not there
is a missing value (NULL).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path

from vampd.model.headers import Cell

Columns = Mapping[str, Sequence[Cell]]
_ASTROPY = {".ecsv": "ascii.ecsv", ".vot": "votable", ".xml": "votable"}
_TYPES: Mapping[type, str] = {bool: "INTEGER", int: "INTEGER", float: "REAL", str: "TEXT"}


def writer_of(suffix: str) -> Callable[[Path, Columns], None] | None:
    """What writes a table into a file of this ending, which must not exist; None for no ending."""
    if suffix in (".sqlite", ".sqlite3", ".db"):
        return _write_sqlite
    form = _ASTROPY.get(suffix)
    return None if form is None else lambda path, columns: _write_astropy(path, columns, form)


def _write_sqlite(path: Path, columns: Columns) -> None:
    """One table ``headers``; names that SQLite takes for one get a number."""
    kinds = [_kind_of(cells) for cells in columns.values()]
    names = [f'"{name}"' for name in _distinct(columns)]
    fields = ", ".join(f"{name} {_TYPES[kind]}" for name, kind in zip(names, kinds, strict=True))
    with closing(sqlite3.connect(path)) as database, database:
        database.execute(f"CREATE TABLE headers ({fields})")
        cells = [_as_kind(c, kind) for c, kind in zip(columns.values(), kinds, strict=True)]
        marks = ", ".join("?" * len(names))
        database.executemany(f"INSERT INTO headers VALUES ({marks})", zip(*cells, strict=True))


def _distinct(names: Mapping[str, object]) -> Iterator[str]:
    taken: set[str] = set()
    for name in names:
        number, distinct = 1, name.replace('"', "")
        while distinct.lower() in taken:
            number, distinct = number + 1, f"{name}_{number + 1}"
        taken.add(distinct.lower())
        yield distinct


def _write_astropy(path: Path, columns: Columns, form: str) -> None:
    import numpy as np
    from astropy.table import MaskedColumn, Table

    made = []
    for name, cells in columns.items():
        kind = _kind_of(cells)
        filled = [kind() if cell is None else cell for cell in _as_kind(cells, kind)]
        dtype = None if kind is str else np.dtype(np.int64 if kind is int else kind)
        mask = [cell is None for cell in cells]
        made.append(MaskedColumn(filled, name=name, dtype=dtype, mask=mask))
    Table(made, copy=False).write(path, format=form)


def _kind_of(cells: Sequence[Cell]) -> type:
    kinds = {type(cell) for cell in cells if cell is not None}
    if len(kinds) == 1:
        return kinds.pop()
    return float if kinds == {int, float} else str


def _as_kind(cells: Sequence[Cell], kind: type) -> list[Cell]:
    return [None if cell is None else kind(cell) for cell in cells]
