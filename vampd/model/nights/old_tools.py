"""Traces of the old tools: folders that they touched are left alone.

They delete timing files, edit headers in place and keep hard links under other names. vampd does
not touch such a night until someone adopts or restores it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from vampd.model.nights.old_log import StatusRow

_LOG_TRACE = "a row in the old tools' log"

_FOLDERS = re.compile(r"vcam[12]_hlinkbak|vsync|vsolo[0-9]*")
_OWN = re.compile(r"generation_[0-9]+\.json")
_PLAIN_PRODUCT = re.compile(r"VMP.*\.fits")
_PACKED_PRODUCT = re.compile(r"VMP.*\.fits\.fz")
# What is left of a night once its products were deleted, or its folder was restored.
_LEFT_FILE = re.compile(r"[0-9]{8}_process\.log|manifest_VMP_[0-9]{8}\.csv")


def find_traces(
    night_entries: Iterable[str], vgen2_entries: Iterable[str], row: StatusRow | None
) -> list[str]:
    """What the old tools left in a night, in words; empty if the night is ours.

    ``night_entries`` and ``vgen2_entries`` are names, of lost generations too; ``row`` is the
    night's in their log.
    """
    entries, products = set(night_entries), set(vgen2_entries)
    ours = any(map(is_own_file, products))
    traces = [f"folder {name}" for name in sorted(entries) if is_old_folder(name)]
    traces += [f"vgen2/{name}" for name in sorted(products) if _PLAIN_PRODUCT.fullmatch(name)][:3]
    if not ours:
        # vampd makes these as well, but never before its first generation.
        traces += ["folder vbad"] if "vbad" in entries else []
        traces += [name for name in sorted(entries) if _is_left(name, entries)]
        foreign = [n for n in sorted(products) if _PACKED_PRODUCT.fullmatch(n)]
        traces += [f"vgen2/{name}" for name in foreign[:3]]
        traces += ["vgen2/name_changes.txt"] if "name_changes.txt" in products else []
        # Beside a generation it is a person's, so that they leave vampd's night alone: what they
        # process themselves has other traces too.
        traces += [_LOG_TRACE] if row is not None and row.is_trace else []
    return traces


def is_own_file(name: str) -> bool:
    """Whether only vampd makes a file of that name in vgen2, of a night that it synchronized."""
    return _OWN.fullmatch(name) is not None


def is_old_folder(name: str) -> bool:
    """Whether the old tools make a folder of that name in a night."""
    return _FOLDERS.fullmatch(name) is not None


def is_lasting(trace: str) -> bool:
    """Whether this trace stays when the folder is brought back to raw."""
    return trace == _LOG_TRACE or _LEFT_FILE.fullmatch(trace) is not None


def _is_left(name: str, entries: set[str]) -> bool:
    # vampd writes the digests first, so that its own manifests are never without them.
    own = name.endswith(".csv") and name.replace(".csv", ".sha256") in entries
    return _LEFT_FILE.fullmatch(name) is not None and not own
