"""A cube whose frames nobody counted has those that its timing file, header or size tells."""

import os
import shlex
import subprocess
from pathlib import Path

import fitsio
import numpy as np
import pytest
from astropy.io import fits

from tests.support.builders.raw_cubes import WrittenCube, write_raw_cube
from tests.support.daemon.running import BIN
from vampd.disk.reading import stamp_of
from vampd.errors import TransientError
from vampd.fits.headers import format_header
from vampd.fits.raw import count_frames, count_readable_frames, read_raw_cube
from vampd.model.cubes import CountedBy, FrameCount, RawCube, SetAside
from vampd.model.nights import Stream

FRAMES = 4


@pytest.fixture
def cube(tmp_path: Path) -> WrittenCube:
    return write_raw_cube(tmp_path)


def counted(cube: WrittenCube) -> FrameCount:
    stamps = [stamp_of(cube.night_folder, path) for path in paths_of(cube)]
    assert stamps[0] is not None
    return count_frames(cube.night_folder, stamps[0], stamps[1])


def paths_of(cube: WrittenCube) -> list[str]:
    return [str(path.relative_to(cube.night_folder)) for path in (cube.path, cube.timing_path)]


def compress(cube: WrittenCube, frames: int) -> None:
    """As a logger that compresses leaves it: an empty primary header, and the image behind."""
    primary = ["SIMPLE  =                    T", "BITPIX  =                   16"]
    primary += ["NAXIS   =                    0", "EXTEND  =                    T"]
    table = ["XTENSION= 'BINTABLE'", "ZIMAGE  =                    T"]
    table += ["ZNAXIS  =                    3", f"ZNAXIS3 = {frames:>20}"]
    headers = [format_header([card.ljust(80) for card in cards]) for cards in (primary, table)]
    cube.path.write_bytes(b"".join(headers) + os.urandom(2880))


def test_a_whole_cube_is_certain_whatever_its_timing_file_says(cube: WrittenCube) -> None:
    cube.timing_path.write_text("1 2 3\n" * 99)
    assert counted(cube) == FrameCount(FRAMES)


def test_a_cut_cube_had_what_header_and_timing_file_agree_on(cube: WrittenCube) -> None:
    os.truncate(cube.path, cube.path.stat().st_size - 2880)
    assert counted(cube) == FrameCount(FRAMES)


def test_a_cut_cube_without_timing_file_has_what_it_holds(cube: WrittenCube) -> None:
    cube.timing_path.unlink()
    content = cube.path.read_bytes().replace(
        b"NAXIS3  =                    4", b"NAXIS3  =           2147483648"
    )
    cube.path.write_bytes(content)
    found = counted(cube)
    assert found.counted_by is CountedBy.SIZE
    # The padding of the last block may look like more of them.
    assert FRAMES <= found.frames < 2880


def test_a_compressed_cube_counts_its_rows_or_else_what_its_image_claims(
    cube: WrittenCube,
) -> None:
    compress(cube, frames=FRAMES)
    assert counted(cube) == FrameCount(FRAMES, CountedBy.HEADER_CLAIM)
    compress(cube, frames=7)
    assert counted(cube) == FrameCount(FRAMES, CountedBy.TIMING_FILE)
    cube.timing_path.unlink()
    assert str(counted(cube)) == "at least 7 frames, as its header claims"


def test_the_reason_of_a_compressed_cube_says_what_it_may_be(cube: WrittenCube) -> None:
    compress(cube, frames=FRAMES)
    fits = stamp_of(cube.night_folder, paths_of(cube)[0])
    assert fits is not None
    seen = read_raw_cube(cube.night_folder, fits, cube.timing_stamp, Stream.VCAM1)
    assert isinstance(seen, SetAside)
    assert (seen.code, seen.frames) == ("not_a_cube", FRAMES)
    assert "tile-compressed" in seen.reason


@pytest.mark.parametrize("tiles", [None, pytest.param((1, 8, 12), marks=pytest.mark.soak)])
def test_a_cube_that_the_logger_compressed_says_what_it_is_and_unpacks_to_what_it_was(
    cube: WrittenCube, tmp_path: Path, tiles: tuple[int, int, int] | None
) -> None:
    good = cube.path.read_bytes()
    pixels, header = fits.getdata(cube.path), fits.getheader(cube.path)
    cube.path.unlink()
    cards = [{"name": k, "value": header[k]} for k in ("EXPTIME", "U_CAMERA")]
    # By cfitsio, as the logger does.
    tile_dims = tiles and (1, *pixels.shape[1:])
    fitsio.write(str(cube.path), pixels, compress="RICE", header=cards, tile_dims=tile_dims)
    seen = read_again(cube)
    assert isinstance(seen, SetAside)
    assert (seen.code, seen.frames) == ("not_a_cube", len(pixels))
    shape = " x ".join(map(str, reversed(pixels.shape)))
    assert f"tile-compressed (RICE_1, {shape} pixels of 16 bits)" in seen.reason
    command = shlex.split(seen.reason.partition("`")[2].partition("`")[0])
    assert (command[:2], command[-2:]) == (["vampctl", "unpack"], ["-o", "DIR"])
    out = tmp_path / "out"
    command = [str(BIN / command[0]), "unpack", command[2], "-o", str(out)]
    subprocess.run(command, cwd=cube.path.parent, check=True, capture_output=True)
    assert np.array_equal(fits.getdata(out / cube.path.name), pixels)
    # In its place it is a cube like any other.
    cube.path.write_bytes((out / cube.path.name).read_bytes())
    plain = read_again(cube)
    assert isinstance(plain, RawCube), plain
    assert plain.shape == pixels.shape
    assert cube.path.read_bytes()[-len(pixels.tobytes()) :] == good[-len(pixels.tobytes()) :]


def read_again(cube: WrittenCube) -> RawCube | SetAside:
    stamp = stamp_of(cube.night_folder, paths_of(cube)[0])
    assert stamp is not None
    return read_raw_cube(cube.night_folder, stamp, cube.timing_stamp, Stream.VCAM1)


def test_only_with_another_folder_is_a_name_without_its_ending_unpacked(cube: WrittenCube) -> None:
    before = cube.path.read_bytes()
    command = [str(BIN / "vampctl"), "unpack", cube.path.name]
    for out in ([], ["-o", "."]):
        done = subprocess.run(
            [*command, *out], cwd=cube.path.parent, capture_output=True, check=False
        )
        assert done.returncode != 0
    assert cube.path.read_bytes() == before


def test_rows_of_any_logger_are_rows_and_comments_are_none(cube: WrittenCube) -> None:
    cube.path.write_bytes(b"no fits")
    cube.timing_path.write_text("# 1 2 3\n" + "   5  1.5 2.5 3 4 5\n" * 3 + "   8  1.5 2")
    assert counted(cube) == FrameCount(4, CountedBy.TIMING_FILE)


def test_a_large_file_of_nothing_known_is_no_cube_of_zero_frames(cube: WrittenCube) -> None:
    cube.path.write_bytes(b"")
    cube.timing_path.unlink()
    assert counted(cube) == FrameCount(0, CountedBy.SIZE)
    os.truncate(cube.path, 60 * 4096 * 2304 * 2)
    assert counted(cube) == FrameCount(60, CountedBy.SIZE)
    cube.path.write_bytes(b"x")
    assert str(counted(cube)) == "at least 1 frame, as its size tells"


def test_what_is_refused_is_not_counted_unless_a_person_let_it_go(
    cube: WrittenCube, monkeypatch: pytest.MonkeyPatch
) -> None:
    fits, timing_file = (stamp_of(cube.night_folder, path) for path in paths_of(cube))
    assert fits is not None
    really_open = os.open

    def refuse(path: str | Path, flags: int, *rest: int, **how: int) -> int:
        if Path(path).name == cube.path.name:
            raise OSError(5, "Input/output error", str(path))
        return really_open(path, flags, *rest, **how)

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(TransientError) as refusal:
        count_frames(cube.night_folder, fits, timing_file)
    assert refusal.value.code == "io_error"
    known = count_readable_frames(cube.night_folder, fits, timing_file)
    assert known == FrameCount(FRAMES, CountedBy.TIMING_FILE)
