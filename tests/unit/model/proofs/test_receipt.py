"""Receipts: which bytes, where."""

from dataclasses import FrozenInstanceError

import pytest

from vampd.model.nights import FileStamp
from vampd.model.proofs import Place, Receipt


def test_a_receipt_is_about_one_file_at_one_place_and_cannot_be_changed() -> None:
    receipt = Receipt(Place.ARCHIVE, FileStamp("vgen2/a.fits.fz", 5, 6), "00", 1.5)
    assert receipt.path == "vgen2/a.fits.fz"
    assert receipt != Receipt(Place.HERE, receipt.file, "00", 1.5)
    with pytest.raises(FrozenInstanceError):
        receipt.sha256 = "11"  # type: ignore[misc]
