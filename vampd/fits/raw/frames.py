"""Frames of raw cubes as a stream: the pixels that a framelist refers to, in its order.

Neither a cube nor a product is ever in memory as a whole; pages are dropped after reading.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby, islice
from pathlib import Path

import numpy as np
import numpy.typing as npt

from vampd.disk.machine import drop_all, drop_behind, expect_picks, read_ahead
from vampd.disk.reading import open_raw
from vampd.disk.refusal import Cause, PathAccess, classify, naming_raw, translate_refusal
from vampd.errors import DataError, MalformedCube, TransientError, VampdError
from vampd.fits.headers import read_cards_at
from vampd.fits.raw.rawcube import CubeLayout, layout_of_int16
from vampd.model.cubes import FrameRange
from vampd.model.nights import FileStamp, bounded_ns

# Small enough for the processor's own cache, where pixels stay from reading to the last code.
BATCH_BYTES = 2 * 1024 * 1024
_AHEAD_BYTES = 8 * 1024 * 1024


@dataclass(frozen=True)
class FrameBatch:
    """Some frames of one cube: ``positions`` are theirs in the cube.

    ``pixels`` has shape (frames, NAXIS2, NAXIS1), big-endian as on the disk, BZERO not applied. It
    is a view of a buffer that the next batch overwrites; the reader may change it in place.
    """

    cube: str
    positions: range
    pixels: npt.NDArray[np.int16]


def stream_frames(
    night_folder: Path,
    sources: Sequence[FileStamp],
    ranges: Sequence[FrameRange],
    image: tuple[int, int],
) -> Iterator[FrameBatch]:
    """The frames of these ranges, in order, a few at a time; ``image`` is (NAXIS2, NAXIS1).

    DataError ``raw_changed`` if a source is no longer the file that sync saw, ``raw_unreadable``
    if it is no file of frames any more, ``frames_unlike`` if it does not hold such frames;
    TransientError or NotPermitted if it cannot be read now.
    """
    stamps = {stamp.path: stamp for stamp in sources}
    buffer = np.empty((frames_a_batch(image), *image), ">i2")
    for cube, parts in groupby(ranges, key=lambda part: part.cube):
        if cube not in stamps:
            raise DataError("source_missing", f"the framelist has no stamp of {cube}")
        with _opened_cube(night_folder, stamps[cube]) as (cube_fd, layout):
            expect_picks(cube_fd)
            batches = deque[range]()
            for part in parts:
                _check_range(part, layout, image)
                batches += _batches(part, len(buffer))
            ahead = max(1, _AHEAD_BYTES // buffer.nbytes)
            for positions in islice(batches, ahead):
                _read_ahead(cube_fd, layout, positions)
            while batches:
                positions = batches.popleft()
                pixels = buffer[: len(positions)]
                _read_batch(cube_fd, night_folder, cube, layout, positions, pixels)
                if len(batches) >= ahead:
                    # The disk works while these are compressed.
                    _read_ahead(cube_fd, layout, batches[ahead - 1])
                yield FrameBatch(cube, positions, pixels)


def frames_a_batch(image: tuple[int, int]) -> int:
    """The most frames of a batch; ``image`` is (NAXIS2, NAXIS1)."""
    return max(1, BATCH_BYTES // (image[0] * image[1] * np.dtype(np.int16).itemsize))


def locate_frame(ranges: Sequence[FrameRange], index: int) -> tuple[str, int]:
    """Cube and position in it of a product's frame (0-based)."""
    for part in ranges:
        if index < part.count:
            return part.cube, part.frames()[index]
        index -= part.count
    raise IndexError(f"the ranges do not reach frame {index} further")


@contextmanager
def _opened_cube(night_folder: Path, stamp: FileStamp) -> Iterator[tuple[int, CubeLayout]]:
    path = night_folder / stamp.path
    try:
        cube_fd = open_raw(night_folder, stamp.path)
    except FileNotFoundError as error:
        raise _raw_changed(stamp, "is gone") from error
    except OSError as error:
        raise _refused(stamp.path, path, error) from error
    try:
        _check_stamp(cube_fd, stamp)
        try:
            layout = layout_of_int16(*read_cards_at(cube_fd, 0, path))
        except MalformedCube as error:
            # It passed all checks at sync: a fault now concerns more than this cube.
            raise DataError("raw_unreadable", f"{stamp.path}: {error.message}") from error
        except TransientError as error:
            raise naming_raw(error, stamp.path) from error
        yield cube_fd, layout
        _check_stamp(cube_fd, stamp)
    finally:
        # Including what was read ahead in vain, and pages shared with frames of other products.
        drop_all(cube_fd)
        os.close(cube_fd)


def _check_stamp(cube_fd: int, stamp: FileStamp) -> None:
    status = os.fstat(cube_fd)
    if (status.st_size, bounded_ns(status.st_mtime_ns)) != (stamp.size, stamp.mtime_ns):
        raise _raw_changed(
            stamp,
            f"has {status.st_size} bytes and mtime {status.st_mtime_ns},"
            f" expected {stamp.size} and {stamp.mtime_ns}",
        )


def _check_range(part: FrameRange, layout: CubeLayout, image: tuple[int, int]) -> None:
    positions = part.frames()
    if layout.shape[1:] != image or not 0 <= positions[0] <= positions[-1] < layout.shape[0]:
        raise DataError(
            "frames_unlike",
            f"expected frames {positions[0]} to {positions[-1]} of {image[1]} x {image[0]} pixels"
            f" in {part.cube}, found {layout.shape[0]} of {layout.shape[2]} x {layout.shape[1]}",
            path=part.cube,
        )


def _batches(part: FrameRange, most: int) -> Iterator[range]:
    positions = part.frames()
    for start in range(0, len(positions), most):
        yield positions[start : start + most]


def _read_ahead(cube_fd: int, layout: CubeLayout, positions: range) -> None:
    for offset, length in _extents(layout, positions):
        read_ahead(cube_fd, offset, length)


def _read_batch(
    cube_fd: int,
    night_folder: Path,
    cube: str,
    layout: CubeLayout,
    positions: range,
    pixels: npt.NDArray[np.int16],
) -> None:
    """Fill ``pixels``; the pages leave the cache."""
    target = pixels.view(np.uint8).reshape(-1).data
    for offset, length in _extents(layout, positions):
        try:
            _read_fully(cube_fd, night_folder / cube, offset, target[:length])
        except TransientError as error:
            raise naming_raw(error, cube) from error
        drop_behind(cube_fd, offset, length)
        target = target[length:]


def _extents(layout: CubeLayout, positions: range) -> list[tuple[int, int]]:
    """Offsets and lengths: one for consecutive frames, else one per frame."""
    first = layout.offset + positions[0] * layout.frame_bytes
    if len(positions) == 1 or positions.step == 1:
        return [(first, len(positions) * layout.frame_bytes)]
    step_bytes = positions.step * layout.frame_bytes
    return [(first + n * step_bytes, layout.frame_bytes) for n in range(len(positions))]


def _read_fully(cube_fd: int, path: Path, offset: int, target: memoryview) -> None:
    while target:
        try:
            count = os.preadv(cube_fd, [target], offset)
        except OSError as error:
            raise translate_refusal(error, path, PathAccess.READ) from error
        if count == 0:
            raise DataError("raw_changed", f"{path} ended at byte {offset} while it was read")
        target = target[count:]
        offset += count


def _raw_changed(stamp: FileStamp, how: str) -> DataError:
    return DataError(
        "raw_changed",
        f"{stamp.path} is not the file that sync saw: it {how}; if it was meant to change,"
        " run the night again from sync",
        path=stamp.path,
    )


def _refused(cube: str, path: Path, error: OSError) -> VampdError:
    if classify(error) is Cause.PROPERTY:
        return DataError("raw_unreadable", f"cannot read {cube}: {error.strerror}", path=cube)
    return naming_raw(translate_refusal(error, path, PathAccess.READ), cube)
