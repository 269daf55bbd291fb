"""A night of the old tools' plain products: packed by hand, and left alone by the daemon."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
from astropy.io import fits

from tests.support.builders.products import verify_fits
from tests.support.builders.raw_cubes import raw_pixels, raw_timing, timing_text
from tests.support.daemon.running import run_until_idle, vampctl
from tests.support.daemon.site import make_site
from tests.support.daemon.state import product_tree, record_of
from vampd.model.nights import Kind, NightId, Status

Tool = Callable[[str], str]
NIGHT = NightId("20251106", Kind.ARCHIVE)
PIXELS = raw_pixels(5, 16, 24)


def _old_night(folder: Path) -> list[Path]:
    """What their chain leaves when it ends before fpack."""
    for name in ("vcam1", "vcam1_hlinkbak", "vgen2"):
        (folder / name).mkdir(parents=True)
    cubes = [folder / "vgen2" / f"VMPA0001234{digit}.fits" for digit in range(3)]
    for cube in cubes:
        header = fits.Header([("FRAMEID", cube.stem), ("U_FLC", "A"), ("EXPTIME", 0.0018)])
        fits.PrimaryHDU(PIXELS, header).writeto(cube, checksum=True)
        cube.with_suffix(".txt").write_text(timing_text(raw_timing(len(PIXELS))))
    changes = "".join(f"vsync_{n}.fits\t{cube.name}\n" for n, cube in enumerate(cubes))
    (folder / "vgen2" / "name_changes.txt").write_text(changes)
    return cubes


def test_the_old_tools_plain_products_are_packed_by_hand_and_nothing_else_changes(
    tmp_path: Path, tool: Tool
) -> None:
    site = make_site(tmp_path / "site")
    cubes = _old_night(site.folder(NIGHT))
    contents = {cube: cube.read_bytes() for cube in cubes}
    before = product_tree(site.folder(NIGHT))
    done = vampctl(site, "pack", *map(str, cubes))
    assert done.returncode == 0, done.stderr
    assert "total: 3 files, 15 frames" in done.stdout
    assert not site.database.exists()  # by hand, without daemon and database
    for cube, content in contents.items():
        assert cube.read_bytes() == content
        packed = cube.with_name(f"{cube.name}.fz")
        verify_fits(tool, packed)
        restored = tmp_path / cube.name
        subprocess.run([tool("funpack"), "-O", restored, packed], check=True)
        assert restored.read_bytes() == content
        assert fits.getval(packed, "FRAMEID", 1) == cube.stem
        np.testing.assert_array_equal(fits.getdata(packed, 1), PIXELS)
    packed_tree = product_tree(site.folder(NIGHT))
    new = {f"vgen2/{cube.name}.fz" for cube in cubes}
    assert {path: what for path, what in packed_tree.items() if path not in new} == before

    run_until_idle(site)
    assert product_tree(site.folder(NIGHT)) == packed_tree
    record = record_of(site, NIGHT)
    assert (record.state.status, record.safe_at) == (Status.LEGACY, None)
