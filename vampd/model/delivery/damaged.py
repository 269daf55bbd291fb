"""Manifests that no longer say what they were written to say, as far as they and the records tell.

A manifest is written once, from products, IDs and one prefix, so that it can be held against them.
What a restore has changed since is none of this: see `refuse_stale`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from vampd.errors import DataError
from vampd.model.delivery.listed import ListedManifest, product_path
from vampd.model.delivery.mail_text import ManifestText
from vampd.model.frame_ids import FrameId
from vampd.model.proofs import PackingReceipt, parse_sums


def describe_manifest_faults(
    date: str,
    manifests: Sequence[ListedManifest],
    receipts: Mapping[str, PackingReceipt],
    bound: Collection[FrameId],
) -> Iterator[str]:
    """What is wrong with each of these manifests, one sentence each, with the cure.

    ``receipts`` are those of the products, by path; ``bound`` are the IDs that the ledger has for
    this night: none, if it is lost. DataError ``manifest_damaged`` where one cannot be read.
    """
    for one in manifests:
        name = one.text.file.name
        why = next(_faults(date, one, receipts, bound), None)
        if why is not None:
            yield (
                f"{name} is damaged: {why}; move it away, and `vampctl retry {date} --from"
                " manifest` writes it again"
            )


def refuse_damaged(
    date: str,
    manifests: Sequence[ListedManifest],
    receipts: Mapping[str, PackingReceipt],
    bound: Collection[FrameId],
) -> None:
    """DataError ``manifest_damaged`` if any of these is not what it was written to be."""
    for fault in describe_manifest_faults(date, manifests, receipts, bound):
        raise DataError("manifest_damaged", fault)


def refuse_listed_without_product(
    manifests: Iterable[ManifestText], receipts: Mapping[str, PackingReceipt]
) -> None:
    """DataError ``manifest_stale`` if any of these lists an ID whose product is no more.

    What was announced may: it is to be announced that is refused. ``receipts`` are those of the
    night; without any, nothing is known.
    """
    for manifest in manifests if receipts else ():
        ids = {line.frame_id for line in manifest.manifest.lines}
        lost = sorted(one for one in ids if product_path(one) not in receipts)
        if lost:
            date = manifest.file.night.date
            more = f" and {len(lost) - 1:,} more" if len(lost) > 1 else ""
            raise DataError(
                "manifest_stale",
                f"{manifest.file.name} lists {lost[0]}{more}, without a product any more, and"
                " must not be announced: move it out of the folder, then `vampctl retry"
                f" {date} --from manifest` writes one without",
                night=str(manifest.file.night),
            )


def _faults(
    date: str,
    one: ListedManifest,
    receipts: Mapping[str, PackingReceipt],
    bound: Collection[FrameId],
) -> Iterator[str]:
    lines = one.text.manifest.lines
    prefixes = {line.path.removesuffix(f"/{date}/{product_path(line.frame_id)}") for line in lines}
    for line in lines:
        if bound and line.frame_id not in bound:
            yield f"it lists {line.frame_id}, which the ledger has not given to this night"
        if not line.path.endswith(f"/{date}/{product_path(line.frame_id)}") or len(prefixes) > 1:
            yield f"the path of {line.frame_id} is not like the others"
    for product in one.products():
        receipt = receipts.get(product.path)
        # The digest says that these are the very bytes.
        is_same = receipt is not None and product.sha256 == receipt.sha256
        if receipt is not None and is_same and product.size != receipt.size:
            yield f"it gives {product.frame_id} {product.size} bytes, it has {receipt.size}"
    missing = parse_sums(one.digests or "").keys() - {product_path(line.frame_id) for line in lines}
    if missing:
        yield f"it lacks {min(missing)}, which its digests list"
