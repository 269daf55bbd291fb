"""What the old tools left under the root: the rows of their logs, and their traces in a night."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from pathlib import Path

from vampd.disk.durable import names_in
from vampd.disk.reading import read_foreign_text
from vampd.engine.nights.night_listing import folder_of
from vampd.errors import DataError
from vampd.model.nights import (
    LOG_NAMES,
    Kind,
    NightId,
    StatusRow,
    Stream,
    find_traces,
    is_own_file,
    parse_old_log,
    rows_by_night,
)
from vampd.model.proofs import RECEIPTS_PATH

_GENERATION = re.compile(r"generation_[0-9]+\.json")


def read_old_logs(root: Path, kinds: Collection[Kind] = tuple(Kind)) -> dict[NightId, StatusRow]:
    """The row of each night in the old tools' logs, which lie where nights of these kinds do.

    A log that cannot be read speaks of no night: it must not keep any from being processed.
    """
    bases = [folder_of(root, kind) for kind in kinds]
    paths = (base / name for base in bases for name in LOG_NAMES)
    texts = [text for path in paths if (text := read_foreign_text(path)) is not None]
    return rows_by_night(row for text in texts for row in parse_old_log(text))


def old_tool_traces(
    root: Path, night: NightId, rows: Mapping[NightId, StatusRow] | None = None
) -> list[str]:
    """What the old tools left in or about a night; empty if it is ours to process.

    ``rows`` are those of their logs, if these were read already.
    """
    folder = root / night.folder
    row = (read_old_logs(root) if rows is None else rows).get(night)
    return find_traces(_names(folder), _products(folder), row)


def is_of_vampd(folder: Path) -> bool:
    """Whether vampd has synchronized the night of this folder."""
    return any(map(is_own_file, _products(folder)))


def _products(folder: Path) -> list[str]:
    """The names in vgen2, with the generations that its receipts list: one may be lost.

    A night of the old tools that vampd continued has receipts too, and no generation among them.
    """
    names = _names(folder / Stream.VGEN2)
    if any(map(is_own_file, names)) or Path(RECEIPTS_PATH).name not in names:
        return names
    return [*names, *_GENERATION.findall(read_foreign_text(folder / RECEIPTS_PATH) or "")]


def _names(folder: Path) -> list[str]:
    try:
        return names_in(folder)
    except (FileNotFoundError, NotADirectoryError, DataError):
        return []
