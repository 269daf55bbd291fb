"""Packs a small night in a process of its own, so that it can be traced and killed."""

import sys
from pathlib import Path

from tests.support.builders.framelists import framelist_of
from tests.support.builders.raw_cubes import WrittenCube, raw_pixels, raw_timing, write_raw_cube
from vampd.disk.durable import remove_leftovers
from vampd.disk.pace import SteadyPace
from vampd.fits.products import pack_cube
from vampd.model.cubes import Framelist, format_framelist, parse_framelist

FRAMELIST = "night.framelist"


def prepare(folder: Path) -> tuple[list[WrittenCube], Framelist]:
    """A night of two cubes in this folder, and a framelist of both beside it."""
    night = folder / "20251106"
    first = write_raw_cube(night, pixels=raw_pixels(6, seed=1))
    later_us = int(first.timing.acquired_us[-1]) + 2_000
    second = write_raw_cube(
        night, pixels=raw_pixels(5, seed=2), timing=raw_timing(5, first_us=later_us)
    )
    framelist = framelist_of([first, second])
    (night / "vgen2").mkdir()
    (folder / FRAMELIST).write_text(format_framelist(framelist), newline="")
    return [first, second], framelist


def command(folder: Path) -> list[str]:
    """What to run for `pack` in a process."""
    return [sys.executable, "-m", "tests.support.tools.packing", str(folder)]


def pack(folder: Path) -> None:
    """Pack the prepared framelist, as a worker that begins an attempt would."""
    night = folder / "20251106"
    remove_leftovers(night / "vgen2")
    framelist = parse_framelist((folder / FRAMELIST).read_text())
    packed, sidecar = night / framelist.packed_path, night / framelist.sidecar_path
    pack_cube(framelist, night, packed, sidecar, "full", SteadyPace())


if __name__ == "__main__":
    pack(Path(sys.argv[1]))
