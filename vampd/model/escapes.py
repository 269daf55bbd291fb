"""Text from outside in lines: of listings, which are read back, and of what people read.

Listings escape little and exactly, so that a line stays one line. What people read shows whatever a
terminal would obey, reorder or hide.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

LINE_ESCAPES = {"\\": "\\\\", "\n": "\\n", "\r": "\\r"}
# For listings whose lines have columns, separated by tabs.
CELL_ESCAPES = {**LINE_ESCAPES, "\t": "\\t"}
_ESCAPED = re.compile(r"\\(.?)", re.DOTALL)
# Printable by name, and yet nothing is seen of it: the default-ignorable code points of Unicode
# that `str.isprintable` passes, and the blank of braille.
_UNSEEN = (
    "\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180d\u180f\u2800\u3164\ufe00-\ufe0f\uffa0"
    "\U000e0100-\U000e01ef"
)
_IS_UNSEEN = re.compile(f"[{_UNSEEN}]")
_CELL_ESCAPE = re.compile(r"\\(x[0-9a-f]{2}|u[0-9a-f]{4}|U000[0-9a-f]{5}|U0010[0-9a-f]{4}|[\\tnr])")
_CELL = re.compile(rf"(?:[^\\]|{_CELL_ESCAPE.pattern})*", re.DOTALL)
_LETTERS = {escaped[1]: letter for letter, escaped in CELL_ESCAPES.items()}
_PLAIN_OCTETS = {octet: chr(octet) for octet in range(0x20, 0x7F) if chr(octet) not in "\\'"}
_SHORT = {"\t": "\\t", "\n": "\\n", "\r": "\\r"}


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


def escape_cell(text: str) -> str:
    """A cell of a listing that people open too: `CELL_ESCAPES`, and whatever `show` escapes."""
    return show(escape(text, CELL_ESCAPES))


def unescape_cell(cell: str) -> str | None:
    """The text that `escape_cell` was given; None if it did not write this."""
    if not _CELL.fullmatch(cell):
        return None
    return _CELL_ESCAPE.sub(
        lambda match: chr(int(match[1][1:], 16)) if match[1][1:] else _LETTERS[match[1]], cell
    )


def show(text: str) -> str:
    r"""The text on one line, for people: what is not seen as it is, is escaped.

    Control, bidi and invisible characters, and blanks other than the space, as ``\n``, ``\x1b`` or
    ``\u202e``; bytes that are not UTF-8 as ``\udcff``. Not to be read back: a backslash stays.
    """
    if text.isprintable() and not _IS_UNSEEN.search(text):
        return text
    return "".join(
        letter if letter.isprintable() and not _IS_UNSEEN.match(letter) else _shown(letter)
        for letter in text
    )


def shell_word(text: str) -> str:
    r"""The text as one word of bash, on one line and as it is: ``$'a\nb'`` where it must be."""
    if show(text) == text:
        import shlex  # slow to import, and `show` needs none of it

        return shlex.quote(text)
    octets = text.encode("utf-8", "surrogateescape")
    return "$'" + "".join(_PLAIN_OCTETS.get(octet, f"\\{octet:03o}") for octet in octets) + "'"


def show_lines(text: str) -> str:
    """The same for a text whose line feeds are its own."""
    return "\n".join(show(line) for line in text.split("\n"))


def _shown(letter: str) -> str:
    code = ord(letter)
    if letter in _SHORT:
        return _SHORT[letter]
    if code < 0x80:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
