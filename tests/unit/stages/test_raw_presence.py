"""The folder may know of more than the database, as where an older copy of that was put back."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support.fakes.fake_night_reader import FakeNightReader
from vampd.model.nights import Kind, NightId
from vampd.model.proofs import RECEIPTS_PATH, PackingReceipt, format_receipts
from vampd.stages.raw_presence import is_folder_ahead

NIGHT = NightId("20251106", Kind.ENGINEERING)
ONE = PackingReceipt("vgen2/one.fits.fz", 9, "a" * 64, "1" * 64)
TWO = PackingReceipt("vgen2/two.fits.fz", 9, "b" * 64, "2" * 64)
SIDECAR = PackingReceipt("vgen2/two.txt", 9, "c" * 64, None)


@pytest.mark.parametrize(
    ("listed", "is_ahead"),
    [
        ([ONE], False),
        ([ONE, SIDECAR], False),
        ([], False),
        ([ONE, TWO], True),
        ([replace(ONE, sha256="d" * 64)], True),
    ],
)
def test_products_of_the_folder_that_the_database_has_not_are_news(
    listed: list[PackingReceipt], is_ahead: bool
) -> None:
    night = FakeNightReader()
    night.record(ONE)
    night.write(RECEIPTS_PATH, format_receipts(listed))
    assert is_folder_ahead(NIGHT, night) is is_ahead


def test_a_listing_that_cannot_be_read_is_for_a_stage_to_name() -> None:
    night = FakeNightReader()
    night.record(ONE)
    assert not is_folder_ahead(NIGHT, night)
    night.write(RECEIPTS_PATH, "nothing")
    assert is_folder_ahead(NIGHT, night)


def test_without_the_database_the_folder_is_ahead_of_nothing() -> None:
    night = FakeNightReader()
    night.write(RECEIPTS_PATH, format_receipts([ONE]))
    assert not is_folder_ahead(NIGHT, night)
