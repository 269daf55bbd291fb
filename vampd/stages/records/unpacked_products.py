"""Products that are not packed yet, as the stages plan with them.

Their framelists without cards and times, which for ten thousand cubes are a gigabyte.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from vampd.model.cubes import Framelist, ProductOrder
from vampd.model.nights import NightId
from vampd.model.sharing import shared
from vampd.ports import NightReader

_BYTES_A_PIXEL = 2


@dataclass(frozen=True, slots=True)
class UnpackedProduct:
    """What a framelist names; ``bytes`` are those of its frames in the raw cubes."""

    name: str
    identity: str
    order: ProductOrder
    path: str
    packed_path: str
    sidecar_path: str
    frames: int
    bytes: int
    has_frame_id: bool


def read_unpacked(night: NightId, reader: NightReader) -> tuple[UnpackedProduct, ...]:
    """The night's framelists, by path. DataError of a damaged one."""
    return tuple(
        _without_content(reader.framelist(night, head.path))
        for head in reader.framelist_heads(night)
    )


def by_order(products: Iterable[UnpackedProduct]) -> list[UnpackedProduct]:
    """In the order of the night."""
    return sorted(products, key=lambda product: (product.order, product.name))


def _without_content(framelist: Framelist) -> UnpackedProduct:
    cards = framelist.cards
    pixels = (cards.integer("NAXIS1") or 0) * (cards.integer("NAXIS2") or 0)
    return UnpackedProduct(
        name=framelist.name,
        identity=shared(framelist.identity),
        order=framelist.order,
        path=framelist.path,
        packed_path=framelist.packed_path,
        sidecar_path=framelist.sidecar_path,
        frames=framelist.frames,
        bytes=framelist.frames * pixels * _BYTES_A_PIXEL,
        has_frame_id=bool(cards.string("FRAMEID")),
    )
