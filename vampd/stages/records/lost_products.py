"""Files that a person gave up: no good copy is left, and raw does not give them again."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from vampd.errors import DataError
from vampd.model.cubes import Generation
from vampd.model.nights import NightId
from vampd.model.proofs import (
    RECEIPTS_PATH,
    PackingReceipt,
    Place,
    find_damaged,
    find_missing,
    live_receipts,
    own_receipts,
    parse_receipts,
)
from vampd.ports import SyncReader
from vampd.stages.records.own_paths import RAW_RECORDS, product_path, sidecar_path
from vampd.stages.records.whole_generations import withdrawn_of


@dataclass(frozen=True)
class LostProducts:
    """``files`` are the products to be withdrawn, by identity.

    ``left`` are the files with receipts that are to be put away: those of products that were
    withdrawn, each with its sidecar, and raw records.
    """

    files: Mapping[str, str] = field(default_factory=dict)
    left: tuple[tuple[str, ...], ...] = ()


def find_lost_products(
    night: NightId, reader: SyncReader, generations: Sequence[Generation]
) -> LostProducts:
    """What a person let go and is still damaged or missing here, by listing and readings.

    ``generations`` are those that count.
    """
    let_go = reader.let_go(night)
    recorded = reader.packing_receipts(night)
    receipts = own_receipts(live_receipts(recorded))
    wanted = {product.identity for each in generations for product in each.products}
    gone = withdrawn_of(generations)
    if gone and not recorded:
        receipts = _given_up_here(night, reader, gone)
    withdrawn = [path for path, one in sorted(receipts.items()) if one.identity in gone]
    left: list[tuple[str, ...]] = [(path, sidecar_path(path)) for path in withdrawn]
    if not let_go & receipts.keys():
        return LostProducts(left=tuple(left))
    files = {file.path: file for file in reader.files(night, "vgen2")}
    readings = reader.receipts(night, Place.HERE)
    faulty = {*find_damaged(receipts, files, readings), *find_missing(receipts, files)}
    lost = sorted(let_go & faulty)
    left += [(path,) for path in lost if RAW_RECORDS.fullmatch(path)]
    products = {product_path(path) for path in lost} & receipts.keys()
    identities = {path: receipts[path].identity for path in sorted(products)}
    return LostProducts(
        {identity: path for path, identity in identities.items() if identity in wanted},
        tuple(left),
    )


def _given_up_here(
    night: NightId, reader: SyncReader, gone: Collection[str]
) -> dict[str, PackingReceipt]:
    """What receipts.tsv has of these products, of which something is left here.

    So it is where a release was killed and the database lost: nothing else tells their paths.
    """
    files = {file.path for file in reader.files(night, "vgen2")}
    try:
        listed = parse_receipts(reader.text(night, RECEIPTS_PATH) or "")
    except DataError:
        return {}  # fpack names it
    return {
        path: receipt
        for path, receipt in listed.items()
        if receipt.identity in gone and files & {path, sidecar_path(path)}
    }
