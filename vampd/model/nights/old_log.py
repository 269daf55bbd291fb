"""The old tools' logs: the rows of the established status tables, and what they claim of a night.

ARCHIVE_LOG.csv and PROCESSING_LOG.csv were written by pandas and awk at once, without a lock, and
edited by hand and in spreadsheets: each line is read by itself, and a flag may be spelled in other
ways. A flag says what the old tools did. None of them is a proof.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import PurePath

from vampd.model.nights.night import ARCHIVE_FOLDER, Kind, NightId, parse_night_date

LOG_NAMES = ("ARCHIVE_LOG.csv", "PROCESSING_LOG.csv")
TITLES = (
    "scexao5_path",
    "utc_date",
    "processed",
    "processed_timestamp",
    "transferred_to_scexao6",
    "transferred_timestamp",
    "safe_on_scexao6",
    "safe_timestamp",
)
# As pandas, awk and spreadsheets write it.
_TRUE = frozenset({"true", "1", "1.0", "yes", "y", "t"})
# Spreadsheets have others where a comma is that of decimals.
_SEPARATORS = (",", ";", "\t")
_MOMENT = re.compile(r"([0-9]{4}-[0-9][0-9]-[0-9][0-9])[T ]([0-9][0-9]:[0-9][0-9]:[0-9][0-9])")


@dataclass(frozen=True)
class StageMark:
    """A flag of a night and, if known, since when (``2025-11-07T01:51:53``)."""

    is_set: bool = False
    since: str = ""

    @classmethod
    def at(cls, time_s: float | None) -> StageMark:
        """Set at this time (unix seconds), or not at all."""
        if time_s is None:
            return cls()
        return cls(
            is_set=True, since=datetime.fromtimestamp(time_s, UTC).strftime("%Y-%m-%dT%H:%M:%S")
        )


@dataclass(frozen=True)
class StatusRow:
    """One night's row; the times are UT, but that of ``safe`` in the old logs is local."""

    path: str
    night: NightId
    processed: StageMark = StageMark()
    transferred: StageMark = StageMark()
    safe: StageMark = StageMark()

    @property
    def marks(self) -> tuple[StageMark, StageMark, StageMark]:
        """Its flags, in the order of the columns."""
        return self.processed, self.transferred, self.safe

    @property
    def is_trace(self) -> bool:
        """Whether it says that something was done; a row for every folder says only False."""
        return any(mark.is_set for mark in self.marks)

    @property
    def cells(self) -> tuple[str, ...]:
        """The cells, as `TITLES` name them."""
        flags = [cell for mark in self.marks for cell in (str(mark.is_set), mark.since)]
        return (self.path, self.night.day.isoformat(), *flags)


def parse_old_log(text: str) -> Iterator[StatusRow]:
    """The rows of an old tools' log; lines without a night are skipped.

    A malformed time counts as unknown.
    """
    for row in _rows(text.splitlines()):
        path = (row.get("scexao5_path") or "").strip()
        night = _night_at(PurePath(path))
        if night is not None:
            yield StatusRow(
                path,
                night,
                _mark(row, "processed", "processed_timestamp"),
                _mark(row, "transferred_to_scexao6", "transferred_timestamp"),
                _mark(row, "safe_on_scexao6", "safe_timestamp"),
            )


def rows_by_night(rows: Iterable[StatusRow]) -> dict[NightId, StatusRow]:
    """One row per night: of those that occur twice, each flag that any row sets is set.

    Writers without a lock repeat rows. What was done once was done, and must not be done again.
    """
    found: dict[NightId, StatusRow] = {}
    for row in rows:
        before = found.get(row.night, row)
        marks = [
            new if new.is_set else old for old, new in zip(before.marks, row.marks, strict=True)
        ]
        found[row.night] = StatusRow(row.path, row.night, *marks)
    return found


def _rows(lines: list[str]) -> Iterator[dict[str, str]]:
    """Each line by itself: an unbalanced quote must not swallow the rows behind it."""
    titles, separator = list(TITLES), _SEPARATORS[0]
    for line in lines:
        if TITLES[0] in line:
            separator = max(_SEPARATORS, key=line.count)
        try:
            cells = next(csv.reader([line], delimiter=separator), [])
        except csv.Error:
            continue
        # A spreadsheet may put a byte order mark before the first title.
        names = [cell.strip().lstrip("\ufeff") for cell in cells]
        if TITLES[0] in names:
            titles = names
        elif cells:
            yield dict(zip(titles, cells, strict=False))


def _night_at(path: PurePath) -> NightId | None:
    if parse_night_date(path.name) is None:
        return None
    kind = Kind.ARCHIVE if path.parent.name == ARCHIVE_FOLDER else Kind.ENGINEERING
    return NightId(path.name, kind)


def _mark(row: dict[str, str], flag: str, since: str) -> StageMark:
    # A truncated row has None in its last columns.
    is_set = (row.get(flag) or "").strip().casefold() in _TRUE
    match = _MOMENT.match((row.get(since) or "").strip())
    return StageMark(is_set, f"{match[1]}T{match[2]}" if match and is_set else "")
