"""old_products.tsv: the products of the old tools that vampd took over, and who packed them.

A header line, then one line per product, sorted by name, columns separated by tabs: the name
without suffixes, and ``packed`` if the old tools packed it, ``plain`` if vampd did; ``lost`` if a
person gave it up.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from vampd.errors import DataError
from vampd.model.escapes import CELL_ESCAPES, escape, text_lines, unescape

_COLUMNS = "product\tfound"


class OldProduct(StrEnum):
    """How a product of the old tools was found, or that it is no more."""

    PACKED = "packed"
    PLAIN = "plain"
    LOST = "lost"


def format_old_products(found: Mapping[str, OldProduct]) -> str:
    """The text of the listing, of the products by name."""
    rows = [f"{escape(name, CELL_ESCAPES)}\t{found[name]}" for name in sorted(found)]
    return "".join(f"{line}\n" for line in (_COLUMNS, *rows))


def parse_old_products(text: str) -> dict[str, OldProduct]:
    """The products that were found, by name; DataError ``old_products_damaged``."""
    title, *lines = text_lines(text) or [""]
    found = {}
    for number, line in enumerate(lines, start=2):
        name, _, word = line.partition("\t")
        known = unescape(name, CELL_ESCAPES)
        if not known:
            raise _damaged(number, line)
        try:
            found[known] = OldProduct(word)
        except ValueError as error:
            raise _damaged(number, line) from error
    if title != _COLUMNS:
        raise _damaged(1, title)
    return found


def _damaged(number: int, line: str) -> DataError:
    return DataError(
        "old_products_damaged",
        f"line {number} of vgen2/old_products.tsv names no product of the old tools:"
        f" {line[:120]!r}; put the right text in its place, or, if each product is there, move it"
        " out of the folder, and `vampctl retry NIGHT` lists them again",
    )
