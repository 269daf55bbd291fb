"""Receipts that only the folder has, as after the loss of the database, held against the rest.

A letter that was flipped in ``receipts.tsv`` would otherwise be the truth from then on, under a
name or a digest that is another file's or no one's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from vampd.errors import DataError
from vampd.model.nights import FileStamp, NightId
from vampd.model.proofs.checksums import SUMS_NAME
from vampd.model.proofs.packing_receipt import (
    FIRST_FORM,
    RECEIPTS_PATH,
    PackingReceipt,
    is_set_aside,
)
from vampd.model.proofs.receipt import Receipt

_NAMED = 5
_PRODUCT, _SIDECAR = ".fits.fz", ".txt"


@dataclass(frozen=True)
class NamedProduct:
    """What the generations and the ledger say of a product: its path, None if unknown; its form."""

    path: str | None
    form: int


def unread_claims(
    listed: Mapping[str, PackingReceipt],
    sums: Mapping[str, str],
    files: Mapping[str, FileStamp],
    readings: Mapping[str, Receipt],
) -> tuple[str, ...]:
    """The files to be read first: no sum confirms their line, or they have another size than it."""
    return tuple(
        path
        for path in sorted(listed.keys() & files.keys())
        if (path not in sums or files[path].size != listed[path].size)
        and ((reading := readings.get(path)) is None or reading.file != files[path])
    )


def refuse_contradicted(
    night: NightId,
    listed: Mapping[str, PackingReceipt],
    sums: Mapping[str, str],
    products: Mapping[str, NamedProduct],
    files: Mapping[str, FileStamp],
    readings: Mapping[str, Receipt],
    generations: Mapping[str, str],
) -> None:
    """DataError ``receipts_disagree`` where another record of the folder says otherwise.

    ``sums`` is what SHA256SUMS says, ``products`` are those of the generations by identity,
    ``files`` and ``readings`` what is here. ``generations`` are the digests of those that are
    whole by what they say themselves: both listings may be those of another night.
    """
    own = {path: receipt for path, receipt in listed.items() if not is_set_aside(path)}
    found = [
        (path, f"{path} is whole, with SHA-256 {sha256}, and in it with {own[path].sha256}")
        for path, sha256 in sorted(generations.items())
        if path in own and own[path].sha256 != sha256
    ]
    found += _contradictions(own, sums, products, files, readings)
    if not found:
        return
    more = f"; and {len(found) - _NAMED:,} more" if len(found) > _NAMED else ""
    raise DataError(
        "receipts_disagree",
        f"the database has no receipts of this night, and {RECEIPTS_PATH} is contradicted:"
        f" {'; '.join(why for _, why in found[:_NAMED])}{more}. Nothing of it is believed. Put the"
        f" right text in its place (the archive copy has {SUMS_NAME} too), or move {RECEIPTS_PATH}"
        f" out of the folder, so that each product is proven without it; then `vampctl"
        f" retry {night.date}`",
        night=str(night),
        paths=tuple(path for path, _ in found),
    )


def _contradictions(
    own: Mapping[str, PackingReceipt],
    sums: Mapping[str, str],
    products: Mapping[str, NamedProduct],
    files: Mapping[str, FileStamp],
    readings: Mapping[str, Receipt],
) -> Iterator[tuple[str, str]]:
    for path, sha256 in sorted(sums.items()):
        if path.startswith("vgen2/") and path not in own:
            yield path, f"{path} is in {SUMS_NAME} and not in it"
        elif path in own and own[path].sha256 != sha256:
            yield path, f"{path} has SHA-256 {own[path].sha256} in it and {sha256} in {SUMS_NAME}"
    for path, receipt in sorted(own.items()):
        reading = readings.get(path)
        if reading is not None and reading.file == files.get(path):
            is_same = reading.sha256 == receipt.sha256
            if is_same and reading.file.size != receipt.size:
                yield path, f"{path} has its SHA-256 and not its size"
            elif not is_same and path not in sums:
                yield path, f"{path} is not what it says, and {SUMS_NAME} does not have it"
        if path.endswith(_PRODUCT):
            yield from _contradict_product(receipt, products)
        elif path.endswith(_SIDECAR):
            product = own.get(f"{path.removesuffix(_SIDECAR)}{_PRODUCT}")
            if product is None or product.form != receipt.form:
                yield path, f"{path} is not the sidecar of a product in it"
        elif receipt.form != FIRST_FORM or receipt.identity is not None:
            yield path, f"{path} is no product, and has neither form nor identity"
        elif path not in sums and path not in files:
            yield path, f"{path} is in it alone"


def _contradict_product(
    receipt: PackingReceipt, products: Mapping[str, NamedProduct]
) -> Iterator[tuple[str, str]]:
    named = products.get(receipt.identity or "")
    others = {each.path for each in products.values()}
    if named is None and receipt.path in others:
        yield receipt.path, f"{receipt.path} has another identity in the generations"
    elif named is not None and named.path not in (None, receipt.path):
        yield receipt.path, f"the product that it calls {receipt.path} is {named.path}"
    elif named is not None and named.form != receipt.form:
        yield receipt.path, f"{receipt.path} has form {named.form} in its generation"
