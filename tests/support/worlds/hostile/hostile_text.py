"""Names and header values that a terminal would obey, a spreadsheet calculate, a shell expand."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from random import Random

from tests.support.builders.raw_cubes import (
    FIRST_ACQUISITION_US,
    raw_pixels,
    raw_timing,
    write_raw_cube,
)
from vampd.model.nights import Stream

_PIECES = (
    b"\x1b[2J\x1b[31m",
    b"\x1b]0;mine\x07",
    b"\x9b31m",
    b"\xc2\x9b31m",
    b"\r\n2025-11-06T00:00:00Z [info] night.safe",
    b"\n",
    b"\t",
    b"\x7f\x08\x08",
    b"\xff\xfe",
    "\u202egpj.\u2066".encode(),
    "\u200b\u200d\ufeff".encode(),
    "\u2028\u2029\x85".encode(),
    "\u3164\u00ad\u00a0".encode(),
    "\U000e0041\ue000".encode(),
    b"=cmd|' C'!A1",
    b"+1;=2",
    b"@sum(1)",
    b"$(id)`id`",
    b"' \" \\",
    b"\\n\\x1b",
    b"|",
    b"%s%n{0}",
    b"[red]x[/red]",
    b"$\\frac{$",
    b"-rf",
    b"#",
    "日本 é".encode(),
)
# As far as a card can hold them: it has one byte for a character.
_VALUES = tuple(piece.decode("latin-1") for piece in _PIECES)
_SPACING_US = 60_000_000


def hostile_names(random: Random, number: int) -> Iterator[str]:
    """So many different names without a suffix."""
    for serial in range(number):
        parts = random.sample(_PIECES, random.randint(1, 3))
        # A slash in it would make a folder.
        yield os.fsdecode(b"%d" % serial + b"".join(parts).replace(b"/", b""))


def hostile_values(random: Random, number: int) -> Iterator[str]:
    """So many values for the card OBJECT."""
    for _ in range(number):
        yield "".join(random.sample(_VALUES, 2))[:60].replace("'", "")


def write_hostile_night(folder: Path, number: int, seed: int) -> list[str]:
    """A night of so many small cubes with hostile names and targets; the names, with suffix.

    Every tenth lacks its timing file, and one has the name that a logger gives.
    """
    random = Random(seed)
    names = [f"{name}.fits" for name in hostile_names(random, number)]
    values = hostile_values(random, number)
    write_raw_cube(folder, Stream.VCAM1)
    for serial, (name, value) in enumerate(zip(names, values, strict=True), start=1):
        cube = write_raw_cube(
            folder,
            Stream(f"vcam{serial % 2 + 1}"),
            timing=raw_timing(2, FIRST_ACQUISITION_US + serial * _SPACING_US),
            pixels=raw_pixels(2, seed=serial),
            changes={"OBJECT": value, "EXTTRIG": False},
            name=name,
        )
        if serial % 10 == 0:
            cube.timing_path.unlink()
    return names
