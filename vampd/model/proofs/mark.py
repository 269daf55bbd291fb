"""The mark of a folder that vampd must recognize: a random identity in a small file there.

A path says little: an unmounted disk leaves its folder behind, and another disk may be mounted.
"""

from __future__ import annotations

import re
from enum import StrEnum

# Below the destination, or the root, itself: the nights lie beside it.
MARK_PATH = ".vampd/id"
MARK_BYTES = 16
# Enough to tell a mark from anything else.
LONGEST_MARK = 100


class Marked(StrEnum):
    """What a mark is of, as its file says."""

    ARCHIVE = "archive"
    ROOT = "root"


def format_mark(mark: str, marked: Marked) -> str:
    """The text of the file that holds this mark (32 hex digits)."""
    return f"vampd {marked} 1 {mark}\n"


def parse_mark(text: str, marked: Marked) -> str | None:
    """The mark in this text, None if it is not the text of such a mark."""
    match = re.fullmatch(rf"vampd {marked} 1 ([0-9a-f]{{32}})\n", text)
    return None if match is None else match[1]
