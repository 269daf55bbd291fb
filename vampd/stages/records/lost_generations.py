"""Generations that are gone or damaged: until they are back, sync must decide nothing.

What they decided would count as late, and its frames would get other products, and other IDs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from vampd.errors import DataError
from vampd.model.nights import NightId
from vampd.model.proofs import (
    RECEIPTS_PATH,
    PackingReceipt,
    Place,
    damage_error,
    disagreement_error,
    find_damaged,
    find_missing,
    loss_error,
    parse_receipts,
    text_digest,
)
from vampd.ports import NightReader
from vampd.stages.records.folder_receipts import believed_receipts
from vampd.stages.records.own_paths import GENERATION


def refuse_lost_generations(night: NightId, reader: NightReader) -> None:
    """DataError ``product_missing`` or ``product_damaged``, ``generation_missing`` without receipt.

    By listing and earlier readings; DataError ``generation_damaged`` as reading them,
    ``receipts_disagree`` of one that is what the folder's receipts say.
    """
    generations = reader.generations(night)
    believed = believed_receipts(night, reader)
    receipts = {path: each for path, each in believed.items() if GENERATION.fullmatch(path)}
    files = {file.path: file for file in reader.files(night, "vgen2")} if receipts else {}
    damaged = find_damaged(receipts, files, reader.receipts(night, Place.HERE) if receipts else {})
    missing = find_missing(receipts, files)
    if damaged:
        _refuse_disagreement(night, reader, receipts, damaged)
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


def _refuse_disagreement(
    night: NightId,
    reader: NightReader,
    receipts: Mapping[str, PackingReceipt],
    damaged: Sequence[str],
) -> None:
    """No damage: the folder has another record of it, such as an old database does not know."""
    try:
        listed = parse_receipts(reader.text(night, RECEIPTS_PATH) or "")
    except DataError:
        return  # it says nothing
    texts = {path: reader.text(night, path) for path in damaged if path in listed}
    as_listed = [
        path
        for path, text in texts.items()
        if text is not None and text_digest(text) == listed[path].sha256
    ]
    if as_listed:
        raise disagreement_error(night, receipts, listed, as_listed)
