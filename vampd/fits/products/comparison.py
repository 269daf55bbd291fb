"""Whether a packed product still holds what its raw frames are: pixel by pixel, nothing written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from vampd.fits.products.packed_file import PackedLayout, opened_product, read_layout, read_tiles
from vampd.fits.raw import stream_frames
from vampd.fits.rice import TileDecoder
from vampd.model.cubes import FrameRange
from vampd.model.nights import FileStamp
from vampd.ports import Pace


def find_other_frame(
    packed: Path,
    night_folder: Path,
    sources: Sequence[FileStamp],
    ranges: Sequence[FrameRange],
    pace: Pace,
) -> tuple[str, int] | None:
    """Raw cube and position in it of the first frame that differs from the product's.

    MalformedCube if the product is none; those of `stream_frames` for raw.
    """
    with opened_product(packed) as packed_fd:
        layout = read_layout(packed_fd, packed)
        image = layout.shape[1:]
        frames = _decode(packed_fd, layout)
        for batch in stream_frames(night_folder, sources, ranges, image):
            pace.check()
            for position, pixels in zip(batch.positions, batch.pixels, strict=True):
                found = next(frames, None)
                if found is None or not np.array_equal(found.reshape(image), pixels):
                    return batch.cube, position
    return None


def _decode(packed_fd: int, layout: PackedLayout) -> Iterator[npt.NDArray[np.int16]]:
    decoder = TileDecoder(layout.pixels)
    for batch in read_tiles(packed_fd, layout):
        start = 0
        for length in batch.lengths:
            yield decoder.decode(batch.stream[start:], length)
            start += length
