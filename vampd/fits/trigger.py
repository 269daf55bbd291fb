"""The loops of the trigger's model, compiled."""

from __future__ import annotations

from functools import cache

from vampd.fits.compiled import compiled
from vampd.model.trigger import Kernels, compile_kernels


@cache
def compiled_kernels() -> Kernels:
    """The loops, compiled when they are first called."""
    return compile_kernels(compiled)
