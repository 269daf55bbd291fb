"""What the page reads beside `fast_status`, by plain SQL too: marks, products, readings."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from vampd.model.nights import Kind, NightId
from vampd.store.fast_status import FastStatus, connect_fast


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

    def marks(self) -> list[tuple[Any, ...]]:
        """Of each night the key of its row, and all in it that decides how the night stands."""
        return self.connection.execute(
            "SELECT id, date, kind, stage, status, changed_at, note_code, safe_at, needs_person,"
            " manifests, manifest_sums FROM nights"
        ).fetchall()

    def mail_mark(self) -> tuple[int, ...]:
        """What changes with every mailing, its conclusion, and every acknowledgement."""
        row = self.connection.execute(
            "SELECT (SELECT count(*) FROM mailings),"
            " (SELECT count(concluded_at) FROM mailings),"
            " (SELECT count(*) FROM mailed_manifests),"
            " (SELECT count(*) FROM acknowledged_manifests)"
        ).fetchone()
        return tuple(row)

    def totals(self) -> dict[Kind, tuple[int, int]]:
        """Raw frames and bytes of all nights that are processed, of each kind that has any."""
        rows = self.connection.execute(
            "SELECT kind, sum(frames), sum(bytes) FROM nights"
            " WHERE processed_at IS NOT NULL GROUP BY kind"
        )
        return {Kind(kind): (frames, size) for kind, frames, size in rows}

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
