"""The crew that packs: what it is ordered to do, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from vampd.model.proofs import PackingReceipt, Receipt, Verification


@dataclass(frozen=True)
class PackOrder:
    """Pack one framelist of a night, whose paths are relative to the night's ``folder``.

    ``proven`` are the receipts that product and sidecar have: nothing else gets their names.
    A host that may see an older framelist packs only the one with this ``framelist_sha256``.
    Carrying out an order again ends in the same product and equal receipts.
    """

    folder: Path
    framelist: str
    verify: Verification
    proven: tuple[PackingReceipt, ...] = ()
    framelist_sha256: str | None = None


@dataclass(frozen=True)
class Packed:
    """What packing proved: a reading of the product, and the receipts of product and sidecar."""

    reading: Receipt
    receipts: tuple[PackingReceipt, PackingReceipt]
