"""The community's own tools judge packed products.

funpack, fpack, imcopy, fitsverify, astropy, fitsio.
"""

import subprocess
from collections.abc import Callable
from pathlib import Path

import fitsio
import numpy as np
import pytest
from astropy.io import fits

from tests.conftest import REAL_TELEMETRY
from tests.support.builders.framelists import framelist_of
from tests.support.builders.raw_cubes import (
    UNDEFINED_CARD,
    Pixels,
    raw_cards,
    raw_file,
    raw_pixels,
    write_raw_cube,
)
from vampd.disk.pace import SteadyPace
from vampd.fits.products import pack_cube
from vampd.model.cubes import Cards, FrameRange, render_card

Tool = Callable[[str], str]


def _pack(night: Path, pixels: Pixels, cards: Cards | None = None) -> tuple[Path, Cards]:
    cube = write_raw_cube(night, pixels=pixels)
    framelist = framelist_of([cube], cards=cards)
    (night / "vgen2").mkdir()
    packed = night / framelist.packed_path
    pack_cube(framelist, night, packed, night / framelist.sidecar_path, "full", SteadyPace())
    return packed, framelist.cards


def _restore(tool: Tool, packed: Path) -> Path:
    restored = packed.with_name("restored.fits")
    subprocess.run([tool("funpack"), "-O", restored, packed], check=True)
    return restored


def _verdict(tool: Tool, path: Path, *options: str) -> str:
    run = subprocess.run(
        [tool("fitsverify"), *options, path], capture_output=True, text=True, check=False
    )
    return run.stdout if run.returncode else "OK"


def _real_cards(shape: tuple[int, int, int]) -> list[Cards]:
    """The real headers made headers of such a cube; elsewhere one of our own."""
    if not REAL_TELEMETRY.is_dir():
        return [raw_cards(shape).appended([UNDEFINED_CARD])]
    unsigned = [render_card("BZERO", "32768"), render_card("BSCALE", "1")]
    headers = [
        Cards(tuple(path.read_text("latin-1").splitlines()))
        for path in sorted(REAL_TELEMETRY.rglob("*.header"))
    ]
    axes = [render_card(f"NAXIS{n}", str(size)) for n, size in enumerate(reversed(shape), 1)]
    return [cards.replaced([render_card("BITPIX", "16"), *axes, *unsigned]) for cards in headers]


_PIXELS = {
    "as the cameras give them": raw_pixels(5, 16, 24),
    "of an odd number of bytes in words": raw_pixels(3, 3, 5),
    "one frame": raw_pixels(1, 7, 9),
    "one pixel": raw_pixels(2, 1, 1),
    "constant": np.full((4, 8, 8), 65535, np.uint16),
    "noise": np.random.default_rng(5).integers(0, 65536, (3, 33, 35), np.uint16),
}
all_kinds = pytest.mark.parametrize("pixels", _PIXELS.values(), ids=_PIXELS)


@all_kinds
def test_funpack_gives_the_plain_cube_back_with_checksums_that_agree(
    tmp_path: Path, tool: Tool, pixels: Pixels
) -> None:
    packed, cards = _pack(tmp_path, pixels)
    restored = _restore(tool, packed)
    with fits.open(restored, checksum=True) as hdus:
        np.testing.assert_array_equal(hdus[0].data, pixels)
        assert hdus[0].header["BITPIX"] == 16
        assert hdus[0].header["CHECKSUM"]
        assert hdus[0].header.comments["CHECKSUM"] == "HDU checksum"
    # Byte for byte, but for the two checksum cards at the end.
    content = restored.read_bytes()
    plain = raw_file(cards, pixels)
    assert content[: len(cards) * 80] == plain[: len(cards) * 80]
    assert (
        content[-len(pixels.tobytes()) // 2880 * 2880 :]
        == plain[-len(pixels.tobytes()) // 2880 * 2880 :]
    )
    added = [content[start : start + 8] for start in range(len(cards) * 80, 10**6, 80)][:3]
    assert added == [b"CHECKSUM", b"DATASUM ", b"END     "]


@all_kinds
def test_fitsverify_accepts_product_and_restored_cube(
    tmp_path: Path, tool: Tool, pixels: Pixels
) -> None:
    packed, _ = _pack(tmp_path, pixels)
    assert _verdict(tool, packed, "-q") == "OK"
    assert _verdict(tool, _restore(tool, packed), "-q") == "OK"


@all_kinds
def test_astropy_reads_the_whole_cube_and_any_part_of_it(tmp_path: Path, pixels: Pixels) -> None:
    packed, cards = _pack(tmp_path, pixels)
    np.testing.assert_array_equal(fits.getdata(packed, 1), pixels)
    np.testing.assert_array_equal(fits.getdata(packed), pixels)
    with fits.open(packed) as hdus:
        assert len(hdus) == 2
        assert hdus[1].shape == pixels.shape
        assert hdus[1].section[0].dtype == np.uint16
        for frame in range(len(pixels)):
            np.testing.assert_array_equal(hdus[1].section[frame], pixels[frame])
        rows, columns = (slice(size // 3, size // 3 + 5) for size in pixels.shape[1:])
        np.testing.assert_array_equal(hdus[1].section[:, rows, columns], pixels[:, rows, columns])
        assert {card.keyword for card in cards if card.has_value} <= {*hdus[1].header, "LONGSTR"}


@all_kinds
def test_fitsio_reads_the_whole_cube_and_any_part_of_it(tmp_path: Path, pixels: Pixels) -> None:
    packed, _ = _pack(tmp_path, pixels)
    np.testing.assert_array_equal(fitsio.read(packed, ext=1), pixels)
    with fitsio.FITS(packed) as hdus:
        assert hdus[1].is_compressed()
        for frame in range(len(pixels)):
            found = hdus[1][frame : frame + 1, :, :]
            np.testing.assert_array_equal(np.squeeze(found), np.squeeze(pixels[frame]))
        header = hdus[1].read_header()
        assert (header["OBJECT"], header["U_CAMERA"]) == ("HD 1 o'clock", 1)


@all_kinds
def test_imcopy_copies_the_whole_cube_and_any_part_of_it(
    tmp_path: Path, tool: Tool, pixels: Pixels
) -> None:
    packed, _ = _pack(tmp_path, pixels)
    # imcopy reads brackets and what else is special in a name.
    easy = tmp_path / "product.fits.fz"
    easy.symlink_to(packed)
    last = len(pixels)
    parts = {"": pixels, f"[*,*,{last}:{last}]": pixels[-1:]}
    for number, (part, expected) in enumerate(parts.items()):
        plain = tmp_path / f"plain{number}.fits"
        subprocess.run([tool("imcopy"), f"{easy}[1]{part}", plain], check=True)
        np.testing.assert_array_equal(fits.getdata(plain).reshape(expected.shape), expected)
        assert fits.getheader(plain)["OBJECT"] == "HD 1 o'clock"


def test_real_headers_come_back_from_funpack_card_for_card(tmp_path: Path, tool: Tool) -> None:
    pixels = raw_pixels(4, 6, 10)
    headers = _real_cards(pixels.shape)
    assert headers
    for number, cards in enumerate(headers):
        packed, cards = _pack(tmp_path / str(number), pixels, cards)
        # Undefined values are a warning in the raw header already: -e asks for errors only.
        assert _verdict(tool, packed, "-q", "-e") == "OK"
        restored = _restore(tool, packed)
        assert _verdict(tool, restored, "-q", "-e") == "OK"
        content = restored.read_bytes()[: len(cards) * 80].decode("latin-1")
        assert [content[start : start + 80] for start in range(0, len(content), 80)] == [
            *cards.texts
        ]
        with fits.open(restored, checksum=True) as hdus:
            np.testing.assert_array_equal(hdus[0].data, pixels)


def test_the_tiles_are_those_of_fpack_byte_for_byte(tmp_path: Path, tool: Tool) -> None:
    for number, pixels in enumerate(_PIXELS.values()):
        packed, cards = _pack(tmp_path / str(number), pixels)
        plain = tmp_path / "plain.fits"
        plain.write_bytes(raw_file(cards, pixels))
        tile = ",".join(str(length) for length in (pixels.shape[2], pixels.shape[1], 1))
        theirs = tmp_path / "plain.fits.fz"
        theirs.unlink(missing_ok=True)
        subprocess.run([tool("fpack"), "-r", "-t", tile, plain], check=True)
        heaps = []
        for path in (packed, theirs):
            with fits.open(path, disable_image_compression=True) as hdus:
                heaps.append([row.tobytes() for row in hdus[1].data["COMPRESSED_DATA"]])
        assert heaps[0] == heaps[1]


def test_the_tools_would_notice_a_damaged_product(tmp_path: Path, tool: Tool) -> None:
    packed, _ = _pack(tmp_path, raw_pixels(5, 16, 24))
    content = bytearray(packed.read_bytes())
    content[-1000] ^= 1
    packed.write_bytes(content)
    assert "checksum" in _verdict(tool, packed)


def test_every_other_frame_of_a_cube_makes_a_product_of_its_own(tmp_path: Path, tool: Tool) -> None:
    cube = write_raw_cube(tmp_path, pixels=raw_pixels(9))
    (tmp_path / "vgen2").mkdir()
    for start, state in enumerate("AB"):
        count = 5 - start
        ranges = [FrameRange(cube.stamp.path, start, count, 2)]
        framelist = framelist_of([cube], ranges, name=f"vsync_10:20:00.509073.cam1.{state}")
        packed = tmp_path / framelist.packed_path
        pack_cube(
            framelist, tmp_path, packed, tmp_path / framelist.sidecar_path, "full", SteadyPace()
        )
        assert _verdict(tool, packed, "-q") == "OK"
        restored = tmp_path / f"{state}.fits"
        subprocess.run([tool("funpack"), "-O", restored, packed], check=True)
        np.testing.assert_array_equal(fits.getdata(restored), cube.pixels[start::2])
