"""What the fork server imports, so that no worker has to: packer, model and compiled functions.

The first start on a machine compiles, which takes seconds; later ones find it in numba's cache.
"""

from __future__ import annotations

import numpy as np

from vampd.fits import worker
from vampd.fits.rice import decode_tile, encode_tile, sum_words
from vampd.fits.trigger import compiled_kernels
from vampd.model.trigger import Arrivals, infer

__all__ = ["worker"]

_PIXELS = np.zeros(1, np.int16)

decode_tile(encode_tile(_PIXELS), _PIXELS.size)
sum_words(np.zeros(4, np.uint8))

_NUMBERS = np.arange(2, dtype=np.int64)
_FRAMES = Arrivals(_NUMBERS, _NUMBERS, _NUMBERS > 0, _NUMBERS > 0, _NUMBERS, _NUMBERS, _NUMBERS)

infer(_FRAMES, _FRAMES, 0.1, compiled_kernels())
