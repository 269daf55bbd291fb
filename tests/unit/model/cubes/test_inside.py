"""No record of a night names a file outside it, whoever wrote the record."""

import pytest

from vampd.model.cubes.inside import product_name, raw_path


@pytest.mark.parametrize("path", ["vcam1/x.fits", "vcam2/a\nb \udcff.txt", "vcam1/..x"])
def test_a_raw_file_lies_in_a_stream(path: str) -> None:
    assert raw_path(path) == path


@pytest.mark.parametrize(
    "path",
    [
        "/etc/x.fits",
        "../x",
        "vcam1/../x",
        "vcam1/..",
        "vcam1/.",
        "vcam1/",
        "vcam3/x",
        "x",
        "vcam1/a/b",
    ],
)
def test_whatever_else_is_no_raw_file(path: str) -> None:
    with pytest.raises(ValueError, match="no raw file"):
        raw_path(path)


@pytest.mark.parametrize("name", ["", ".", "..", "../x", "a/b", ".hidden", "a\0b"])
def test_a_product_is_no_path(name: str) -> None:
    with pytest.raises(ValueError, match="no name"):
        product_name(name)
