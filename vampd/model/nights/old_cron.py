"""The old tools' cron, where it still lives: what it would do next, and to which nights.

Their processor takes every row of the logs that is not processed, and every folder without a row,
whosesoever nights they are. Their deleter removes `vgen2` a day after a row became safe, and the
copies of raw a month after the night, without asking whether the mark is older than a restore.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from vampd.model.nights.night import NightId
from vampd.model.nights.old_log import StatusRow

MARKS_NAME = "MARKED_FOR_DELETION.csv"
# Runs are daily; one may have been missed.
_LIVES_S = 2 * 86_400.0
_JOB = re.compile(r"scxkw-|vamp-(?:archive|process)-processor|(?:archive|process)-cronjobs")
_LISTED = 3


@dataclass(frozen=True)
class CronPlan:
    """What the old cron would do: nights that it would process, and paths that it would delete."""

    takes: tuple[NightId, ...]
    # Each with the time from which it may, as the mark says, '' without a mark.
    deletes: tuple[tuple[str, str], ...]

    def describe(self) -> str:
        """In one sentence; '' for nothing."""
        took = [f"{night.date} {night.kind}" for night in self.takes]
        gone = [f"{path} ({after or 'a day after it is marked'})" for path, after in self.deletes]
        parts = (("take raw of", took), ("delete", gone))
        return " and ".join(f"{verb} {_listed(names)}" for verb, names in parts if names)


def is_alive(written_at: Collection[float], now: float) -> bool:
    """Whether a log of its runs was written lately; unix seconds."""
    return any(now - at < _LIVES_S for at in written_at)


def is_job(line: str) -> bool:
    """Whether a line of a crontab starts the old tools."""
    return not line.lstrip().startswith("#") and _JOB.search(line) is not None


def parse_marks(text: str) -> dict[str, str]:
    """When each path of MARKED_FOR_DELETION.csv may be deleted: ``scexao5_path,delete_after``."""
    marks = {}
    for line in text.splitlines():
        try:
            path, after, *_ = next(csv.reader([line]), [])
        except (csv.Error, ValueError):
            continue
        if path.startswith("/"):
            marks[path.rstrip("/")] = after.strip()
    return marks


def plan_cron(
    folders: Mapping[NightId, Collection[str]],
    rows: Mapping[NightId, StatusRow],
    marks: Mapping[str, str],
) -> CronPlan:
    """What it would do next; ``folders`` are the names in each night's folder below the root."""
    takes = tuple(
        night
        for night in sorted(folders)
        if (row := rows.get(night)) is None or not row.processed.is_set
    )
    deletes = {}
    for path, after in marks.items():
        for night, names in folders.items():
            below = path.rpartition(f"/{night.folder.as_posix()}/")[2]
            if below != path and below in names and _is_of(path, night):
                deletes[f"{night.folder.as_posix()}/{below}"] = after
    for night, row in rows.items():
        path = f"{night.folder.as_posix()}/vgen2"
        if row.safe.is_set and "vgen2" in folders.get(night, ()):
            deletes.setdefault(path, "")
    return CronPlan(takes, tuple(sorted(deletes.items())))


def _is_of(path: str, night: NightId) -> bool:
    """Whether a path of another root is of a night of this kind."""
    return (f"/{night.folder.parts[0]}/" in path) and (
        ("ARCHIVED_DATA" in path) is (len(night.folder.parts) > 1)
    )


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _LISTED:,} more" if len(names) > _LISTED else ""
    return f"{', '.join(names[:_LISTED])}{more}"
