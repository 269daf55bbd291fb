"""The two status tables, archive and engineering, with the established columns.

For nights that vampd has processed, its own records are shown. For any other night the rows of the
old tools' logs are passed on, so that the table covers the years before vampd as well.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import PurePath

from vampd.model.nights import ARCHIVE_FOLDER, Kind, NightId, parse_night_date

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
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")


@dataclass(frozen=True)
class StageMark:
    """A flag of a night and, if known, since when (``2025-11-07T01:51:53``, UT)."""

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
    """One night's row."""

    path: str
    night: NightId
    processed: StageMark = StageMark()
    transferred: StageMark = StageMark()
    safe: StageMark = StageMark()

    @property
    def cells(self) -> tuple[str, ...]:
        """The cells, as `TITLES` name them."""
        marks = (self.processed, self.transferred, self.safe)
        flags = [cell for mark in marks for cell in (str(mark.is_set), mark.since)]
        return (self.path, self.night.day.isoformat(), *flags)


def parse_old_log(text: str) -> Iterator[StatusRow]:
    """The rows of an old tools' log; lines without a night are skipped.

    A malformed time counts as unknown, and of a night that occurs twice the last row counts.
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


def merge_rows(own: Iterable[StatusRow], old: Iterable[StatusRow]) -> tuple[StatusRow, ...]:
    """One row per night, oldest first: ours where we have processed it, else the old tools'."""
    rows = {row.night: row for row in old}
    for row in own:
        if row.processed.is_set or row.night not in rows:
            rows[row.night] = row
    return tuple(rows[night] for night in sorted(rows))


def _rows(lines: list[str]) -> Iterator[dict[str, str]]:
    """Each line by itself: an unbalanced quote must not swallow the rows behind it."""
    titles: list[str] = []
    for line in lines:
        try:
            cells = next(csv.reader([line]), [])
        except csv.Error:
            continue
        if not titles:
            titles = cells
        elif cells:
            yield dict(zip(titles, cells, strict=False))


def _night_at(path: PurePath) -> NightId | None:
    if parse_night_date(path.name) is None:
        return None
    kind = Kind.ARCHIVE if path.parent.name == ARCHIVE_FOLDER else Kind.ENGINEERING
    return NightId(path.name, kind)


def _mark(row: dict[str, str], flag: str, since: str) -> StageMark:
    # A truncated row has None in its last columns.
    is_set = (row.get(flag) or "").strip() == "True"
    match = _MOMENT.match((row.get(since) or "").strip())
    return StageMark(is_set, match[0] if match and is_set else "")
