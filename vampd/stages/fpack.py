"""fpack: lossless Rice tile compression of every framelist into its product.

A framelist is retired only in favor of a product whose receipt agrees with the file on the disk.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from vampd.config import Settings
from vampd.model.cubes import Framelist, PackedProduct
from vampd.model.nights import Kind, NightId, StageName
from vampd.model.plan import Hash, Pack, Plan, Retire
from vampd.model.proofs import Place, Receipt
from vampd.ports import NightReader

NAME = StageName.FPACK
_BYTES_A_PIXEL = 2


@dataclass(frozen=True)
class FpackSurvey:
    """The framelists that remain, the packed products by path, and the receipts of this disk."""

    framelists: tuple[Framelist, ...]
    packed: Mapping[str, PackedProduct]
    receipts: Mapping[str, Receipt]


def survey(night: NightId, reader: NightReader) -> FpackSurvey:
    """Read the framelists and list the products.

    In archive nights only framelists that carry their frame ID count.
    """
    heads = reader.framelist_heads(night)
    framelists = (reader.framelist(night, head.path) for head in heads)
    return FpackSurvey(
        framelists=tuple(
            framelist
            for framelist in framelists
            if night.kind is Kind.ENGINEERING or framelist.cards.string("FRAMEID")
        ),
        packed={product.file.path: product for product in reader.packed_products(night)},
        receipts=reader.receipts(night, Place.HERE),
    )


def plan(survey: FpackSurvey, settings: Settings) -> Plan:
    """Pack what is not packed; reread what has no receipt; retire what is proven."""
    del settings  # how to verify is the packer's concern, not the plan's
    packs: list[Pack] = []
    unread: list[str] = []
    retired: list[Retire] = []
    for framelist in sorted(survey.framelists, key=lambda f: (f.order, f.name)):
        product = survey.packed.get(framelist.packed_path)
        if product is None or product.identity != framelist.identity:
            size = framelist.frames * _frame_bytes(framelist)
            packs.append(Pack(framelist.path, framelist.packed_path, framelist.frames, size))
        elif not _is_proven(product, survey.receipts):
            unread.append(product.file.path)
        else:
            retired.append(Retire(framelist.path, kept_as=product.file.path))
    hashes = [Hash(tuple(unread), Place.HERE)] if unread else []
    return Plan.of(packs, hashes, retired)


def _is_proven(product: PackedProduct, receipts: Mapping[str, Receipt]) -> bool:
    receipt = receipts.get(product.file.path)
    return receipt is not None and receipt.file == product.file


def _frame_bytes(framelist: Framelist) -> int:
    columns = framelist.cards.integer("NAXIS1") or 0
    rows = framelist.cards.integer("NAXIS2") or 0
    return columns * rows * _BYTES_A_PIXEL
