"""fpack, funpack and fitsio judge the Rice coding of all widths, with two releases of cfitsio."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import fitsio
import numpy as np
import pytest
from astropy.io import fits
from hypothesis import HealthCheck, given, settings

from tests.support.builders.framelists import framelist_of
from tests.support.builders.raw_cubes import raw_pixels, write_raw_cube
from tests.support.builders.tiles import Tile, special_tiles, tiles
from vampd.disk.pace import SteadyPace
from vampd.fits.products import pack_cube
from vampd.fits.rice import decode_tile, encode_tile

Tool = Callable[[str], str]

_SPECIAL = special_tiles()
_ON_DISK = {1: np.uint8, 2: np.int16, 4: np.int32}


def _heaps(packed: Path) -> list[list[bytes]]:
    """The tiles of each image."""
    with fits.open(packed, disable_image_compression=True) as hdus:
        assert {hdu.header["ZCMPTYPE"] for hdu in hdus[1:]} == {"RICE_1"}
        return [[row.tobytes() for row in hdu.data["COMPRESSED_DATA"]] for hdu in hdus[1:]]


def _image(pixels: Tile) -> np.ndarray:
    """The pixels as an image that FITS has: of one byte, only unsigned ones."""
    return pixels.view(_ON_DISK[pixels.itemsize])[np.newaxis]


def test_fpack_writes_the_same_tiles(tmp_path: Path, tool: Tool) -> None:
    plain, packed = tmp_path / "plain.fits", tmp_path / "plain.fits.fz"
    images = (fits.ImageHDU(_image(pixels)) for pixels in _SPECIAL.values())
    fits.HDUList([fits.PrimaryHDU(), *images]).writeto(plain)
    # A tile is a row, and each image is one row.
    subprocess.run([tool("fpack"), "-r", plain], check=True)
    for (name, pixels), theirs in zip(_SPECIAL.items(), _heaps(packed), strict=True):
        assert theirs == [encode_tile(pixels)], name
        decoded = decode_tile(theirs[0], pixels.size, pixels.dtype)
        np.testing.assert_array_equal(decoded, pixels, err_msg=name)


# fitsio declines tiles of fewer than 32 pixels.
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pixels=tiles().filter(lambda pixels: pixels.size >= 32))
def test_fitsio_writes_the_same_tiles_and_reads_them(tmp_path: Path, pixels: Tile) -> None:
    packed = tmp_path / "fitsio.fits.fz"
    image = _image(pixels)
    fitsio.write(packed, image, compress="rice", tile_dims=image.shape, clobber=True)
    ((theirs,),) = _heaps(packed)
    assert encode_tile(pixels) == theirs
    np.testing.assert_array_equal(decode_tile(theirs, pixels.size, pixels.dtype), pixels)


@pytest.mark.parametrize("shape", [(1, 1, 1), (3, 7, 9), (2, 16, 33), (5, 1, 32)], ids=str)
def test_fitsio_reads_every_product_whole_and_frame_by_frame(
    tmp_path: Path, shape: tuple[int, int, int]
) -> None:
    cube = write_raw_cube(tmp_path, pixels=raw_pixels(*shape))
    framelist = framelist_of([cube])
    (tmp_path / "vgen2").mkdir()
    packed, sidecar = tmp_path / framelist.packed_path, tmp_path / framelist.sidecar_path
    pack_cube(framelist, tmp_path, packed, sidecar, "full", SteadyPace())
    with fitsio.FITS(packed) as hdus:
        np.testing.assert_array_equal(hdus[1].read(), cube.pixels)
        np.testing.assert_array_equal(hdus[1][shape[0] - 1, :, :][0], cube.pixels[-1])
        assert hdus[1].read_header()["OBJECT"].strip() == "HD 1 o'clock"


@pytest.mark.parametrize("bits", range(17))
def test_funpack_restores_noise_of_any_depth(tmp_path: Path, tool: Tool, bits: int) -> None:
    noise = np.random.default_rng(bits).integers(0, 1 << bits, (2, 50, 37)).astype(np.uint16)
    cube = write_raw_cube(tmp_path, pixels=noise)
    framelist = framelist_of([cube])
    (tmp_path / "vgen2").mkdir()
    packed, sidecar = tmp_path / framelist.packed_path, tmp_path / framelist.sidecar_path
    pack_cube(framelist, tmp_path, packed, sidecar, "full", SteadyPace())
    restored = tmp_path / "restored.fits"
    subprocess.run([tool("funpack"), "-O", restored, packed], check=True)
    np.testing.assert_array_equal(fits.getdata(restored), noise)
