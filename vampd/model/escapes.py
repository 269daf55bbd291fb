"""Listings with one file per line: names are escaped, so that a line stays one line."""

from __future__ import annotations

import re
from collections.abc import Mapping

LINE_ESCAPES = {"\\": "\\\\", "\n": "\\n", "\r": "\\r"}
# For listings whose lines have columns, separated by tabs.
CELL_ESCAPES = {**LINE_ESCAPES, "\t": "\\t"}
_ESCAPED = re.compile(r"\\(.?)", re.DOTALL)


def text_lines(text: str) -> list[str]:
    """The lines of a listing; only a line feed ends one, whatever a name or a reason contains."""
    return text.removesuffix("\n").split("\n") if text else []


def escape(text: str, escapes: Mapping[str, str]) -> str:
    """The text with every character in ``escapes`` replaced by its escape."""
    return "".join(escapes.get(letter, letter) for letter in text)


def unescape(text: str, escapes: Mapping[str, str]) -> str | None:
    """The text that `escape` was given; None if `escape` did not write this."""
    letters = {escaped[1]: letter for letter, escaped in escapes.items()}
    if any(escaped not in letters for escaped in _ESCAPED.findall(text)):
        return None
    return _ESCAPED.sub(lambda match: letters[match[1]], text)
