"""Receipts of a night that are in its folder alone: what there is to hold them against."""

from __future__ import annotations

from collections.abc import Mapping

from vampd.model.nights import FileStamp, Kind, NightId
from vampd.model.proofs import (
    NamedProduct,
    Receipt,
    own_receipts,
    parse_receipts,
    refuse_contradicted,
    unread_claims,
)
from vampd.ports import NightReader
from vampd.stages.aside_files import read_sums


def name_products(night: NightId, reader: NightReader) -> dict[str, NamedProduct]:
    """What the generations and the ledger say of the night's products, by identity."""
    bound = reader.bound_ids(night)
    named = {}
    for generation in reader.generations(night):
        for product in generation.products:
            name = str(bound[product.identity].frame_id) if product.identity in bound else None
            if night.kind is Kind.ENGINEERING:
                name = product.name
            path = None if name is None else f"vgen2/{name}.fits.fz"
            named[product.identity] = NamedProduct(path, generation.form)
    return named


def judge_folder_receipts(
    night: NightId,
    listing: str,
    files: Mapping[str, FileStamp],
    readings: Mapping[str, Receipt],
    products: Mapping[str, NamedProduct],
    sums: str | None,
) -> tuple[str, ...]:
    """What is to be read before the receipts of ``listing`` are believed.

    DataError ``receipts_damaged``; ``receipts_disagree`` if they are not to be believed.
    """
    listed, known = parse_receipts(listing), read_sums(sums)
    unread = unread_claims(own_receipts(listed), known, files, readings)
    if not unread:
        refuse_contradicted(night, listed, known, products, files, readings)
    return unread
