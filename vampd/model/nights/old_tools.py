"""Traces of the old tools: folders that they touched are left alone.

They delete timing files, edit headers in place and keep hard links under other names. vampd does
not touch such a night until someone adopts or restores it.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable

from vampd.model.nights.night import NightId

# The trace that no restored folder loses.
LOG_TRACE = "a row in the old tools' log"

_FOLDERS = re.compile(r"vcam[12]_hlinkbak|vsync|vsolo[0-9]*")
_OWN_GENERATION = re.compile(r"generation_[0-9]+\.json")
_PLAIN_PRODUCT = re.compile(r"VMP.*\.fits")
_PACKED_PRODUCT = re.compile(r"VMP.*\.fits\.fz")


def find_traces(
    night_entries: Iterable[str], vgen2_entries: Iterable[str], logs: Iterable[str], night: NightId
) -> list[str]:
    """What the old tools left in a night, in words; empty if the night is ours.

    ``night_entries`` and ``vgen2_entries`` are names, ``logs`` the texts of their CSV logs.
    """
    entries, products = set(night_entries), set(vgen2_entries)
    ours = any(_OWN_GENERATION.fullmatch(name) for name in products)
    traces = [f"folder {name}" for name in sorted(entries) if _FOLDERS.fullmatch(name)]
    traces += [f"vgen2/{name}" for name in sorted(products) if _PLAIN_PRODUCT.fullmatch(name)][:3]
    if not ours:
        # vampd makes these as well, but never before its first generation.
        traces += ["folder vbad"] if "vbad" in entries else []
        foreign = [n for n in sorted(products) if _PACKED_PRODUCT.fullmatch(n)]
        traces += [f"vgen2/{name}" for name in foreign[:3]]
        traces += ["vgen2/name_changes.txt"] if "name_changes.txt" in products else []
    if any(_is_logged(log, night) for log in logs):
        traces.append(LOG_TRACE)
    return traces


def _is_logged(log: str, night: NightId) -> bool:
    """Whether the first column of a row is the path of this night's folder.

    Each line by itself: an unbalanced quote must not hide the rows behind it.
    """
    ending = f"/{night.folder.as_posix()}"
    lines = [line for line in log.splitlines() if night.date in line]
    paths = [row[0].strip().rstrip("/") for line in lines for row in _rows(line) if row]
    if len(night.folder.parts) == 1:
        return any(path.endswith(ending) and "ARCHIVED_DATA" not in path for path in paths)
    return any(path.endswith(ending) for path in paths)


def _rows(line: str) -> list[list[str]]:
    try:
        return list(csv.reader([line]))
    except csv.Error:
        return []
