"""Receipts of a night that are in its folder alone: what there is to hold them against."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from vampd.errors import DataError
from vampd.model.cubes import PackedProduct
from vampd.model.nights import FileStamp, Kind, NightId, Stream
from vampd.model.proofs import (
    FIRST_FORM,
    RECEIPTS_PATH,
    SUMS_NAME,
    NamedProduct,
    PackingReceipt,
    Place,
    Receipt,
    disagreement_error,
    live_receipts,
    own_receipts,
    parse_receipts,
    refuse_contradicted,
    unread_claims,
)
from vampd.ports import NightReader
from vampd.stages.aside_files import read_sums
from vampd.stages.records.own_paths import product_path
from vampd.stages.records.whole_generations import given_up_identities


def believed_receipts(night: NightId, reader: NightReader) -> dict[str, PackingReceipt]:
    """Those of `known_receipts` that are of vampd's own files."""
    return own_receipts(known_receipts(night, reader))


def known_receipts(night: NightId, reader: NightReader) -> dict[str, PackingReceipt]:
    """The receipts on record; if there are none, those of two listings.

    Without a record, a line of receipts.tsv counts that SHA256SUMS confirms: the two were written
    at different times. What a person gave up may stand in both still.
    """
    recorded = reader.packing_receipts(night)
    if recorded:
        return live_receipts(recorded)
    listing, sums = reader.text(night, RECEIPTS_PATH), read_sums(reader.text(night, SUMS_NAME))
    try:
        listed = parse_receipts(listing or "")
    except DataError:
        return {}  # the stages name it
    confirmed = {path: one for path, one in listed.items() if sums.get(path) == one.sha256}
    return without_products(confirmed, given_up_identities(night, reader)) if confirmed else {}


def without_products(
    receipts: Mapping[str, PackingReceipt], identities: Collection[str]
) -> dict[str, PackingReceipt]:
    """The receipts but for those of these products and of their sidecars."""
    gone = {path for path, receipt in receipts.items() if receipt.identity in identities}
    return {path: each for path, each in receipts.items() if product_path(path) not in gone}


def refuse_older_record(night: NightId, reader: NightReader) -> None:
    """DataError ``receipts_disagree`` of files that are not as on record, and as receipts.tsv says.

    They are whole: an older database was put back, or an older folder. A damaged listing tells
    nothing.
    """
    recorded = own_receipts(live_receipts(reader.packing_receipts(night)))
    try:
        listed = parse_receipts(reader.text(night, RECEIPTS_PATH) or "") if recorded else {}
    except DataError:
        return
    readings = reader.receipts(night, Place.HERE)
    whole = {
        file.path
        for file in reader.files(night, Stream.VGEN2)
        if (reading := readings.get(file.path)) is not None
        and reading.file == file
        and file.path in listed
        and reading.sha256 == listed[file.path].sha256
    }
    others = [
        path
        for path in sorted(whole & recorded.keys())
        if recorded[path].sha256 != listed[path].sha256
    ]
    if others:
        raise disagreement_error(night, recorded, listed, others)


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
    generations: Mapping[str, str],
) -> tuple[str, ...]:
    """What is to be read before the receipts of ``listing`` are believed.

    ``generations`` are the digests of those that could be read.

    DataError ``receipts_damaged``; ``receipts_disagree`` if they are not to be believed.
    """
    listed, known = parse_receipts(listing), read_sums(sums)
    unread = unread_claims(own_receipts(listed), known, files, readings)
    if not unread:
        refuse_contradicted(night, listed, known, products, files, readings, generations)
    return unread


def unread_sums(
    files: Mapping[str, FileStamp], readings: Mapping[str, Receipt], sums: str | None
) -> tuple[str, ...]:
    """What SHA256SUMS names of these files and nothing else does: to be read, as they are now."""
    known = read_sums(sums)
    return tuple(
        path
        for path, file in sorted(files.items())
        if path in known and ((reading := readings.get(path)) is None or reading.file != file)
    )


def receipts_by_sums(
    readings: Mapping[str, Receipt],
    packed: Mapping[str, PackedProduct],
    products: Mapping[str, NamedProduct],
    sums: str | None,
) -> dict[str, PackingReceipt]:
    """A reading is a receipt only where SHA256SUMS, written at another time, says the same.

    So it is of a night of an earlier version, and of one whose both other records are lost.
    ``packed`` are the products here by path, ``products`` those of the generations by identity.
    """
    known = read_sums(sums)
    receipts = {}
    for path, reading in readings.items():
        if not path.startswith("vgen2/") or known.get(path) != reading.sha256:
            continue
        product = packed.get(product_path(path))
        identity = None if product is None else product.identity
        if path in packed and identity is None:
            continue
        named = products.get(identity or "")
        receipts[path] = PackingReceipt(
            path,
            reading.file.size,
            reading.sha256,
            identity if path in packed else None,
            FIRST_FORM if named is None else named.form,
        )
    return receipts
