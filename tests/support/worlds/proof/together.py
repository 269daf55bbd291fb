"""Two nights of one site: what they share, and what an act on one may not change of the other."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from tests.support.worlds.proof.witness import raw_stamps, tree_of
from vampd.model.nights import NightId

# What any look at the root notes of every night: that it has late data, how its cubes are.
_OF_LOOKS = ("nights", "events", "checked_cubes")


@dataclass
class Disk:
    """The archive's disk: where it belongs, where it is while it is not mounted, and its moves."""

    path: Path
    unmounted: Path | None = None
    moves: int = 0

    @property
    def folder(self) -> Path:
        """Where its files are, mounted or not."""
        return self.unmounted or self.path

    def unmount(self) -> None:
        """It is gone, and the folder that it was mounted on is there."""
        self.unmounted = self.path.with_name(f"{self.path.name} unmounted")
        self.path.rename(self.unmounted)
        self.path.mkdir()

    def mount(self) -> None:
        """It is back; nothing was written to the folder under it."""
        assert self.unmounted is not None
        self.path.rmdir()
        self.unmounted.rename(self.path)
        self.unmounted = None


@dataclass(frozen=True)
class Standing:
    """All that there is of a night: its files on both sides, hidden ones too, rows and IDs.

    A flat mapping of what each is, by a name that a failure can show.
    """

    parts: dict[str, object]

    @classmethod
    def of(cls, night: NightId, folder: Path, copy: Path, database: Path, ledger: Path) -> Standing:
        """As it is now."""
        trees = {"here": tree_of(folder, hidden=True), "there": tree_of(copy, hidden=True)}
        parts: dict[str, object] = {
            f"{side} {path}": sha256
            for side, tree in trees.items()
            for path, sha256 in tree.items()
        }
        parts |= {f"raw {path}": stamp for path, stamp in raw_stamps(folder).items()}
        parts |= {f"row of {name}": rows for name, rows in _rows_of(night.date, database).items()}
        written = ledger.read_text().splitlines() if ledger.exists() else []
        parts["ledger"] = [line for line in written if str(night) in line.split("\t")]
        return cls(parts)

    def changed_since(self, before: Standing) -> list[str]:
        """The names of what is other than it was."""
        names = self.parts.keys() | before.parts.keys()
        return sorted(name for name in names if self.parts.get(name) != before.parts.get(name))


def _rows_of(date: str, database: Path) -> dict[str, list[tuple[object, ...]]]:
    """Every row that speaks of the night of a date, by table, but for what a look notes."""
    found = {}
    with closing(sqlite3.connect(database)) as connection:
        tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        for (table,) in tables.fetchall():
            columns = {row[1] for row in connection.execute(f"PRAGMA table_info({table})")}
            if table in _OF_LOOKS:
                continue
            if "night_id" in columns:
                which = "night_id IN (SELECT id FROM nights WHERE date = ?)"
            elif "date" in columns:
                which = "date = ?"
            else:
                continue
            rows = connection.execute(f"SELECT * FROM {table} WHERE {which}", (date,))
            found[table] = sorted(rows.fetchall(), key=repr)
    return found
