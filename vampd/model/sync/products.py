"""Products as sync decides them: their names and the fates of their frames."""

from __future__ import annotations

from collections.abc import Iterable

from vampd.model.cubes import Product
from vampd.model.sync.flc import FlcState


def stem_of(name: str) -> str:
    """A product's name without camera and state: what its siblings have in common."""
    for state in FlcState:
        name = name.removesuffix(f".{state}")
    return name.partition(".cam")[0]


def count_products(products: Iterable[Product]) -> dict[str, int]:
    """How many of their frames have which fate, by the names in SyncCounts."""
    made = list(products)
    split = [p for p in made if p.order.flc_state]
    return {
        "synchronised": sum(p.frames for p in made if p.synchronised),
        "solo": sum(p.frames for p in made if not p.synchronised),
        "deinterleaved": sum(p.frames for p in split),
        "dubious": sum(p.frames for p in split if p.order.flc_state == FlcState.D),
    }
