"""Single frames of packed products."""

from __future__ import annotations

import os
from pathlib import Path

from vampd.fits.products.packed_file import read_layout
from vampd.fits.rice import decode_tile
from vampd.fits.rice.coder import Int16


def read_packed_frame(path: Path, frame: int) -> Int16:
    """One frame's stored pixels (BZERO not applied), native order, shape (NAXIS2, NAXIS1)."""
    with path.open("rb") as packed:
        layout = read_layout(packed.fileno(), path)
        length, offset = layout.tiles[frame].tolist()
        coded = os.pread(packed.fileno(), length, offset)
    return decode_tile(coded, layout.pixels).reshape(layout.shape[1:])
