"""What the fork server imports, so that no worker has to: the packer and its compiled functions.

The first start on a machine compiles, which takes seconds; later ones find it in numba's cache.
"""

from __future__ import annotations

import numpy as np

from vampd.fits import worker
from vampd.fits.rice import decode_tile, encode_tile

__all__ = ["worker"]

_PIXELS = np.zeros(1, np.int16)

decode_tile(encode_tile(_PIXELS), _PIXELS.size)
