"""Streams: the camera folders and the product folder of a night, and the names in them."""

from __future__ import annotations

import re
from enum import StrEnum

# The logger's own temporary name, `<name>.fits.<pid>.<tid>.tmp`.
_UNFINISHED = re.compile(r"(?P<cube>.+\.fits)\.\d+\.\d+\.tmp")
_TIME_IN_NAME = re.compile(r"(?P<h>[01]\d|2[0-3]):(?P<m>[0-5]\d):(?P<s>[0-5]\d)\.(?P<ns>\d{1,9})")


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


def timing_name(cube_name: str) -> str:
    """The timing file that belongs to a cube: ``x.fits`` -> ``x.txt``."""
    return cube_name.removesuffix(".fits") + ".txt"


def seconds_in_name(name: str) -> float | None:
    """The seconds since midnight in a raw file's name, None if it has none."""
    match = _TIME_IN_NAME.search(name)
    if match is None:
        return None
    whole = int(match["h"]) * 3600 + int(match["m"]) * 60 + int(match["s"])
    return whole + int(match["ns"].ljust(9, "0")) / 1e9
