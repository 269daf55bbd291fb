"""Generations that are gone or damaged: until they are back, sync must decide nothing.

What they decided would count as late, and its frames would get other products, and other IDs.
"""

from __future__ import annotations

from vampd.errors import DataError
from vampd.model.nights import NightId
from vampd.model.proofs import (
    Place,
    damage_error,
    find_damaged,
    find_missing,
    loss_error,
)
from vampd.ports import NightReader
from vampd.stages.records.folder_receipts import believed_receipts
from vampd.stages.records.own_paths import GENERATION


def refuse_lost_generations(night: NightId, reader: NightReader) -> None:
    """DataError ``product_missing`` or ``product_damaged``, ``generation_missing`` without receipt.

    By listing and earlier readings; DataError ``generation_damaged`` as reading them.
    """
    generations = reader.generations(night)
    believed = believed_receipts(night, reader)
    receipts = {path: each for path, each in believed.items() if GENERATION.fullmatch(path)}
    files = {file.path: file for file in reader.files(night, "vgen2")} if receipts else {}
    damaged = find_damaged(receipts, files, reader.receipts(night, Place.HERE) if receipts else {})
    missing = find_missing(receipts, files)
    if damaged:
        raise damage_error(night, receipts, damaged, missing)
    if missing:
        raise loss_error(night, missing)
    decided = {product.identity for each in generations for product in each.products}
    decided |= {identity for each in generations for identity in each.withdrawn}
    heads = reader.framelist_heads(night)
    undecided = sorted(head.path for head in heads if head.identity not in decided)
    if undecided:
        more = f" and {len(undecided) - 1:,} more" if len(undecided) > 1 else ""
        raise DataError(
            "generation_missing",
            f"no generation of {night.date} holds {undecided[0]}{more}, so its frames would get"
            " another product. Put the generation file back into vgen2, then"
            f" `vampctl retry {night.date}`; or `vampctl restore {night.date}` begins from raw",
            night=str(night),
            paths=tuple(undecided),
        )
