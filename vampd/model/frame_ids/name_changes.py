"""``vgen2/name_changes.txt``: which product got which frame ID, one line ``old<TAB>new`` each.

In the form of the old tools: names of plain cubes, in the order of the IDs, so that late cubes are
appended.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from vampd.errors import DataError
from vampd.model.frame_ids.frame_id import FrameId

NAME_CHANGES = "name_changes.txt"
_SUFFIX = ".fits"


@dataclass(frozen=True)
class NameChange:
    """A product's stem before it got its ID, and the ID."""

    old: str
    frame_id: FrameId


def format_name_changes(changes: Iterable[NameChange]) -> str:
    """The file's text, a function of the changes alone."""
    ordered = sorted(changes, key=lambda change: (change.frame_id, change.old))
    return "".join(f"{one.old}{_SUFFIX}\t{one.frame_id}{_SUFFIX}\n" for one in ordered)


def parse_name_changes(text: str) -> tuple[NameChange, ...]:
    """The changes in a file; DataError ``name_changes_damaged`` names a malformed line.

    Line ends may be CRLF, and names those of packed files.
    """
    changes = []
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        old, tab, new = line.partition("\t")
        try:
            if not tab or not old.strip():
                raise ValueError("not two names with a tab between")
            changes.append(NameChange(_stem(old), FrameId.parse(_stem(new))))
        except ValueError as error:
            raise DataError(
                "name_changes_damaged",
                f"line {number}: expected 'old<TAB>VMPA00012345.fits', found {line[:80]!r}"
                f" ({error})",
            ) from error
    return tuple(changes)


def _stem(name: str) -> str:
    return name.strip().removesuffix(".fz").removesuffix(_SUFFIX)
