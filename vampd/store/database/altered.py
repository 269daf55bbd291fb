"""What someone has altered in a database: its tables and triggers are those of the schema, or not.

Texts of tables are not compared, since they depend on the versions of SQLite and SQLAlchemy that
made them: columns, keys and what is unique are. Those of triggers are vampd's own.
"""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path

from sqlalchemy import Table, UniqueConstraint

from vampd.errors import StoreError
from vampd.store.schema import REVISION, Base
from vampd.store.triggers import TRIGGERS

# All that a trigger of vampd does: it refuses.
_REFUSAL = re.compile(
    r"\bBEGIN\s+SELECT\s+RAISE\s*\(\s*ABORT\s*,\s*'(?:[^']|'')*'\s*\)\s*;\s*END\s*;?\s*\Z",
    re.IGNORECASE,
)
_MORE = re.compile(r";|--|/\*|\bBEGIN\b", re.IGNORECASE)


def refuse_altered(path: Path, connection: sqlite3.Connection, revision: str) -> None:
    """StoreError ``database_altered`` for a schema that no migration of vampd has left.

    A view in the place of a table, or a trigger that does more than refuse, would make rows that no
    one wrote; without a trigger or a key, rows could go or be there twice. Of another revision than
    this version's only views and triggers can be judged.
    """
    rows = connection.execute(
        "SELECT type, name, sql FROM sqlite_master WHERE type IN ('view', 'trigger')"
    ).fetchall()
    for kind, name, sql in rows:
        if kind == "view" or not _only_refuses(str(sql)):
            raise _altered(path, f"a {kind} {name!r} that vampd did not make", "drop it")
    if revision != REVISION:
        return
    found = {name: " ".join(str(sql).split()) for _, name, sql in rows}
    for name in sorted(found.keys() | TRIGGERS.keys()):
        if found.get(name) == TRIGGERS.get(name):
            continue
        if name not in TRIGGERS:
            raise _altered(path, f"a trigger {name!r} that vampd did not make", "drop it")
        what = "another" if name in found else "no"
        raise _altered(path, f"{what} trigger {name!r}", "make it as vampd does")
    for table in Base.metadata.sorted_tables:
        if _found_shape(connection, table.name) != _shape_of(table):
            raise _altered(path, f"another table {table.name!r} than vampd made", "put it right")


def _only_refuses(trigger: str) -> bool:
    match = _REFUSAL.search(trigger)
    return match is not None and _MORE.search(trigger[: match.start()]) is None


# Columns with whether they may be NULL and their place in the primary key; what is unique.
_Shape = tuple[frozenset[tuple[str, bool, bool]], frozenset[frozenset[str]]]


def _shape_of(table: Table) -> _Shape:
    columns = ((c.name, bool(c.nullable), c.primary_key) for c in table.columns)
    unique = [c.columns for c in table.constraints if isinstance(c, UniqueConstraint)]
    unique += [index.columns for index in table.indexes if index.unique]
    return frozenset(columns), frozenset(frozenset(c.name for c in each) for each in unique)


def _found_shape(connection: sqlite3.Connection, table: str) -> _Shape:
    columns = connection.execute(
        'SELECT name, "notnull" = 0, pk > 0 FROM pragma_table_xinfo(?)', (table,)
    )
    unique = connection.execute(
        "SELECT i.seq, c.name FROM pragma_index_list(?) i, pragma_index_info(i.name) c"
        " WHERE i.\"unique\" AND i.origin != 'pk'",
        (table,),
    )
    keys: dict[int, set[str]] = {}
    for number, name in unique:
        keys.setdefault(number, set()).add(name)
    found = frozenset((name, bool(may_be_null), bool(key)) for name, may_be_null, key in columns)
    return found, frozenset(map(frozenset, keys.values()))


def _altered(path: Path, found: str, cure: str) -> StoreError:
    return StoreError(
        "database_altered",
        f"{path} has {found}; find out who did that, {cure} with sqlite3, and compare the nights"
        " with their folders; or move the file aside and restart vampd, which fills a new one",
        path=str(path),
    )
