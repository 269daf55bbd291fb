"""A cube that the logger compressed: an empty primary HDU, and the image in a table behind it."""

from __future__ import annotations

from pathlib import Path

from vampd.errors import MalformedCube
from vampd.fits.headers import read_cards_at
from vampd.model.cubes import Cards
from vampd.model.escapes import shell_word

_MOST_AXES = 6  # of an image in words


def refuse_compressed(file_fd: int, cards: Cards, offset: int, path: Path) -> None:
    """MalformedCube ``not_a_cube`` for a cube that the logger compressed, with what it says."""
    if cards.integer("NAXIS") != 0:
        return
    try:
        table, _ = read_cards_at(file_fd, offset, path)
    except MalformedCube:
        return
    if not table.boolean("ZIMAGE"):
        return
    lengths = [
        table.integer(f"ZNAXIS{axis}") for axis in range(1, (table.integer("ZNAXIS") or 0) + 1)
    ]
    shape = " x ".join(map(str, lengths[:_MOST_AXES]))
    raise MalformedCube(
        "not_a_cube",
        f"expected a plain cube, found one that is tile-compressed ({table.string('ZCMPTYPE')},"
        f" {shape} pixels of {table.integer('ZBITPIX')} bits), as the logger writes it when its"
        f" compression is on: `vampctl unpack {shell_word(path.name)} -o DIR` makes a plain one,"
        " and in the place of this it is taken up",
    )
