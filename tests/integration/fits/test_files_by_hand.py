"""Files packed and unpacked by hand: whole and proven, or not there; the source never changes."""

import os
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.builders.framelists import framelist_of
from tests.support.builders.plain_files import pixels_of, write_plain_file
from tests.support.builders.raw_cubes import write_raw_cube
from vampd.disk.pace import SteadyPace
from vampd.errors import DataError, DigestMismatch, MalformedCube
from vampd.fits.products import (
    Rewritten,
    pack_cube,
    pack_file,
    packed,
    plain_file,
    unpack_file,
    unpacking,
    write_virtual_cube,
)
from vampd.fits.raw import frames
from vampd.model.cubes import FrameRange, render_card

PIXELS = pixels_of((5, 7, 9), 1)


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    path = tmp_path / "plain.fits"
    write_plain_file(path, PIXELS)
    return path


def names(folder: Path) -> list[str]:
    """Hidden ones too."""
    return sorted(os.listdir(folder))


def pack(plain: Path) -> Path:
    target = plain.with_name(f"{plain.name}.fz")
    pack_file(plain, target, SteadyPace())
    return target


def refused(code: str, work: Callable[..., Rewritten], source: Path) -> str:
    """The message with which it is refused; nothing appears and the source stays."""
    before, content = names(source.parent), source.read_bytes()
    with pytest.raises(DataError) as caught:
        work(source, source.with_name("new"), SteadyPace())
    assert caught.value.code == code
    assert names(source.parent) == before
    assert source.read_bytes() == content
    return caught.value.message


# --- what is taken


@pytest.mark.parametrize("zero", [32768, 0, 100, None])
@pytest.mark.parametrize("shape", [(4, 6, 8), (1, 6, 8), (6, 8), (1, 1)], ids=str)
def test_every_16_bit_cube_and_image_is_read_as_it_was(
    tmp_path: Path, shape: tuple[int, ...], zero: int | None
) -> None:
    path = tmp_path / "plain.fits"
    pixels = pixels_of(shape, 3)
    write_plain_file(path, pixels, zero=zero)
    status = path.stat()
    packed_path = pack(path)
    assert (path.stat().st_mtime_ns, path.stat().st_ino) == (status.st_mtime_ns, status.st_ino)
    with fits.open(packed_path, do_not_scale_image_data=True) as hdus:
        assert np.array_equal(hdus[1].data, pixels)
    with fits.open(packed_path, checksum=True) as hdus, fits.open(path) as expected:
        assert np.array_equal(hdus[1].data, expected[0].data)
        assert hdus[1].data.dtype == expected[0].data.dtype.newbyteorder("=")


def test_what_is_said_of_a_file_is_true(plain: Path) -> None:
    target = plain.with_name("x.fz")
    sizes = pack_file(plain, target, SteadyPace())
    assert sizes == Rewritten(5, plain.stat().st_size, target.stat().st_size)
    back = unpack_file(target, plain.with_name("back.fits"), SteadyPace())
    assert back == Rewritten(5, sizes.bytes_after, sizes.bytes_before)


# --- what is refused, with what was expected


@pytest.mark.parametrize(
    ("dtype", "code", "expected"),
    [(np.uint8, "not_int16", "BITPIX 16"), (np.int32, "not_int16", "16-bit integers")],
    ids=["bytes", "long integers"],
)
def test_other_pixels_are_refused(
    tmp_path: Path, dtype: type[np.generic], code: str, expected: str
) -> None:
    path = tmp_path / "x.fits"
    fits.writeto(path, np.zeros((3, 4, 5), dtype))
    assert expected in refused(code, pack_file, path)


def test_what_is_no_single_cube_is_refused(tmp_path: Path, plain: Path) -> None:
    path = tmp_path / "x.fits"
    fits.HDUList([fits.PrimaryHDU(PIXELS), fits.ImageHDU(PIXELS)]).writeto(path)
    assert "fpack takes" in refused("has_extensions", pack_file, path)
    fits.writeto(path, np.zeros((2, 3, 4, 5), np.int16), overwrite=True)
    assert "two or three axes" in refused("not_a_cube", pack_file, path)
    assert "packed already" in refused("no_pixels", pack_file, pack(plain))
    path.write_bytes(plain.read_bytes()[:-2880])
    refused("fits_truncated", pack_file, path)
    path.write_bytes(plain.read_bytes() + b"?")
    refused("fits_too_long", pack_file, path)
    path.write_text("no FITS at all")
    refused("not_fits", pack_file, path)


@pytest.mark.parametrize("keyword", ["ZTILE1", "ZHECKSUM", "TSCAL1", "-MINUS"])
def test_a_card_that_would_not_come_back_is_refused(tmp_path: Path, keyword: str) -> None:
    path = tmp_path / "x.fits"
    write_plain_file(path, PIXELS, [render_card(keyword, "3").text], sums=False)
    assert keyword in refused("header_unpackable", pack_file, path)


def test_the_tables_own_name_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.fits"
    write_plain_file(path, PIXELS, [render_card("EXTNAME", "'COMPRESSED_IMAGE'").text])
    assert "EXTNAME" in refused("header_unpackable", pack_file, path)


def test_pixels_that_are_not_those_of_the_datasum_are_refused(plain: Path) -> None:
    content = bytearray(plain.read_bytes())
    content[-2880] ^= 1
    plain.write_bytes(content)
    assert "DATASUM" in refused("data_sum_disagrees", pack_file, plain)


def test_a_file_that_is_written_to_meanwhile_is_refused(
    plain: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write(name: str) -> None:
        if name == "atomic.temporary.made":
            os.utime(plain, ns=(1, 1))

    monkeypatch.setattr("vampd.disk.durable.atomic.failpoint", write)
    assert "find out who" in refused("changed_while_read", pack_file, plain)


def test_what_is_not_packed_so_is_not_unpacked(tmp_path: Path, plain: Path) -> None:
    assert "one table" in refused("not_packed", unpack_file, plain)
    path = tmp_path / "x.fits.fz"
    cases = {
        "GZIP_2": (np.int16, {"compression_type": "GZIP_2"}),
        "ZBITPIX 32": (np.int32, {"compression_type": "RICE_1"}),
        "ZTENSION": (np.int16, {"compression_type": "RICE_1"}),
    }
    for shown, (dtype, options) in cases.items():
        image = fits.CompImageHDU(np.zeros((4, 40, 40), dtype), **options)
        image.writeto(path, overwrite=True)
        message = refused("not_packed", unpack_file, path)
        assert shown in message
        assert "funpack may" in message


# --- damage


def test_a_packed_file_with_any_bit_of_its_tiles_flipped_gives_no_plain_one(plain: Path) -> None:
    packed_path = pack(plain)
    content = packed_path.read_bytes()
    with fits.open(packed_path, disable_image_compression=True) as hdus:
        begin = hdus[1].fileinfo()["datLoc"]
        end = begin + hdus[1].header["NAXIS1"] * hdus[1].header["NAXIS2"] + hdus[1].header["PCOUNT"]
    damaged = packed_path.with_name("damaged.fz")
    for place in range(begin, end, 7):
        flipped = bytearray(content)
        flipped[place] ^= 1 << place % 8
        damaged.write_bytes(flipped)
        before = names(plain.parent)
        with pytest.raises(DataError) as caught:
            unpack_file(damaged, plain.with_name("new"), SteadyPace())
        assert caught.value.code in {"tile_damaged", "data_sum_disagrees", "not_packed"}
        assert names(plain.parent) == before


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    edits=st.lists(
        st.tuples(
            st.integers(0, 60), st.integers(0, 79), st.sampled_from(list(b"0123456789 -TF'Z."))
        ),
        min_size=1,
        max_size=3,
    )
)
def test_a_packed_header_that_is_damaged_gives_the_same_pixels_or_none(
    plain: Path, edits: list[tuple[int, int, int]]
) -> None:
    packed_path, damaged = plain.with_name("plain.fits.fz"), plain.with_name("damaged.fz")
    if not packed_path.exists():
        pack(plain)
    content = bytearray(packed_path.read_bytes())
    for card, column, byte in edits:
        content[2880 + 80 * card + column] = byte
    damaged.write_bytes(content)
    new = plain.with_name("new.fits")
    new.unlink(missing_ok=True)
    try:
        unpack_file(damaged, new, SteadyPace())
    except DataError:
        assert names(plain.parent) == ["damaged.fz", plain.name, packed_path.name]
    else:
        assert new.read_bytes()[2880:] == plain.read_bytes()[2880:]


def test_a_packed_file_that_was_cut_gives_no_plain_one(plain: Path) -> None:
    packed_path = pack(plain)
    content = packed_path.read_bytes()
    for length in (0, 100, 2880, 3000, 5760, len(content) - 2881):
        packed_path.write_bytes(content[:length])
        with pytest.raises(MalformedCube):
            unpack_file(packed_path, plain.with_name("new"), SteadyPace())
        assert names(plain.parent) == [plain.name, packed_path.name]


@pytest.mark.parametrize("part", [0.0, 0.3, 0.6, 0.999])
def test_a_bit_that_flips_on_the_disk_never_becomes_a_plain_file(
    plain: Path, monkeypatch: pytest.MonkeyPatch, part: float
) -> None:
    packed_path = pack(plain)

    def sync_and_flip(file) -> None:
        file.flush()
        content = bytearray(Path(file.name).read_bytes())
        content[int(part * len(content))] ^= 4
        Path(file.name).write_bytes(content)

    monkeypatch.setattr(plain_file, "sync_file", sync_and_flip)
    with pytest.raises(DigestMismatch) as caught:
        unpack_file(packed_path, plain.with_name("new"), SteadyPace())
    assert caught.value.code == "write_mismatch"
    assert names(plain.parent) == [plain.name, packed_path.name]


def test_packing_by_hand_is_proven_as_all_packing(
    plain: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def flip(name: str) -> None:
        if name == "packed.file_synced":
            (temporary,) = plain.parent.glob(".vampd-*")
            content = bytearray(temporary.read_bytes())
            content[len(content) // 2] ^= 4
            temporary.write_bytes(content)

    monkeypatch.setattr(packed, "failpoint", flip)
    with pytest.raises(DigestMismatch):
        pack(plain)
    assert not plain.with_name("plain.fits.fz").exists()


# --- names, memory


def test_nothing_is_overwritten_and_nothing_is_read_for_it(
    plain: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packed_path = pack(plain)
    for target in (plain.with_name("file"), plain.with_name("link")):
        if target.name == "link":
            target.symlink_to("nowhere")
        else:
            target.write_text("mine")
        monkeypatch.setattr(frames, "_read_batch", None)
        monkeypatch.setattr(unpacking, "read_tiles", None)
        for work, source in ((pack_file, plain), (unpack_file, packed_path)):
            with pytest.raises(DataError) as caught:
                work(source, target, SteadyPace())
            assert caught.value.code == "already_exists"
    assert plain.with_name("file").read_text() == "mine"
    assert plain.with_name("link").is_symlink()


def test_no_cube_is_in_memory_as_a_whole(tmp_path: Path) -> None:
    plain = tmp_path / "large.fits"
    pixels = np.zeros((128, 512, 512), np.int16)  # 64 MB
    write_plain_file(plain, pixels)
    del pixels
    pack(plain)  # once, so that what is compiled is
    (tmp_path / "large.fits.fz").unlink()
    tracemalloc.start()
    packed_path = pack(plain)
    unpack_file(packed_path, tmp_path / "again.fits", SteadyPace())
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak_bytes < 20_000_000
    assert (tmp_path / "again.fits").read_bytes() == plain.read_bytes()


def test_a_virtual_cube_written_plain_is_what_unpacking_its_product_gives(tmp_path: Path) -> None:
    cube = write_raw_cube(tmp_path, frames=9)
    framelist = framelist_of([cube], [FrameRange(cube.stamp.path, 1, 4, 2)])
    (tmp_path / "vgen2").mkdir()
    product = tmp_path / framelist.packed_path
    pack_cube(framelist, tmp_path, product, tmp_path / framelist.sidecar_path, "full", SteadyPace())
    unpack_file(product, tmp_path / "unpacked.fits", SteadyPace())
    size = write_virtual_cube(framelist, tmp_path, tmp_path / "written.fits", SteadyPace())
    written = (tmp_path / "written.fits").read_bytes()
    assert written == (tmp_path / "unpacked.fits").read_bytes()
    assert size == len(written)
