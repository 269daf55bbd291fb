"""A timing file without a cube is no frame less: it is named, with as many frames as it tells."""

import pytest

from tests.support.fakes.fake_night_reader import FakeNightReader
from vampd.engine.nights.strays import describe_strays
from vampd.model.nights import Kind, NightId

NIGHT = NightId("20251106", Kind.ARCHIVE)
CUBE = "vcam1/vcam1_10:11:12.123456789"
ROWS = "0 1 100.5 1762424000.1 1762424000.2 1 1\n1 2 100.6 1762424000.3 1762424000.4 2 2\n"


def found(*paths: str, timing: str = ROWS) -> list[str]:
    reader = FakeNightReader()
    for path in paths:
        reader.write(path, timing if path.endswith(".txt") else b"")
    return list(describe_strays(NIGHT, reader, reader.raw_files(NIGHT)))


@pytest.mark.parametrize(
    "cube", [f"vcam2/{CUBE[6:]}.fits", "vcam1/.hidden.fits", "vcam1/ x.fits ", "vcam1/x.fits.part"]
)
def test_a_timing_file_without_its_cube_is_named_with_its_frames(cube: str) -> None:
    (described,) = found(f"{CUBE}.txt", cube)
    assert described.startswith(f"{CUBE}.txt has no cube beside it: at least 2 frames")


@pytest.mark.parametrize("name", [".fits", ".fits.gz", ".fits.123.456.tmp", ".data"])
def test_one_beside_its_cube_in_any_form_is_not(name: str) -> None:
    assert found(f"{CUBE}.txt", f"{CUBE}{name}") == []


@pytest.mark.parametrize("text", ["", "notes of the night\n", "a b c d e f\n"])
def test_a_text_that_is_no_timing_file_is_not(text: str) -> None:
    assert found("vcam1/notes.txt", timing=text) == []


def test_of_many_a_few_are_named() -> None:
    assert len(found(*(f"{CUBE}{number}.txt" for number in range(9)))) == 3


@pytest.mark.parametrize("below", ["sub", "sub/deeper", ".trash/20251106", "sub/a/b/c/d"])
def test_a_folder_in_a_stream_is_named_with_the_frames_that_lie_in_it(below: str) -> None:
    name = CUBE.removeprefix("vcam1/")
    (described,) = found(f"vcam1/{below}/{name}.fits", f"vcam1/{below}/{name}.txt")
    folder = below.partition("/")[0]
    assert described.startswith(f"vcam1/{folder} is a folder in a camera stream, with 1 FITS file")
    assert "at least 2 frames, as timing files tell, are in no product" in described
    assert "move what belongs to the night into vcam1" in described


@pytest.mark.parametrize("stream", ["VCAM2", "vcam3"])
def test_a_folder_nearly_of_a_streams_name_is_named_with_its_frames(stream: str) -> None:
    name = CUBE.removeprefix("vcam1/")
    (described,) = found(f"{stream}/{name}.fits", f"{stream}/{name}.txt")
    assert described.startswith(f"{stream} is no camera stream, with 1 FITS file: at least 2")


@pytest.mark.parametrize("cube", ["x.fits", "x.fits.gz", "x.fits.12.34.tmp"])
def test_raw_beside_the_streams_is_named_with_its_frames(cube: str) -> None:
    (described,) = found(cube, "x.txt", "manifest_VMP_20251106.csv", "vcam1/a.fits", "vcam1/a.txt")
    assert described.startswith(
        f"{cube} lies beside the camera streams, of 1 FITS file: at least 2 frames"
    )


def test_the_nights_own_texts_are_no_raw() -> None:
    texts = ("manifest_VMP_20251106.csv", "SHA256SUMS", "notes.txt", "header_table_20251106.csv")
    assert found(*texts, timing="fine weather\n") == []


def test_a_folder_without_raw_is_no_frame_less() -> None:
    assert found("vcam1/notes/read.me", "vcam2/notes/of_the_night.txt", timing="fine weather") == []
