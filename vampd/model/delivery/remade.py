"""What a restore would change: products that this version makes with other bytes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from vampd.model.cubes import Generation
from vampd.model.delivery.listed import ListedManifest
from vampd.model.delivery.spans import name_spans
from vampd.model.proofs import PRODUCT_FORM, PackingReceipt


@dataclass(frozen=True, order=True)
class RemadeProduct:
    """A product that would get other bytes under its name; ``version`` made it, in ``form``.

    ``manifest`` is the one that announced its ID, None if none did.
    """

    path: str
    version: str
    form: int
    manifest: str | None


def find_remade(
    generations: Iterable[Generation],
    receipts: Mapping[str, PackingReceipt],
    listed: Iterable[ListedManifest],
    version: str,
) -> tuple[RemadeProduct, ...]:
    """The products of a night, by path, that ``version`` of vampd would not make as they are.

    The version stands in HISTORY, and so does the form.
    """
    announced = {line.path: line.manifest for one in listed for line in one.products()}
    makers = {
        product.identity: generation.version
        for generation in generations
        for product in generation.products
    }
    return tuple(
        RemadeProduct(path, makers[receipt.identity], receipt.form, announced.get(path))
        for path, receipt in sorted(receipts.items())
        if receipt.identity in makers
        and (makers[receipt.identity], receipt.form) != (version, PRODUCT_FORM)
    )


def describe_remade(products: Iterable[RemadeProduct], version: str) -> Iterator[str]:
    """Sentences for people: which products, and which manifests announced them."""
    remade = sorted(products)
    for made_by, form in sorted({(one.version, one.form) for one in remade}):
        own = [one for one in remade if (one.version, one.form) == (made_by, form)]
        yield (
            f"{_count_of(own)} of vampd {made_by}, form {form}, made again by vampd {version} in"
            f" form {PRODUCT_FORM}: other bytes under the same names: {_names_of(own)}"
        )
    for manifest in sorted({one.manifest for one in remade if one.manifest}):
        own = [one for one in remade if one.manifest == manifest]
        yield f"{manifest} lists {_count_of(own)} of these: {_names_of(own)}"


def _count_of(products: list[RemadeProduct]) -> str:
    return "1 product" if len(products) == 1 else f"{len(products):,} products"


def _names_of(products: list[RemadeProduct]) -> str:
    return name_spans(one.path.removeprefix("vgen2/").removesuffix(".fits.fz") for one in products)
