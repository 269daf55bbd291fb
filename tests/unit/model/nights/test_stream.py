"""Streams and the names in them."""

import pytest

from vampd.model.nights import (
    CAMERA_STREAMS,
    Stream,
    find_cubes,
    is_cube_name,
    plain_cube_path,
    seconds_in_name,
    timing_name,
    unfinished_cube_name,
)


def test_cameras_have_numbers_and_the_product_folder_has_none() -> None:
    assert [stream.camera for stream in CAMERA_STREAMS] == [1, 2]
    with pytest.raises(ValueError, match="products"):
        _ = Stream.VGEN2.camera


@pytest.mark.parametrize(
    ("name", "cube"),
    [
        ("vcam1_10:20:00.509403978.fits.12.34.tmp", "vcam1_10:20:00.509403978.fits"),
        ("a.fits.1.2.tmp", "a.fits"),
        (".fits.1.2.tmp", None),
        ("a.fits", None),
        ("a.fits.1.tmp", None),
        ("a.fits.1.2.tmp.x", None),
        ("a.fits.x.2.tmp", None),
        ("a.txt.1.2.tmp", None),
    ],
)
def test_only_the_loggers_own_temporary_names_are_unfinished_cubes(
    name: str, cube: str | None
) -> None:
    assert unfinished_cube_name(name) == cube


@pytest.mark.parametrize(
    ("name", "is_cube"),
    [
        ("a.fits", True),
        (".a.fits", False),
        ("a.fits.header", False),
        ("a.txt", False),
        ("a.fits.1.2.tmp", False),
        ("a.FITS", False),
    ],
)
def test_a_cube_ends_in_fits_and_is_not_hidden(name: str, is_cube: bool) -> None:
    assert is_cube_name(name) is is_cube


def test_a_timing_file_has_its_cubes_stem() -> None:
    assert timing_name("vcam1/a.fits") == "vcam1/a.txt"
    assert timing_name("vcam1/a.fits.fits") == "vcam1/a.fits.txt"
    assert timing_name("vcam1/a.fits.gz") == "vcam1/a.txt"


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("a.fits", None),
        ("a.txt", None),
        (".a.fits.gz", None),
        ("a.fits.gz", "a.fits"),
        ("a.b.FITS.FZ", "a.b.fits"),
        ("a.fits.fits.Z", "a.fits.fits"),
        ("a.fit", "a.fits"),
        ("a.FITS", "a.fits"),
        ("a.fits.1.2.tmp", "a.fits"),
        ("a.1.h5", "a.1.fits"),
        ("a", "a.fits"),
    ],
)
def test_a_file_that_may_be_a_cube_is_that_of_its_stem(name: str, plain: str | None) -> None:
    assert plain_cube_path(name) == plain
    assert plain_cube_path(f"vcam1/{name}") == (plain and f"vcam1/{plain}")


@pytest.mark.parametrize(
    ("paths", "accounted", "cubes"),
    [
        ("a.fits b.fits.gz", "", "a.fits b.fits.gz"),
        # With the cube itself beside it, or on record, another form of it is no second cube.
        ("a.fits a.fits.gz a.fits.fz", "", "a.fits"),
        ("a.fits.gz", "a.fits", ""),
        ("a.fits.fz a.fits.gz", "", "a.fits.fz"),
        ("a.fits.fz a.fits.gz", "a.fits.gz", "a.fits.gz"),
        # Any file is one where its timing file says that there was a cube.
        ("a.h5 a.txt b.h5 c.txt notes", "", "a.h5"),
        ("a.fits.1.2.tmp a.txt .a.fits.gz", "", ""),
        ("a.fits.1.2.tmp a.fits.gz", "", "a.fits.gz"),
    ],
)
def test_a_cube_counts_once_in_whatever_form(paths: str, accounted: str, cubes: str) -> None:
    assert find_cubes(paths.split(), accounted.split()) == set(cubes.split())


@pytest.mark.parametrize(
    ("name", "seconds"),
    [
        ("vcam1_10:20:00.509403978.fits", 37200.509403978),
        ("vcam1_00:00:00.5.fits", 0.5),
        ("vcam1_23:59:59.999999999.fits", 86399.999999999),
        ("vcam1_24:00:00.000000000.fits", None),
        ("vcam1_10:60:00.000000000.fits", None),
        ("vcam1_10:20:00.fits", None),
        ("darks.fits", None),
    ],
)
def test_a_name_shows_its_time_of_day(name: str, seconds: float | None) -> None:
    assert seconds_in_name(name) == pytest.approx(seconds, abs=1e-9)
