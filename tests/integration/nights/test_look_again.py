"""What was set aside is looked at again by `retry --from sync`, and each frame counts once."""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.builders.smallest_night import make_smallest
from tests.support.daemon.site import make_site
from tests.support.examples import others_in_soak
from tests.support.worlds.proof.beginning import TABLES
from tests.support.worlds.proof.in_process import InProcess
from vampd.model.nights import Kind, Status

DATE = "20251106"
_HOUR_S = 3600.0


def timing_files(folder: Path, camera: int) -> list[Path]:
    return sorted((folder / f"vcam{camera}").glob("*.txt"))


def shift_times(path: Path, by_s: float, frames: slice = slice(None)) -> None:
    """Give rows of a timing file acquisition times of another clock."""
    lines = path.read_text().splitlines(keepends=True)
    for number in range(len(lines))[frames]:
        fields = lines[number].split(" ")
        fields[4] = f"{float(fields[4]) + by_s:.9f}"
        lines[number] = " ".join(fields)
    path.write_text("".join(lines))


def spoil_a_row(folder: Path) -> None:
    path = timing_files(folder, 1)[0]
    whole = path.read_bytes()
    path.write_bytes(whole[:-40] + b"x" + whole[-39:])


def copy_the_wrong_cube(folder: Path) -> None:
    first, *_ = timing_files(folder, 1)
    other = first.with_name(f"{first.stem[:-1]}x.txt")
    for one, two in ((first, other), (first.with_suffix(".fits"), other.with_suffix(".fits"))):
        shutil.copyfile(one, two)


def set_one_cubes_clock(folder: Path) -> None:
    shift_times(timing_files(folder, 1)[0], _HOUR_S)


def set_a_cameras_clock(folder: Path) -> None:
    for path in timing_files(folder, 2):
        shift_times(path, _HOUR_S)


@dataclass(frozen=True)
class Kept:
    """The raw files of a night, as they were."""

    folder: Path
    files: dict[Path, tuple[bytes, int]]

    def put_back(self, keep_stamps: bool) -> None:
        """Mend each file that changed; with the stamp that it has, or as a new one."""
        for path, (content, _) in self.files.items():
            if path.read_bytes() != content:
                stamp = path.stat().st_mtime_ns
                path.write_bytes(content.ljust(path.stat().st_size) if keep_stamps else content)
                if keep_stamps:
                    os.utime(path, ns=(stamp, stamp))
