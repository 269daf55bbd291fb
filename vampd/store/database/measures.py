"""What is kept over time, and the sums of the ledger: one plain SQL for the page and the commands.

`StoredSamples` is ports.Samples.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vampd.model.frame_ids import USED_BY_OTHERS, FrameId, NightCount, NumberRange
from vampd.model.measures import (
    FULL_FOR_S,
    KEPT_FOR_S,
    AttemptSum,
    Proofs,
    RawTaken,
    RefusedGrant,
    Sample,
    Sampled,
)
from vampd.model.nights import Kind, NightId

if TYPE_CHECKING:
    from vampd.store.database.connection import Store

_Execute = Callable[[str, tuple[Any, ...]], Iterable[Sequence[Any]]]


@dataclass(frozen=True)
class Measures:
    """Asks a database; ``execute`` gives the rows of a query."""

    execute: _Execute

    def samples(self, what: Sampled, since: float) -> tuple[Sample, ...]:
        """The samples of a thing from a time on, oldest first."""
        rows = self.execute(
            "SELECT at, value FROM samples WHERE what = ? AND at >= ? ORDER BY at",
            (what.value, since),
        )
        return tuple(Sample(float(at), float(value)) for at, value in rows)

    def last(self, what: Sampled) -> Sample | None:
        """The last sample of a thing, None before the first."""
        query = "SELECT at, value FROM samples WHERE what = ? ORDER BY at DESC LIMIT 1"
        rows = (Sample(float(at), float(value)) for at, value in self.execute(query, (what.value,)))
        return next(rows, None)

    def attempts(self, stage: str, most: int) -> tuple[AttemptSum, ...]:
        """The last attempts at a stage that have ended, the newest first."""
        rows = self.execute(
            "SELECT date, kind, sums.stage, attempt, began_at, ended_at, outcome, sums.code,"
            " sums.files, sums.frames, sums.bytes FROM attempt_sums AS sums"
            " JOIN nights ON nights.id = sums.night_id WHERE sums.stage = ?"
            " ORDER BY ended_at DESC, sums.id DESC LIMIT ?",
            (stage, most),
        )
        return tuple(
            AttemptSum(NightId(date, Kind(kind)), found, number, began, ended, outcome, _text(code),
                       *rest)
            for date, kind, found, number, began, ended, outcome, code, *rest in rows
        )  # fmt: skip

    def granted(self) -> tuple[NightCount, ...]:
        """The frame IDs of each night that has any, the newest night first."""
        rows = self.execute(
            "SELECT date, kind, min(number), max(number), count(*), count(identity), sum(applied)"
            " FROM frame_ids WHERE request_id NOT IN"
            " (SELECT id FROM frame_id_requests WHERE refused = ?)"
            " GROUP BY date, kind ORDER BY date DESC, kind",
            (USED_BY_OTHERS,),
        )
        return tuple(
            NightCount(NightId(date, Kind(kind)), FrameId(first), FrameId(last), *counts)
            for date, kind, first, last, *counts in rows
        )

    def raw_by_kind(self) -> Mapping[Kind, RawTaken]:
        """What the raw files take that are left, by kind of night."""
        rows = self.execute(
            "SELECT kind, count(*), sum(bytes), sum(iif(safe_at IS NULL, 0, bytes)) FROM nights"
            " WHERE kept_cubes > 0 OR safe_at IS NULL GROUP BY kind ORDER BY kind",
            (),
        )
        return {Kind(kind): RawTaken(*rest) for kind, *rest in rows}

    def proofs(self) -> Mapping[Kind, Proofs]:
        """How many nights are safe, of those that are no nights of the old tools."""
        rows = self.execute(
            "SELECT kind, count(safe_at), count(*) - count(safe_at), min(safe_at), max(safe_at)"
            " FROM nights WHERE status != 'legacy' GROUP BY kind ORDER BY kind",
            (),
        )
        return {Kind(kind): Proofs(*rest) for kind, *rest in rows}

    def highest(self) -> Mapping[NumberRange, FrameId]:
        """The highest ID on record of each range that has any."""
        found: dict[NumberRange, FrameId] = {}
        for numbers in NumberRange:
            rows = self.execute(
                "SELECT max(number) FROM frame_ids WHERE number BETWEEN ? AND ?",
                (numbers.first, numbers.last),
            )
            found.update((numbers, FrameId(value)) for (value,) in rows if value is not None)
        return found

    def gaps(self) -> tuple[tuple[FrameId, FrameId], ...]:
        """First and last of the numbers between granted ones that are not on record."""
        found: list[Sequence[Any]] = []
        for numbers in NumberRange:
            found += self.execute(
                "SELECT before + 1, number - 1 FROM"
                " (SELECT number, lag(number) OVER (ORDER BY number) AS before FROM frame_ids"
                " WHERE number BETWEEN ? AND ?) WHERE number > before + 1 ORDER BY number",
                (numbers.first, numbers.last),
            )
        return tuple((FrameId(first), FrameId(last)) for first, last in found)

    def refused(self) -> tuple[RefusedGrant, ...]:
        """The requests whose IDs are not used, the newest first."""
        rows = self.execute(
            "SELECT id, date, kind, wanted,"
            " (SELECT count(*) FROM frame_ids WHERE request_id = asked.id), refused"
            " FROM frame_id_requests AS asked WHERE refused IS NOT NULL ORDER BY id DESC",
            (),
        )
        return tuple(
            RefusedGrant(number, NightId(date, Kind(kind)), wanted, granted, _text(why) or "")
            for number, date, kind, wanted, granted, why in rows
        )


def measures_of(store: Store) -> Measures:
    """What the store's own database says."""

    def execute(query: str, values: tuple[Any, ...]) -> Iterable[Sequence[Any]]:
        with store.read() as connection:
            return connection.exec_driver_sql(query, values).fetchall()

    return Measures(execute)


# What a database without any says.
NO_MEASURES = Measures(lambda *_: [])


class StoredSamples:
    """Takes samples into a database, and thins them there."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def keep(self, values: Mapping[Sampled, float], at: float) -> None:
        with self._store.write() as connection:
            for what, value in values.items():
                connection.exec_driver_sql(
                    "INSERT OR REPLACE INTO samples (what, at, value) VALUES (?, ?, ?)",
                    (what.value, at, value),
                )
            connection.exec_driver_sql("DELETE FROM samples WHERE at < ?", (at - KEPT_FOR_S,))
            # Of each older day the last one stays.
            connection.exec_driver_sql(
                "DELETE FROM samples WHERE at < :old AND EXISTS (SELECT 1 FROM samples AS later"
                " WHERE later.what = samples.what AND later.at > samples.at"
                " AND CAST(later.at / 86400 AS INTEGER) = CAST(samples.at / 86400 AS INTEGER))",
                {"old": at - FULL_FOR_S},
            )


def _text(value: str | bytes | None) -> str | None:
    return value.decode("utf-8", "surrogatepass") if isinstance(value, bytes) else value
