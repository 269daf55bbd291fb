"""Lossless or not there: what is wrong before the proof never becomes a product."""

import hashlib
import io
import itertools
import os
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from astropy.io import fits

from tests.support.builders.framelists import framelist_of
from tests.support.builders.raw_cubes import (
    raw_pixels,
    write_raw_cube,
)
from tests.support.worlds.sites.packed_night import pack, product_path, two_cubes
from vampd.errors import DigestMismatch
from vampd.fits.products import packed, packed_file
from vampd.fits.rice import TileEncoder
from vampd.model.cubes import Framelist, FrameRange
from vampd.model.proofs import Verification, frames_to_decode


def _temporaries(night: Path) -> list[Path]:
    return [path for path in (night / "vgen2").iterdir() if path.name.startswith(".vampd-")]


def _evidence(night: Path, framelist: Framelist) -> bytes:
    return (night / "vgen2" / f".{framelist.name}.fits.fz.mismatch").read_bytes()


def _regions(content: bytes) -> dict[str, range]:
    """All of a product, by what it is."""
    with fits.open(io.BytesIO(content), disable_image_compression=True) as hdus:
        hdu = hdus[1]
        data = hdu.fileinfo()["datLoc"]
        lengths = hdu.data["COMPRESSED_DATA"]
        heap = data + hdu.header["THEAP"] if "THEAP" in hdu.header else data + hdu.data.nbytes
        ends = heap + np.cumsum([0, *(len(tile) for tile in lengths)])
    bounds = [0, 2880, data, *ends.tolist(), len(content)]
    names = ["primary header", "header", "table", *(f"tile {n}" for n in range(len(lengths)))]
    names.append("padding")
    return dict(zip(names, itertools.starmap(range, itertools.pairwise(bounds)), strict=True))


@pytest.mark.parametrize("verify", ["full", "sample"])
def test_a_bit_that_flips_before_the_proof_never_becomes_a_product(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, verify: Verification
) -> None:
    cube = write_raw_cube(tmp_path, pixels=raw_pixels(8, 9, 11))
    framelist = framelist_of([cube], name="good")
    pack(tmp_path, framelist)
    regions = _regions(product_path(tmp_path, framelist).read_bytes())
    assert len(regions) == 12
    ends = {place: region for region, at in regions.items() for place in (at[0], at[-1])}
    damaged = b""
    for place, region in ends.items():
        framelist = framelist_of([cube], name=f"bad{place}")

        def flip(name: str, place: int = place) -> None:
            nonlocal damaged
            if name == "packed.file_synced":
                (temporary,) = _temporaries(tmp_path)
                content = bytearray(temporary.read_bytes())
                content[place] ^= 0x80
                temporary.write_bytes(content)
                damaged = bytes(content)

        with monkeypatch.context() as patch:
            patch.setattr(packed, "failpoint", flip)
            with pytest.raises(DigestMismatch) as caught:
                pack(tmp_path, framelist, verify)
        assert caught.value.code == "pack_mismatch", region
        assert framelist.name in caught.value.message
        if region.startswith("tile"):
            frame = int(region.removeprefix("tile "))
            assert caught.value.context["frame"] == frame
            assert f"({cube.stamp.path}, frame {frame})" in caught.value.message
        else:
            assert caught.value.context["frame"] is None
        assert not product_path(tmp_path, framelist).exists()
        assert _evidence(tmp_path, framelist) == damaged
        assert _temporaries(tmp_path) == []
    assert pack(tmp_path, framelist, verify).sha256 != hashlib.sha256(damaged).hexdigest()


def test_codes_that_change_places_are_noticed_by_every_proof(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Of equal lengths and with the same sum: what a disk does that mixes up two of its blocks.
    pixels = np.random.default_rng(5).integers(0, 65536, (9, 32, 32), np.uint16)
    cube = write_raw_cube(tmp_path, pixels=pixels)

    def exchange(name: str) -> None:
        if name == "packed.file_synced":
            (temporary,) = _temporaries(tmp_path)
            content = bytearray(temporary.read_bytes())
            places = list(_regions(bytes(content)).values())
            begin = places[6][0] // 4 * 4  # within frames that no sample decodes
            words = slice(begin, begin + 400), slice(begin + 400, begin + 800)
            content[words[0]], content[words[1]] = content[words[1]], content[words[0]]
            temporary.write_bytes(content)

    monkeypatch.setattr(packed, "failpoint", exchange)
    for verify in ("full", "sample"):
        framelist = framelist_of([cube], name=verify)
        with pytest.raises(DigestMismatch):
            pack(tmp_path, framelist, verify)
        assert not product_path(tmp_path, framelist).exists()


@pytest.mark.parametrize("verify", get_args(Verification))
@pytest.mark.parametrize("wrong", [0, 1, 16, 17, 18])
def test_what_is_coded_wrongly_is_noticed_where_frames_are_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, verify: Verification, wrong: int
) -> None:
    class Forgetful(TileEncoder):
        """Codes one frame as if its first pixel were another."""

        added = 0

        def add(self, pixels: np.ndarray) -> int:
            pixels = pixels.copy()
            pixels[0, 0] ^= int(self.added == wrong)
            self.added += 1
            return super().add(pixels)

    monkeypatch.setattr(packed, "TileEncoder", Forgetful)
    framelist = framelist_of([write_raw_cube(tmp_path, pixels=raw_pixels(19, 5, 6))])
    if wrong in frames_to_decode(19, verify):
        with pytest.raises(DigestMismatch) as caught:
            pack(tmp_path, framelist, verify)
        assert caught.value.context["frame"] == wrong
        assert not product_path(tmp_path, framelist).exists()
    else:
        pack(tmp_path, framelist, verify)


def test_a_frame_that_differs_is_named_with_its_cube(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cubes = two_cubes(tmp_path)
    ranges = [FrameRange(cubes[0].stamp.path, 0, 3, 2), FrameRange(cubes[1].stamp.path, 1, 4)]
    framelist = framelist_of(cubes, ranges)
    seen = []

    def digest_of_another_fifth_frame(pixels: np.ndarray) -> bytes:
        seen.append(pixels)
        return bytes(32) if len(seen) == 5 else packed_file.frame_digest(pixels)

    monkeypatch.setattr(packed, "frame_digest", digest_of_another_fifth_frame)
    with pytest.raises(DigestMismatch) as caught:
        pack(tmp_path, framelist)
    # 0, 2, 4 of the first cube; then 1, 2, ... of the second.
    assert f"({cubes[1].stamp.path}, frame 2)" in caught.value.message
    assert caught.value.context["frame"] == 4


def test_a_flipped_bit_that_decodes_to_the_same_pixels_is_noticed_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The bits behind a tile's last code are no pixel, but they are in the checksums.
    cube = write_raw_cube(tmp_path, pixels=np.zeros((1, 3, 3), np.uint16))
    framelist = framelist_of([cube])

    def flip(name: str) -> None:
        if name == "packed.file_synced":
            (temporary,) = _temporaries(tmp_path)
            content = bytearray(temporary.read_bytes())
            content[-2880 + 8 + 2] ^= 1  # one row of the table, two bytes of first pixel
            temporary.write_bytes(content)

    monkeypatch.setattr(packed, "failpoint", flip)
    with pytest.raises(DigestMismatch) as caught:
        pack(tmp_path, framelist)
    assert "heap" in caught.value.message


@pytest.mark.parametrize("verify", ["full", "sample"])
@pytest.mark.parametrize("cut", [1, 2880, 2881, 3000, 5760])
def test_a_file_that_was_cut_before_the_proof_never_becomes_a_product(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cut: int, verify: Verification
) -> None:
    framelist = framelist_of([write_raw_cube(tmp_path, pixels=raw_pixels(8, 20, 30))])

    def shorten(name: str) -> None:
        if name == "packed.file_synced":
            (temporary,) = _temporaries(tmp_path)
            os.truncate(temporary, temporary.stat().st_size - cut)

    monkeypatch.setattr(packed, "failpoint", shorten)
    with pytest.raises(DigestMismatch) as caught:
        pack(tmp_path, framelist, verify)
    assert caught.value.code == "pack_mismatch"
    assert not product_path(tmp_path, framelist).exists()
