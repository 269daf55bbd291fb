"""Frames stream from the very file that sync saw, or the stream ends in an error."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tests.support.builders.framelists import framelist_of
from tests.support.builders.raw_cubes import WrittenCube, raw_timing, write_raw_cube
from vampd.errors import DataError
from vampd.fits.raw import frames, stream_frames
from vampd.fits.raw.frames import FrameBatch


def _rewrite(cube: WrittenCube) -> None:
    with cube.path.open("r+b") as file:
        file.seek(-100, os.SEEK_END)
        file.write(b"others")


def _lengthen(cube: WrittenCube) -> None:
    os.truncate(cube.path, cube.path.stat().st_size + 2880)


def _stream(night: Path, cubes: Sequence[WrittenCube], look: Callable[[FrameBatch], None]) -> None:
    framelist = framelist_of(cubes)
    for batch in stream_frames(night, framelist.sources, framelist.ranges, (6, 10)):
        look(batch)


@pytest.mark.parametrize("change", [_rewrite, _lengthen])
@pytest.mark.parametrize("seen", range(1, 9))
def test_a_cube_that_is_written_to_while_its_frames_are_read_is_refused_behind_the_last_of_them(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    change: Callable[[WrittenCube], None],
    seen: int,
) -> None:
    monkeypatch.setattr(frames, "BATCH_BYTES", 1)  # frames come one by one
    first = write_raw_cube(tmp_path)
    second = write_raw_cube(
        tmp_path, timing=raw_timing(4, first_us=int(first.timing.acquired_us[-1]) + 2_000)
    )
    cubes = [first, second]
    for cube in cubes:
        os.utime(cube.path, ns=(1, 1))
    written = cubes[(seen - 1) // 4]
    came: list[tuple[str, int]] = []

    def look(batch: FrameBatch) -> None:
        came.extend((batch.cube, position) for position in batch.positions)
        if len(came) == seen:
            change(written)

    with pytest.raises(DataError) as caught:
        _stream(tmp_path, cubes, look)
    assert caught.value.code == "raw_changed"
    assert caught.value.context["path"] == written.stamp.path
    assert came[-1] == (written.stamp.path, 3)
