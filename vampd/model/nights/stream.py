"""Streams: the camera folders and the product folder of a night, and the names in them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import StrEnum

# The logger's own temporary name, `<name>.fits.<pid>.<tid>.tmp`.
_UNFINISHED = re.compile(r"(?P<cube>.+\.fits)\.[0-9]+\.[0-9]+\.tmp")
# A cube that somebody compressed, or named as no logger does.
_OTHER_FORM = re.compile(
    r"(?P<stem>.+)\.(?:fits?|fts)(?:\.(?:fz|gz|z|bz2|xz|lzma|zst|lz4|zip|7z))?", re.IGNORECASE
)
_TIME_IN_NAME = re.compile(
    r"(?P<h>[01]\d|2[0-3]):(?P<m>[0-5]\d):(?P<s>[0-5]\d)\.(?P<ns>\d{1,9})", re.ASCII
)


class Stream(StrEnum):
    """A folder of a night that holds cubes."""

    VCAM1 = "vcam1"
    VCAM2 = "vcam2"
    VGEN2 = "vgen2"

    @property
    def camera(self) -> int:
        """The camera's number, as in U_CAMERA; ValueError for the product folder."""
        if self is Stream.VGEN2:
            raise ValueError("vgen2 holds products, not a camera's cubes")
        return int(self.value[-1])


CAMERA_STREAMS = (Stream.VCAM1, Stream.VCAM2)


def unfinished_cube_name(name: str) -> str | None:
    """The cube that a logger's temporary file will become, None if the name is not such a file."""
    match = _UNFINISHED.fullmatch(name)
    return match["cube"] if match else None


def is_cube_name(name: str) -> bool:
    """Whether a name in a camera stream denotes a raw cube (hidden files do not)."""
    return name.endswith(".fits") and not name.startswith(".")


def is_fits_name(name: str) -> bool:
    """Whether a name denotes a FITS file, compressed, temporary or not (hidden files do not)."""
    is_one = _OTHER_FORM.fullmatch(name) or _UNFINISHED.fullmatch(name)
    return bool(is_one) and not name.startswith(".")


def plain_cube_path(path: str) -> str | None:
    """What a logger calls the cube that is here under another name; None for a cube's own name.

    Its temporary name, a compressed form, or any other file that could be it: whether it is one,
    `find_cubes` says. Hidden files and timing files are none.
    """
    folder, slash, name = path.rpartition("/")
    if is_cube_name(name) or name.startswith(".") or name.endswith(".txt"):
        return None
    cube = unfinished_cube_name(name)
    if cube is None:
        match = _OTHER_FORM.fullmatch(name)
        cube = f"{match['stem'] if match else name.rpartition('.')[0] or name}.fits"
    return f"{folder}{slash}{cube}"


def find_cubes(paths: Iterable[str], accounted: Iterable[str] = ()) -> frozenset[str]:
    """Which of these files of camera streams hold cubes, without those of a temporary name.

    Each name that a logger gives; and where no file has or, by ``accounted`` (paths on record), had
    it, one in a compressed form or with the cube's timing file beside it, whatever it is.
    """
    here, known = set(paths), set(accounted)
    cubes = {path for path in here if is_cube_name(path.rpartition("/")[2])}
    taken = {plain_cube_path(path) or path: path for path in sorted(known)}
    taken |= {path: path for path in cubes}
    for path in sorted(here - cubes):
        plain, name = plain_cube_path(path), path.rpartition("/")[2]
        if plain is None or unfinished_cube_name(name):
            continue
        is_one = path in known or timing_name(plain) in here or _OTHER_FORM.fullmatch(name)
        if is_one and taken.setdefault(plain, path) == path:
            cubes.add(path)
    return frozenset(cubes)


def timing_name(cube_path: str) -> str:
    """The timing file of a cube in any form: ``x.fits``, ``x.fits.gz`` -> ``x.txt``."""
    return (plain_cube_path(cube_path) or cube_path).removesuffix(".fits") + ".txt"


def seconds_in_name(name: str) -> float | None:
    """The seconds since midnight in a raw file's name, None if it has none."""
    match = _TIME_IN_NAME.search(name)
    if match is None:
        return None
    whole = int(match["h"]) * 3600 + int(match["m"]) * 60 + int(match["s"])
    return whole + int(match["ns"].ljust(9, "0")) / 1e9
