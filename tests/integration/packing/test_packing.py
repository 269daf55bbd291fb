"""Packing: the product is a function of framelist and raw bytes, and lossless or not there."""

import hashlib
import io
import itertools
import os
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from astropy.io import fits
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.builders.framelists import framelist_of, pixels_of
from tests.support.builders.raw_cubes import (
    UNDEFINED_CARD,
    WrittenCube,
    raw_file,
    raw_pixels,
    raw_timing,
    write_raw_cube,
)
from vampd.disk.digest import hash_file
from vampd.disk.pace import Flag, SharedPace, SteadyPace
from vampd.errors import ClaimLost, DataError, DigestMismatch
from vampd.fits import frames, packed, packed_file
from vampd.fits.packed import pack_cube
from vampd.fits.packed_file import count_packed_frames, read_packed_frame
from vampd.fits.rice import TileEncoder
from vampd.fits.sidecar import read_sidecar_identity
from vampd.model.cubes import Cards, Framelist, FrameRange, format_rows, parse_timing
from vampd.model.nights import Stream
from vampd.model.proofs import Place, Receipt, Verification, frames_to_decode
from vampd.ports import Pace


def _pack(
    night: Path,
    framelist: Framelist,
    verify: Verification = "full",
    pace: Pace | None = None,
) -> Receipt:
    (night / "vgen2").mkdir(exist_ok=True)
    return pack_cube(
        framelist,
        night,
        night / framelist.packed_path,
        night / framelist.sidecar_path,
        verify,
        pace or SteadyPace(),
    )


def _product(night: Path, framelist: Framelist) -> Path:
    return night / framelist.packed_path


def _stored(cubes: Sequence[WrittenCube], framelist: Framelist) -> np.ndarray:
    return pixels_of(cubes, framelist.ranges)


def _two_cubes(night: Path) -> list[WrittenCube]:
    first = write_raw_cube(night, pixels=raw_pixels(9, seed=1))
    second = write_raw_cube(
        night,
        pixels=raw_pixels(5, seed=2),
        timing=raw_timing(5, first_us=int(first.timing.acquired_us[-1]) + 2_000),
    )
    return [first, second]


# --- what a product holds


def test_astropy_reads_the_pixels_and_every_card_from_hdu_1(tmp_path: Path) -> None:
    cube = write_raw_cube(tmp_path)
    framelist = framelist_of([cube])
    _pack(tmp_path, framelist)
    with fits.open(_product(tmp_path, framelist), checksum=True) as hdus:
        np.testing.assert_array_equal(hdus[1].data, cube.pixels)
        assert hdus[1].data.dtype == np.uint16
        np.testing.assert_array_equal(hdus[1].section[2], cube.pixels[2])
        assert hdus[1].header["OBJECT"] == "HD 1 o'clock"
        assert hdus[1].header["LONGSTR"].endswith("but on its second")


def test_all_cards_survive_verbatim_and_in_order(tmp_path: Path) -> None:
    cube = write_raw_cube(tmp_path)
    framelist = framelist_of([cube], cards=cube.cards.appended([UNDEFINED_CARD]))
    _pack(tmp_path, framelist)
    content = _product(tmp_path, framelist).read_bytes().decode("latin-1")
    kept = [card.text for card in framelist.cards if card.keyword in ("BZERO", "BSCALE")]
    kept += framelist.cards.texts[9:]
    position = 0
    for text in kept:
        position = content.index(text, position) + len(text)


def test_checksums_of_the_raw_header_give_way_to_the_products_own(tmp_path: Path) -> None:
    old = ("CHECKSUM= 'old             '".ljust(80), "DATASUM = '1234    '".ljust(80))
    cube = write_raw_cube(tmp_path)
    with_old = Cards((*cube.cards.texts, *old))
    plain = framelist_of([cube])
    outdated = framelist_of([cube], cards=with_old, name="outdated")
    _pack(tmp_path, plain)
    _pack(tmp_path, outdated)
    assert _product(tmp_path, plain).read_bytes() == _product(tmp_path, outdated).read_bytes()


@pytest.mark.parametrize("verify", ["full", "sample", "none"])
def test_the_receipt_is_what_a_fresh_reading_finds(tmp_path: Path, verify: Verification) -> None:
    framelist = framelist_of(_two_cubes(tmp_path))
    receipt = _pack(tmp_path, framelist, verify)
    product = _product(tmp_path, framelist)
    size, mtime_ns, sha256 = hash_file(product, SteadyPace())
    assert (receipt.file.size, receipt.file.mtime_ns, receipt.sha256) == (size, mtime_ns, sha256)
    assert (receipt.path, receipt.place) == (framelist.packed_path, Place.HERE)
    assert size % 2880 == 0


def test_a_product_tells_its_frames_and_gives_each_one(tmp_path: Path) -> None:
    cubes = _two_cubes(tmp_path)
    framelist = framelist_of(cubes)
    _pack(tmp_path, framelist)
    product = _product(tmp_path, framelist)
    assert count_packed_frames(product) == 14
    for index, pixels in enumerate(_stored(cubes, framelist)):
        stored = read_packed_frame(product, index)
        np.testing.assert_array_equal(stored.astype(np.int32) + 32768, pixels)
    assert count_packed_frames(cubes[0].path) == 0
    assert count_packed_frames(tmp_path / "missing") == 0


def test_the_sidecar_has_the_rows_of_exactly_these_frames(tmp_path: Path) -> None:
    cubes = _two_cubes(tmp_path)
    path = cubes[0].stamp.path
    framelist = framelist_of(cubes, [FrameRange(path, 1, 4, 2)])
    _pack(tmp_path, framelist)
    sidecar = tmp_path / framelist.sidecar_path
    rows = cubes[0].timing.take(np.array([1, 3, 5, 7]))
    assert format_rows(parse_timing(sidecar.read_bytes())) == format_rows(rows)
    assert read_sidecar_identity(sidecar) == framelist.identity
    assert f"# source {path}\n" in sidecar.read_text()
    assert read_sidecar_identity(cubes[0].timing_path) is None


# --- which frames


@st.composite
def _ranges(draw: st.DrawFn, lengths: dict[str, int]) -> list[FrameRange]:
    parts = []
    for _ in range(draw(st.integers(1, 5))):
        cube = draw(st.sampled_from(sorted(lengths)))
        start = draw(st.integers(0, lengths[cube] - 1))
        step = draw(st.integers(1, 4))
        count = draw(st.integers(1, (lengths[cube] - 1 - start) // step + 1))
        parts.append(FrameRange(cube, start, count, step))
    return parts


@settings(max_examples=40)
@given(data=st.data(), shape=st.tuples(st.integers(1, 7), st.integers(1, 9)))
def test_any_ranges_of_any_frames_come_out_as_they_went_in(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, shape: tuple[int, int]
) -> None:
    night = tmp_path_factory.mktemp("night")
    cubes = [
        write_raw_cube(night, stream, pixels=raw_pixels(frames_, *shape, seed=frames_))
        for stream, frames_ in ((Stream.VCAM1, 9), (Stream.VCAM2, 4))
    ]
    lengths = {cube.stamp.path: len(cube.pixels) for cube in cubes}
    framelist = framelist_of(cubes, data.draw(_ranges(lengths)))
    _pack(night, framelist)
    with fits.open(_product(night, framelist), checksum=True) as hdus:
        np.testing.assert_array_equal(hdus[1].data, _stored(cubes, framelist))


@pytest.mark.parametrize("batch_bytes", [1, 300, 1000])
def test_the_size_of_a_reading_does_not_show(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, batch_bytes: int
) -> None:
    cubes = _two_cubes(tmp_path)
    ranges = [FrameRange(cubes[0].stamp.path, 0, 5, 2), FrameRange(cubes[1].stamp.path, 1, 4)]
    whole, small = (framelist_of(cubes, ranges, name=name) for name in ("whole", "small"))
    _pack(tmp_path, whole)
    monkeypatch.setattr(frames, "BATCH_BYTES", batch_bytes)
    monkeypatch.setattr(packed_file, "_READ_BYTES", batch_bytes)
    _pack(tmp_path, small)
    assert _product(tmp_path, whole).read_bytes() == _product(tmp_path, small).read_bytes()


@pytest.mark.parametrize(
    "values",
    [
        [0],
        [65535],
        [32767, 32768],
        [0, 65535],
        list(range(0, 65536, 257)),
    ],
    ids=str,
)
def test_extreme_pixels_survive(tmp_path: Path, values: list[int]) -> None:
    pixels = np.resize(np.array(values, np.uint16), (3, 16, 33))
    cube = write_raw_cube(tmp_path, pixels=pixels)
    framelist = framelist_of([cube])
    _pack(tmp_path, framelist)
    with fits.open(_product(tmp_path, framelist), checksum=True) as hdus:
        np.testing.assert_array_equal(hdus[1].data, pixels)


def test_noise_over_the_full_range_survives(tmp_path: Path) -> None:
    pixels = np.random.default_rng(3).integers(0, 65536, (4, 40, 41), np.uint16)
    framelist = framelist_of([write_raw_cube(tmp_path, pixels=pixels)])
    _pack(tmp_path, framelist)
    with fits.open(_product(tmp_path, framelist), checksum=True) as hdus:
        np.testing.assert_array_equal(hdus[1].data, pixels)


def test_a_heap_beyond_two_gigabytes_gets_long_descriptors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cube = write_raw_cube(tmp_path)
    short, long = (framelist_of([cube], name=name) for name in ("short", "long"))
    _pack(tmp_path, short)
    monkeypatch.setattr(packed, "_LARGEST_P_HEAP", 100)
    _pack(tmp_path, long)
    for framelist, form in ((short, "1PB("), (long, "1QB(")):
        with fits.open(_product(tmp_path, framelist), disable_image_compression=True) as hdus:
            assert hdus[1].header["TFORM1"].startswith(form)
        with fits.open(_product(tmp_path, framelist), checksum=True) as hdus:
            np.testing.assert_array_equal(hdus[1].data, cube.pixels)


# --- the same bytes


def test_packing_twice_gives_the_same_bytes_wherever_and_whenever(tmp_path: Path) -> None:
    products = []
    for name in ("here", "there"):
        night = tmp_path / name
        cubes = _two_cubes(night)
        framelist = framelist_of(cubes)
        _pack(night, framelist)
        product = _product(night, framelist)
        products.append((product.read_bytes(), (night / framelist.sidecar_path).read_bytes()))
    assert products[0] == products[1]
    assert str(tmp_path).encode() not in products[0][0]


def test_verification_changes_no_byte(tmp_path: Path) -> None:
    cube = write_raw_cube(tmp_path)
    digests = set()
    for verify in get_args(Verification):
        framelist = framelist_of([cube], name=verify)
        digests.add(_pack(tmp_path, framelist, verify).sha256)
    assert len(digests) == 1


# --- lossless or not there


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
    _pack(tmp_path, framelist)
    regions = _regions(_product(tmp_path, framelist).read_bytes())
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
                _pack(tmp_path, framelist, verify)
        assert caught.value.code == "pack_mismatch", region
        assert framelist.name in caught.value.message
        if region.startswith("tile"):
            frame = int(region.removeprefix("tile "))
            assert caught.value.context["frame"] == frame
            assert f"({cube.stamp.path}, frame {frame})" in caught.value.message
        else:
            assert caught.value.context["frame"] is None
        assert not _product(tmp_path, framelist).exists()
        assert _evidence(tmp_path, framelist) == damaged
        assert _temporaries(tmp_path) == []
    assert _pack(tmp_path, framelist, verify).sha256 != hashlib.sha256(damaged).hexdigest()


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
            _pack(tmp_path, framelist, verify)
        assert not _product(tmp_path, framelist).exists()


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
            _pack(tmp_path, framelist, verify)
        assert caught.value.context["frame"] == wrong
        assert not _product(tmp_path, framelist).exists()
    else:
        _pack(tmp_path, framelist, verify)


def test_a_frame_that_differs_is_named_with_its_cube(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cubes = _two_cubes(tmp_path)
    ranges = [FrameRange(cubes[0].stamp.path, 0, 3, 2), FrameRange(cubes[1].stamp.path, 1, 4)]
    framelist = framelist_of(cubes, ranges)
    seen = []

    def digest_of_another_fifth_frame(pixels: np.ndarray) -> bytes:
        seen.append(pixels)
        return bytes(32) if len(seen) == 5 else packed_file.frame_digest(pixels)

    monkeypatch.setattr(packed, "frame_digest", digest_of_another_fifth_frame)
    with pytest.raises(DigestMismatch) as caught:
        _pack(tmp_path, framelist)
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
        _pack(tmp_path, framelist)
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
        _pack(tmp_path, framelist, verify)
    assert caught.value.code == "pack_mismatch"
    assert not _product(tmp_path, framelist).exists()


# --- names and interruptions


def test_a_product_is_never_overwritten(tmp_path: Path) -> None:
    framelist = framelist_of([write_raw_cube(tmp_path)])
    receipt = _pack(tmp_path, framelist)
    with pytest.raises(DataError) as caught:
        _pack(tmp_path, framelist)
    assert caught.value.code == "already_exists"
    assert hash_file(_product(tmp_path, framelist), SteadyPace())[2] == receipt.sha256


def test_a_sidecar_of_an_interrupted_attempt_is_no_obstacle(tmp_path: Path) -> None:
    framelist = framelist_of([write_raw_cube(tmp_path)])
    _pack(tmp_path, framelist)
    sidecar = tmp_path / framelist.sidecar_path
    content, inode = sidecar.read_bytes(), sidecar.stat().st_ino
    _product(tmp_path, framelist).unlink()
    _pack(tmp_path, framelist)
    assert (sidecar.read_bytes(), sidecar.stat().st_ino) == (content, inode)
    _product(tmp_path, framelist).unlink()
    sidecar.write_text("# of another product\n")
    _pack(tmp_path, framelist)
    assert sidecar.read_bytes() == content


class _StopsAfter(SharedPace):
    """Stops at the n-th look; notes whether the product has its name by then."""

    def __init__(self, folder: Path, looks: int) -> None:
        super().__init__(Flag.create(folder / "pause"), Flag.create(folder / "stop"))
        self._looks = looks

    def check(self) -> None:
        self._looks -= 1
        if self._looks < 0:
            Flag(self._stop.path).raise_()
        super().check()


def test_a_stopped_packing_leaves_no_product_and_no_temporary_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frames, "BATCH_BYTES", 200)
    framelist = framelist_of([write_raw_cube(tmp_path)])
    looks = 0
    while True:
        try:
            _pack(tmp_path, framelist, pace=_StopsAfter(tmp_path, looks))
            break
        except ClaimLost:
            assert sorted(os.listdir(tmp_path / "vgen2")) == [f"{framelist.name}.txt"]
            looks += 1
    assert looks > 3
    assert _product(tmp_path, framelist).exists()


def test_a_raw_cube_that_changed_since_sync_is_not_packed(tmp_path: Path) -> None:
    cube = write_raw_cube(tmp_path)
    framelist = framelist_of([cube])
    os.utime(cube.path, ns=(1, 1))
    _refused(tmp_path, framelist, "raw_changed")
    cube.path.unlink()
    _refused(tmp_path, framelist, "raw_changed")


def test_a_framelist_that_does_not_fit_its_cube_is_not_packed(tmp_path: Path) -> None:
    cube = write_raw_cube(tmp_path)
    path = cube.stamp.path
    beyond = framelist_of([cube])
    ranges = (FrameRange(path, 1, 4, 1),)
    _refused(tmp_path, Framelist(**{**vars(beyond), "ranges": ranges}), "frames_unlike")
    wide = framelist_of([cube], cards=cube.cards.with_value("NAXIS1", 11))
    _refused(tmp_path, wide, "frames_unlike")
    unknown = Framelist(**{**vars(beyond), "sources": ()})
    _refused(tmp_path, unknown, "source_missing")
    fewer = Framelist(**{**vars(beyond), "cards": beyond.cards.with_value("NAXIS3", 3)})
    _refused(tmp_path, fewer, "framelist_contradicts_itself")


def _refused(night: Path, framelist: Framelist, code: str) -> None:
    with pytest.raises(DataError) as caught:
        _pack(night, framelist)
    assert caught.value.code == code
    assert not _product(night, framelist).exists()
    assert [name for name in os.listdir(night / "vgen2") if name.startswith(".")] == []


def test_packing_leaves_the_raw_cubes_untouched(tmp_path: Path) -> None:
    cubes = _two_cubes(tmp_path)
    before = [(cube.path.stat().st_ino, cube.stamp) for cube in cubes]
    _pack(tmp_path, framelist_of(cubes))
    assert [(cube.path.stat().st_ino, cube.stamp) for cube in cubes] == before
    for cube in cubes:
        assert cube.path.read_bytes() == raw_file(cube.cards, cube.pixels)
