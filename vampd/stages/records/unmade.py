"""Products that sync decided and that are nowhere: a framelist was lost before it was packed.

What has a packing receipt is no such product, whether its file is there or not.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from vampd.errors import DataError
from vampd.model.cubes import Product
from vampd.model.nights import NightId
from vampd.model.proofs import live_receipts
from vampd.ports import NightReader

_NAMED = 3


def find_unmade(night: NightId, reader: NightReader) -> tuple[Product, ...]:
    """The products of the night's generations that are neither framelist nor packed, nor were."""
    made = {head.identity for head in reader.framelist_heads(night)}
    made |= {product.identity or "" for product in reader.packed_products(night)}
    receipts = live_receipts(reader.packing_receipts(night)).values()
    made |= {receipt.identity or "" for receipt in receipts}
    return choose_unmade((p for g in reader.generations(night) for p in g.products), made)


def choose_unmade(products: Iterable[Product], made: Collection[str]) -> tuple[Product, ...]:
    """Those of these products whose identities are not among the ones that were made."""
    return tuple(product for product in products if product.identity not in made)


def describe_unmade(night: NightId, reader: NightReader) -> Iterator[str]:
    """What of a finished night was never made: one sentence, and the cure."""
    unmade = find_unmade(night, reader)
    if unmade:
        yield _describe(night, unmade)


def refuse_unmade(night: NightId, unmade: Collection[Product]) -> None:
    """DataError ``product_missing`` of products that a night goes on without."""
    if unmade:
        raise DataError("product_missing", _describe(night, unmade), night=str(night))


def _describe(night: NightId, unmade: Collection[Product]) -> str:
    names = [f"{product.name} ({product.frames} frames)" for product in unmade]
    more = f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
    verb = "is" if len(names) == 1 else "are"
    return (
        f"{', '.join(names[:_NAMED])}{more} {verb} neither packed nor a framelist;"
        f" `vampctl retry {night.date} --from sync` makes what is missing"
    )
