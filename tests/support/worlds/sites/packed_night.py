"""A night of two small cubes, and packing in it."""

from pathlib import Path

from tests.support.builders.raw_cubes import (
    WrittenCube,
    raw_pixels,
    raw_timing,
    write_raw_cube,
)
from vampd.disk.pace import SteadyPace
from vampd.fits.products import pack_cube
from vampd.model.cubes import Framelist
from vampd.model.proofs import PackingReceipt, Receipt, Verification
from vampd.ports import Pace


def pack(
    night: Path,
    framelist: Framelist,
    verify: Verification = "full",
    pace: Pace | None = None,
    proven: tuple[PackingReceipt, ...] = (),
) -> Receipt:
    (night / "vgen2").mkdir(exist_ok=True)
    return pack_cube(
        framelist,
        night,
        night / framelist.packed_path,
        night / framelist.sidecar_path,
        verify,
        pace or SteadyPace(),
        proven=proven,
    )


def product_path(night: Path, framelist: Framelist) -> Path:
    return night / framelist.packed_path


def two_cubes(night: Path) -> list[WrittenCube]:
    first = write_raw_cube(night, pixels=raw_pixels(9, seed=1))
    second = write_raw_cube(
        night,
        pixels=raw_pixels(5, seed=2),
        timing=raw_timing(5, first_us=int(first.timing.acquired_us[-1]) + 2_000),
    )
    return [first, second]
