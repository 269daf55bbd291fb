"""What the page reads beside `fast_status`, by plain SQL too: changes, products, readings."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from vampd.model.nights import Kind, NightId, stages_of
from vampd.store.fast_status import FastStatus, connect_fast

# Most nights are finished, so that nothing else of them can differ.
_LAST_STAGES = " ".join(f"WHEN '{kind.value}' THEN '{stages_of(kind)[-1].value}'" for kind in Kind)
_FINISHED = (
    "status = 'done' AND note_code IS NULL AND needs_person = 0 AND safe_at IS NOT NULL"
    f" AND stage = CASE kind {_LAST_STAGES} END"
)
# All that decides how a night stands; sums, not texts, of what thousands of rows have: a row that
# is another one has another key, and one that has moved a later time.
_JOINED = (
    "sum(id), sum(changed_at), sum(manifests), group_concat(manifest_sums),"
    f" group_concat(iif({_FINISHED}, NULL, id || ' ' || kind || ' ' || stage || ' ' || status"
    " || ' ' || quote(note_code) || (safe_at IS NULL) || needs_person || ' ' || frames"
    " || ' ' || bytes || (processed_at IS NULL)))"
)
BLOCK = 128


class ProductProof(NamedTuple):
    """A file with a live packing receipt, and the last reading of it here and at the archive.

    Times are unix seconds. ``archive_sha256`` is None, too, of a reading that proves nothing more.
    """

    path: str
    size: int
    sha256: str
    packed_at: float
    here_at: float | None
    here_sha256: str | None
    archive_at: float | None
    archive_sha256: str | None


@dataclass(frozen=True)
class FastPage(FastStatus):
    """The database at one moment, as the page asks it."""

    def latest_change(self) -> int:
        """The number of the last change that vampd made of any night."""
        (change,) = self.connection.execute("SELECT ifnull(max(change), 0) FROM nights").fetchone()
        return int(change)

    def changed_after(self, change: int) -> dict[int, tuple[str, str]]:
        """The rows that vampd has written since, with date and kind."""
        rows = self.connection.execute(
            "SELECT id, date, kind FROM nights WHERE change > ?", (change,)
        )
        return {key: (date, kind) for key, date, kind in rows}

    def blocks(self) -> dict[int, tuple[object, ...]]:
        """All rows in blocks of neighbors: what differs if any night of a block stands otherwise.

        SQLite joins them: thousands of rows as rows would cost more than all that is shown.
        """
        (last,) = self.connection.execute("SELECT ifnull(max(id), 0) FROM nights").fetchone()
        numbers = range(last // BLOCK + 1)
        return {number: self._of_block(_JOINED, number).fetchone() for number in numbers}

    def names(self, block: int) -> dict[int, tuple[str, str]]:
        """The rows of a block, with date and kind."""
        rows = self._of_block("id, date, kind", block)
        return {key: (date, kind) for key, date, kind in rows}

    def _of_block(self, columns: str, block: int) -> sqlite3.Cursor:
        return self.connection.execute(
            f"SELECT {columns} FROM nights WHERE id BETWEEN ? AND ?",
            (block * BLOCK, (block + 1) * BLOCK - 1),
        )

    def mail_mark(self) -> tuple[int, ...]:
        """What changes with every mailing, its conclusion, and every acknowledgement."""
        row = self.connection.execute(
            "SELECT (SELECT ifnull(max(id), 0) FROM mailings),"
            " (SELECT count(concluded_at) FROM mailings),"
            " (SELECT count(*) FROM acknowledged_manifests)"
        ).fetchone()
        return tuple(row)

    def troubles(self, after: int) -> tuple[int, dict[tuple[str, str, str], int]]:
        """The key of the last event, and how often attempts ended badly in those after a key.

        By event, stage and code, '' for none.
        """
        rows = self.connection.execute(
            "SELECT event, stage, ifnull(code, ''), count(*) FROM events"
            " WHERE id > ? AND event IN ('failed', 'held', 'interrupted') GROUP BY 1, 2, 3",
            (after,),
        )
        counts = {(event, stage, _text(code)): count for event, stage, code, count in rows}
        (last,) = self.connection.execute("SELECT ifnull(max(id), 0) FROM events").fetchone()
        return last, counts

    def products(self, night: NightId) -> tuple[ProductProof, ...]:
        """What has a packing receipt that has not ended, by name."""
        rows = self.connection.execute(
            "SELECT packed.path, packed.size, packed.sha256, packed.at,"
            " here.at, here.sha256, there.at, iif(there.has_ended, NULL, there.sha256)"
            " FROM (SELECT id FROM nights WHERE date = ? AND kind = ?) AS night"
            " JOIN packing_receipts AS packed ON packed.night_id = night.id"
            " LEFT JOIN receipts AS here ON here.night_id = night.id AND here.place = 'here'"
            " AND here.path = packed.path"
            " LEFT JOIN receipts AS there ON there.night_id = night.id"
            " AND there.place = 'archive' AND there.path = packed.path"
            " WHERE packed.ended_at IS NULL ORDER BY packed.path",
            (night.date, night.kind.value),
        )
        return tuple(ProductProof(_text(path), *rest) for path, *rest in rows)


def _text(path: str | bytes) -> str:
    return path.decode("utf-8", "surrogatepass") if isinstance(path, bytes) else path


@contextmanager
def read_fast_page(path: Path) -> Iterator[FastPage | None]:
    """One snapshot of the database, None unless it is there, ours and of this version."""
    with connect_fast(path) as connection:
        yield None if connection is None else FastPage(connection)
