"""A night that the old tools left with products of fpack's: packed, plain, or both."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Collection
from pathlib import Path

import numpy as np
from astropy.io import fits

from tests.support.builders.raw_cubes import raw_pixels, raw_timing, timing_text

PIXELS = raw_pixels(4, 8, 12)
SECTIONS = (
    "Cleaning up folder",
    "Fixing headers",
    "Assigning frame IDS",
    "Compressing with fpack",
    "Preparing manifest",
    "Syncing to scexao6",
)


def make_old_products(
    folder: Path,
    *,
    packed: Collection[int] = (),
    plain: Collection[int] = (),
    last: str = "Compressing with fpack",
    names: str = "VMPA0042{:04d}",
) -> list[str]:
    """Products by number; returns their names. ``last`` is where the process log ends."""
    vgen2, raw = folder / "vgen2", folder / "vcam1_hlinkbak"
    for made in (vgen2, raw):
        made.mkdir(parents=True)
    (raw / "vcam1_05:00:00.000000000.fits").write_bytes(b"raw")
    products = [names.format(number) for number in sorted({*packed, *plain})]
    for position, name in enumerate(products):
        cube = vgen2 / f"{name}.fits"
        pixels = np.roll(PIXELS, position, axis=2)
        header = fits.Header([("FRAMEID", name), ("U_FLC", "A")])
        if name.startswith("VMPA"):
            header["EXP-ID"] = name.replace("VMPA", "VMPE")
        else:
            del header["FRAMEID"]
        fits.PrimaryHDU(pixels, header).writeto(cube, checksum=True)
        cube.with_suffix(".txt").write_text(timing_text(raw_timing(len(PIXELS))))
    for number in packed:
        cube = vgen2 / f"{names.format(number)}.fits"
        # As the old tools call it; without -D the plain cube stays, as when they died.
        delete = [] if number in plain else ["-D", "-Y"]
        subprocess.run(["fpack", "-r", *delete, str(cube)], check=True, capture_output=True)
    if names.startswith("VMPA"):
        changes = (f"vsync_05:00:0{n}.fits\t{name}.fits\n" for n, name in enumerate(products))
        (vgen2 / "name_changes.txt").write_text("".join(changes))
    log = SECTIONS[: SECTIONS.index(last) + 1]
    (folder / f"{folder.name}_process.log").write_text("".join(f"{one}\n" for one in log))
    return products


def write_old_manifest(folder: Path, names: Collection[str]) -> None:
    """The manifest that the old tools write of these products."""
    lines = (
        f"{name}|/mnt/tier1/2_ARCHIVED_DATA/{folder.name}/vgen2/{name}.fits.fz"
        f"|{(folder / 'vgen2' / f'{name}.fits.fz').stat().st_size}\r\n"
        for name in names
    )
    (folder / f"manifest_VMP_{folder.name}.csv").write_text("".join(lines), newline="")


def copy_to_archive(folder: Path, copy: Path) -> None:
    """What their rsync sends of it."""
    shutil.copytree(folder / "vgen2", copy / "vgen2")
