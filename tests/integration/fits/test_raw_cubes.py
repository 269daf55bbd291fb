"""Every fault of a raw cube costs that cube only, under a code of its own."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.support.builders.raw_cubes import (
    UNDEFINED_CARD,
    WrittenCube,
    raw_cards,
    raw_file,
    raw_pixels,
    raw_timing,
    timing_text,
    write_raw_cube,
)
from vampd.errors import TransientError
from vampd.fits.raw import read_raw_cube
from vampd.model.cubes import Cards, RawCube, SetAside, format_rows
from vampd.model.nights import FileStamp, Stream

_SHAPE = (4, 6, 10)


def _read(cube: WrittenCube) -> RawCube | SetAside:
    return read_raw_cube(cube.night_folder, cube.stamp, cube.timing_stamp, cube.stream)


def _refused(cube: WrittenCube, code: str) -> SetAside:
    verdict = _read(cube)
    assert isinstance(verdict, SetAside)
    assert verdict.code == code
    assert verdict.fits == cube.stamp
    assert verdict.timing_file == cube.timing_stamp
    assert len(verdict.reason) > 20
    return verdict


def test_a_good_cube_is_what_its_files_say(tmp_path: Path) -> None:
    cube = write_raw_cube(tmp_path, Stream.VCAM2, frames=5)
    read = _read(cube)
    assert isinstance(read, RawCube)
    assert (read.stream, read.fits, read.timing_file) == (
        Stream.VCAM2,
        cube.stamp,
        cube.timing_stamp,
    )
    assert read.shape == (5, 6, 10)
    assert read.cards == cube.cards
    assert format_rows(read.timing) == format_rows(cube.timing)


def test_a_link_to_a_good_cube_is_a_good_cube(tmp_path: Path) -> None:
    cube = write_raw_cube(tmp_path)
    elsewhere = tmp_path / "elsewhere.fits"
    cube.path.rename(elsewhere)
    cube.path.symlink_to(elsewhere)
    assert isinstance(_read(cube), RawCube)


def test_an_image_of_two_axes_is_a_cube_of_one_frame(tmp_path: Path) -> None:
    cards = raw_cards((1, 6, 10), changes={"NAXIS": 2, "NAXIS3": None})
    cube = write_raw_cube(tmp_path, frames=1, raw_header=cards)
    read = _read(cube)
    assert isinstance(read, RawCube)
    assert read.shape == (1, 6, 10)
    assert [card.keyword for card in read.cards][:7] == [
        *("SIMPLE", "BITPIX", "NAXIS", "NAXIS1", "NAXIS2", "NAXIS3"),
        "EXTEND",
    ]
    assert (read.cards.integer("NAXIS"), read.cards.integer("NAXIS3")) == (3, 1)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"BITPIX": -32}, "not_uint16"),
        ({"BZERO": None}, "not_uint16"),
        ({"BZERO": 0}, "not_uint16"),
        ({"BSCALE": 2.0}, "not_uint16"),
        ({"BSCALE": ""}, "not_uint16"),
        ({"NAXIS": 4}, "not_a_cube"),
        ({"NAXIS": 0}, "not_a_cube"),
        ({"NAXIS": None}, "not_a_cube"),
        ({"NAXIS": ""}, "not_a_cube"),
        ({"NAXIS2": None}, "header_malformed"),
        ({"NAXIS2": -6}, "header_malformed"),
        ({"NAXIS3": "four"}, "header_malformed"),
        ({"NAXIS3": 0}, "no_frames"),
        ({"NAXIS1": 0}, "no_frames"),
        ({"NAXIS3": 5000}, "fits_truncated"),
        ({"NAXIS2": 6000}, "fits_truncated"),
        ({"EXPTIME": None}, "exptime_missing"),
        ({"EXPTIME": ""}, "exptime_missing"),
        ({"EXPTIME": 0.0}, "exptime_invalid"),
        ({"EXPTIME": -1.0}, "exptime_invalid"),
        ({"EXPTIME": float("nan")}, "exptime_invalid"),
        ({"EXPTIME": float("inf")}, "exptime_invalid"),
        ({"EXPTIME": "0.1"}, "exptime_invalid"),
        ({"EXPTIME": True}, "exptime_invalid"),
        ({"EXPTIME": 86_400.5}, "exptime_invalid"),
        ({"U_CAMERA": 2}, "wrong_camera"),
    ],
)
def test_a_header_that_does_not_fit_sets_its_cube_aside(
    tmp_path: Path, changes: dict[str, str | int | float | None], code: str
) -> None:
    _refused(write_raw_cube(tmp_path, changes=changes), code)


def test_an_undefined_exposure_time_is_a_missing_one(tmp_path: Path) -> None:
    cards = raw_cards(_SHAPE, changes={"EXPTIME": None})
    undefined = UNDEFINED_CARD.text.replace("UNDEF  ", "EXPTIME")
    cube = write_raw_cube(tmp_path, raw_header=Cards((*cards.texts, undefined)))
    _refused(cube, "exptime_missing")


@pytest.mark.parametrize(
    "changes",
    [
        *({"EXPTIME": 86_400.0}, {"U_CAMERA": 3}, {"U_CAMERA": "2"}, {"U_CAMERA": None}),
        # What only a table or a compressed image says of itself, and text in another encoding.
        *({"PCOUNT": 0, "GCOUNT": 1}, {"TFIELDS": 1}, {"ZNAXIS": 1}, {"TSCAL1": 2.0}),
        *({"ZQUANTIZ": "NO_DITHER"}, {"OBJECT": "\xe2\x80\x93"}, {"OBJECT": "\xe9"}),
    ],
)
def test_what_is_possible_is_taken(
    tmp_path: Path, changes: dict[str, str | int | float | None]
) -> None:
    assert isinstance(_read(write_raw_cube(tmp_path, changes=changes)), RawCube)


@pytest.mark.parametrize("keyword", ["RET-ANG1", "FILTER01", "FILTER02", "OBJECT", "DETECTOR"])
def test_a_card_that_decides_a_detail_may_be_missing(tmp_path: Path, keyword: str) -> None:
    assert isinstance(_read(write_raw_cube(tmp_path, changes={keyword: None})), RawCube)


@pytest.mark.parametrize("missing", [1, 1000, 2880, 2881, 4000])
def test_a_cube_that_was_cut_anywhere_is_set_aside_with_its_frames(
    tmp_path: Path, missing: int
) -> None:
    cube = write_raw_cube(tmp_path, pixels=raw_pixels(4, 30, 20))
    os.truncate(cube.path, cube.path.stat().st_size - missing)
    assert _refused(cube, "fits_truncated").frames == 4


def test_a_cube_that_was_cut_in_its_header_has_the_frames_of_its_timing_file(
    tmp_path: Path,
) -> None:
    cube = write_raw_cube(tmp_path)
    os.truncate(cube.path, 2880)
    aside = _refused(cube, "fits_truncated")
    assert str(aside.count) == "at least 4 frames, as the timing file tells"


@pytest.mark.parametrize("more", [1, 2880, 8640])
def test_a_cube_with_more_behind_is_set_aside(tmp_path: Path, more: int) -> None:
    cube = write_raw_cube(tmp_path)
    with cube.path.open("ab") as file:
        file.write(bytes(more))
    assert _refused(cube, "fits_too_long").frames == 4


def _remove(cube: WrittenCube) -> None:
    cube.timing_path.unlink()


def _empty(cube: WrittenCube) -> None:
    cube.timing_path.write_bytes(b"")


def _comments_only(cube: WrittenCube) -> None:
    cube.timing_path.write_text("# nothing\n")


def _lose_a_row(cube: WrittenCube) -> None:
    cube.timing_path.write_text(timing_text(raw_timing(3)))


def _double_a_row(cube: WrittenCube) -> None:
    rows = cube.timing.take(np.array([0, 1, 1, 2]))
    cube.timing_path.write_text(timing_text(rows))


def _swap_rows(cube: WrittenCube) -> None:
    cube.timing_path.write_text(timing_text(cube.timing.take(np.array([0, 2, 1, 3]))))


def _cut_the_last_row(cube: WrittenCube) -> None:
    os.truncate(cube.timing_path, cube.timing_path.stat().st_size - 30)


def _lose_the_acquisition_time(cube: WrittenCube) -> None:
    rows = [" ".join(row.split()[:6]) for row in format_rows(cube.timing).splitlines()]
    cube.timing_path.write_text("\n".join(rows) + "\n")


def _binary(cube: WrittenCube) -> None:
    cube.timing_path.write_bytes(bytes(range(256)))


def _a_folder(cube: WrittenCube) -> None:
    cube.timing_path.unlink()
    cube.timing_path.mkdir()


@pytest.mark.parametrize(
    ("damage", "code"),
    [
        (_remove, "timing_missing"),
        (_empty, "timing_empty"),
        (_comments_only, "timing_empty"),
        (_lose_a_row, "timing_rows"),
        (_double_a_row, "timing_duplicated"),
        (_swap_rows, "timing_order"),
        (_cut_the_last_row, "timing_cut"),
        (_lose_the_acquisition_time, "timing_six_columns"),
        (_binary, "timing_malformed"),
        (_a_folder, "timing_unreadable"),
    ],
)
def test_a_timing_file_that_does_not_fit_sets_its_cube_aside(
    tmp_path: Path, damage: Callable[[WrittenCube], None], code: str
) -> None:
    cube = write_raw_cube(tmp_path)
    damage(cube)
    assert _refused(cube, code).frames == 4


@pytest.mark.parametrize(("row_bytes", "is_read"), [(500, True), (2_000, False)])
def test_a_timing_file_may_be_as_long_as_its_cube_has_frames(
    tmp_path: Path, row_bytes: int, is_read: bool
) -> None:
    frames = 3_000  # a megabyte does not hold their rows
    cube = write_raw_cube(tmp_path, pixels=np.zeros((frames, 1, 2), np.uint16))
    cube.timing_path.write_text(
        "".join(row.ljust(row_bytes) + "\n" for row in format_rows(cube.timing).splitlines())
    )
    if is_read:
        assert isinstance(_read(cube), RawCube)
    else:
        assert _refused(cube, "timing_too_long").frames == frames


def test_a_file_that_is_no_fits_is_set_aside(tmp_path: Path) -> None:
    cube = write_raw_cube(tmp_path)
    cube.path.write_bytes(b"logger crashed here\n" * 500)
    assert _refused(cube, "not_fits").frames == 4


def test_what_is_no_file_is_set_aside_without_waiting_for_it(tmp_path: Path) -> None:
    cube = write_raw_cube(tmp_path)
    cube.path.unlink()
    os.mkfifo(cube.path)
    _refused(cube, "unreadable")
    cube.path.unlink()
    cube.path.symlink_to("nowhere.fits")
    lost = FileStamp(cube.path.relative_to(tmp_path).as_posix(), 0, 0)
    verdict = read_raw_cube(tmp_path, lost, cube.timing_stamp, Stream.VCAM1)
    assert isinstance(verdict, SetAside)
    assert verdict.code == "link"


@pytest.mark.parametrize("name", ["a\nb.fits", "a\x07.fits", os.fsdecode(b"a\xff.fits")])
def test_a_name_that_no_text_file_can_hold_sets_its_cube_aside(tmp_path: Path, name: str) -> None:
    _refused(write_raw_cube(tmp_path, name=name), "name_unusable")


def test_a_cube_that_changed_since_it_was_listed_is_listed_again(tmp_path: Path) -> None:
    cube = write_raw_cube(tmp_path)
    stamp, timing_stamp = cube.stamp, cube.timing_stamp
    assert timing_stamp is not None
    os.utime(cube.path, ns=(1, 1))
    with pytest.raises(TransientError) as caught:
        read_raw_cube(tmp_path, stamp, timing_stamp, Stream.VCAM1)
    assert caught.value.code == "raw_changed"
    with pytest.raises(TransientError):
        read_raw_cube(tmp_path, cube.stamp, FileStamp(timing_stamp.path, 1, 1), Stream.VCAM1)


def test_reading_a_cube_leaves_it_untouched(tmp_path: Path) -> None:
    cube = write_raw_cube(tmp_path)
    before = [(path.stat(), path.read_bytes()) for path in (cube.path, cube.timing_path)]
    _read(cube)
    for (status, content), path in zip(before, (cube.path, cube.timing_path), strict=True):
        assert path.stat().st_mtime_ns == status.st_mtime_ns
        assert path.stat().st_ino == status.st_ino
        assert path.read_bytes() == content


def test_the_builder_writes_what_astropy_reads(tmp_path: Path) -> None:
    from astropy.io import fits

    cube = write_raw_cube(tmp_path)
    assert cube.path.read_bytes() == raw_file(cube.cards, cube.pixels)
    with fits.open(cube.path) as hdus:
        np.testing.assert_array_equal(hdus[0].data, cube.pixels)
        assert hdus[0].header["OBJECT"] == "HD 1 o'clock"
