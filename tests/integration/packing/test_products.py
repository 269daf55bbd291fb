"""What a product holds: these frames, these cards, whatever the reading."""

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
    raw_pixels,
    write_raw_cube,
)
from tests.support.tools.packed_frames import read_packed_frame
from tests.support.worlds.sites.packed_night import pack, product_path, two_cubes
from vampd.disk.pace import SteadyPace
from vampd.disk.reading import hash_file
from vampd.fits.products import count_packed_frames, packed, packed_file, read_sidecar_identity
from vampd.fits.raw import frames
from vampd.model.cubes import Cards, Framelist, FrameRange, format_rows, parse_timing
from vampd.model.nights import Stream
from vampd.model.proofs import Place, Verification


def _stored(cubes: Sequence[WrittenCube], framelist: Framelist) -> np.ndarray:
    return pixels_of(cubes, framelist.ranges)


def test_astropy_reads_the_pixels_and_every_card_from_hdu_1(tmp_path: Path) -> None:
    cube = write_raw_cube(tmp_path)
    framelist = framelist_of([cube])
    pack(tmp_path, framelist)
    with fits.open(product_path(tmp_path, framelist), checksum=True) as hdus:
        np.testing.assert_array_equal(hdus[1].data, cube.pixels)
        assert hdus[1].data.dtype == np.uint16
        np.testing.assert_array_equal(hdus[1].section[2], cube.pixels[2])
        assert hdus[1].header["OBJECT"] == "HD 1 o'clock"
        assert hdus[1].header["LONGSTR"].endswith("but on its second")


def test_all_cards_survive_verbatim_and_in_order(tmp_path: Path) -> None:
    cube = write_raw_cube(tmp_path)
    framelist = framelist_of([cube], cards=cube.cards.appended([UNDEFINED_CARD]))
    pack(tmp_path, framelist)
    content = product_path(tmp_path, framelist).read_bytes().decode("latin-1")
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
    pack(tmp_path, plain)
    pack(tmp_path, outdated)
    assert (
        product_path(tmp_path, plain).read_bytes() == product_path(tmp_path, outdated).read_bytes()
    )


@pytest.mark.parametrize("verify", ["full", "sample", "none"])
def test_the_receipt_is_what_a_fresh_reading_finds(tmp_path: Path, verify: Verification) -> None:
    framelist = framelist_of(two_cubes(tmp_path))
    receipt = pack(tmp_path, framelist, verify)
    product = product_path(tmp_path, framelist)
    size, mtime_ns, sha256 = hash_file(product, SteadyPace())
    assert (receipt.file.size, receipt.file.mtime_ns, receipt.sha256) == (size, mtime_ns, sha256)
    assert (receipt.path, receipt.place) == (framelist.packed_path, Place.HERE)
    assert size % 2880 == 0


def test_a_product_shows_its_frames_and_gives_each_one(tmp_path: Path) -> None:
    cubes = two_cubes(tmp_path)
    framelist = framelist_of(cubes)
    pack(tmp_path, framelist)
    product = product_path(tmp_path, framelist)
    assert count_packed_frames(product) == 14
    for index, pixels in enumerate(_stored(cubes, framelist)):
        stored = read_packed_frame(product, index)
        np.testing.assert_array_equal(stored.astype(np.int32) + 32768, pixels)
    assert count_packed_frames(cubes[0].path) == 0
    assert count_packed_frames(tmp_path / "missing") == 0


def test_the_sidecar_has_the_rows_of_exactly_these_frames(tmp_path: Path) -> None:
    cubes = two_cubes(tmp_path)
    path = cubes[0].stamp.path
    framelist = framelist_of(cubes, [FrameRange(path, 1, 4, 2)])
    pack(tmp_path, framelist)
    sidecar = tmp_path / framelist.sidecar_path
    rows = cubes[0].timing.take(np.array([1, 3, 5, 7]))
    assert format_rows(parse_timing(sidecar.read_bytes())) == format_rows(rows)
    assert read_sidecar_identity(sidecar) == framelist.identity
    assert f"# source {path}\n" in sidecar.read_text()
    assert read_sidecar_identity(cubes[0].timing_path) is None


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
    pack(night, framelist)
    with fits.open(product_path(night, framelist), checksum=True) as hdus:
        np.testing.assert_array_equal(hdus[1].data, _stored(cubes, framelist))


@pytest.mark.parametrize("batch_bytes", [1, 300, 1000])
def test_the_size_of_a_reading_does_not_show(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, batch_bytes: int
) -> None:
    cubes = two_cubes(tmp_path)
    ranges = [FrameRange(cubes[0].stamp.path, 0, 5, 2), FrameRange(cubes[1].stamp.path, 1, 4)]
    whole, small = (framelist_of(cubes, ranges, name=name) for name in ("whole", "small"))
    pack(tmp_path, whole)
    monkeypatch.setattr(frames, "BATCH_BYTES", batch_bytes)
    monkeypatch.setattr(packed_file, "_READ_BYTES", batch_bytes)
    pack(tmp_path, small)
    assert product_path(tmp_path, whole).read_bytes() == product_path(tmp_path, small).read_bytes()


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
    pack(tmp_path, framelist)
    with fits.open(product_path(tmp_path, framelist), checksum=True) as hdus:
        np.testing.assert_array_equal(hdus[1].data, pixels)


def test_noise_over_the_full_range_survives(tmp_path: Path) -> None:
    pixels = np.random.default_rng(3).integers(0, 65536, (4, 40, 41), np.uint16)
    framelist = framelist_of([write_raw_cube(tmp_path, pixels=pixels)])
    pack(tmp_path, framelist)
    with fits.open(product_path(tmp_path, framelist), checksum=True) as hdus:
        np.testing.assert_array_equal(hdus[1].data, pixels)


def test_a_heap_beyond_two_gigabytes_gets_long_descriptors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cube = write_raw_cube(tmp_path)
    short, long = (framelist_of([cube], name=name) for name in ("short", "long"))
    pack(tmp_path, short)
    monkeypatch.setattr(packed, "_LARGEST_P_HEAP", 100)
    pack(tmp_path, long)
    for framelist, form in ((short, "1PB("), (long, "1QB(")):
        with fits.open(product_path(tmp_path, framelist), disable_image_compression=True) as hdus:
            assert hdus[1].header["TFORM1"].startswith(form)
        with fits.open(product_path(tmp_path, framelist), checksum=True) as hdus:
            np.testing.assert_array_equal(hdus[1].data, cube.pixels)


def test_packing_twice_gives_the_same_bytes_wherever_and_whenever(tmp_path: Path) -> None:
    products = []
    for name in ("here", "there"):
        night = tmp_path / name
        cubes = two_cubes(night)
        framelist = framelist_of(cubes)
        pack(night, framelist)
        product = product_path(night, framelist)
        products.append((product.read_bytes(), (night / framelist.sidecar_path).read_bytes()))
    assert products[0] == products[1]
    assert str(tmp_path).encode() not in products[0][0]


def test_verification_changes_no_byte(tmp_path: Path) -> None:
    cube = write_raw_cube(tmp_path)
    digests = set()
    for verify in get_args(Verification):
        framelist = framelist_of([cube], name=verify)
        digests.add(pack(tmp_path, framelist, verify).sha256)
    assert len(digests) == 1
