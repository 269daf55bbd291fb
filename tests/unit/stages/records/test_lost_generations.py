"""What a lost generation decided is decided by no other one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support.builders.headers import framelist
from tests.support.fakes.fake_night_reader import FakeNightReader
from vampd.errors import DataError
from vampd.model.cubes import Generation, Product, SyncCounts
from vampd.model.nights import Kind, NightId
from vampd.model.proofs import (
    RECEIPTS_PATH,
    SUMS_NAME,
    PackingReceipt,
    Place,
    Receipt,
    format_receipts,
    format_sums,
    text_digest,
)
from vampd.stages.records.lost_generations import refuse_lost_generations

NIGHT = NightId("20251106", Kind.ENGINEERING)
ONE = framelist("one")
DECIDED = Product("one", ONE.order, False, ONE.ranges, (), 0, 0, 0, 0, 0)
FIRST = Generation(1, "0", (), (DECIDED,), (), SyncCounts())
PATH = "vgen2/generation_0001.json"
RECEIPT = PackingReceipt(PATH, len("decided"), "a" * 64, None)


@pytest.fixture
def night() -> FakeNightReader:
    made = FakeNightReader(committed=[FIRST])
    made.add_framelist(ONE)
    made.record(RECEIPT)
    made.keep(Receipt(Place.HERE, made.write(PATH, "decided"), RECEIPT.sha256, 1.0))
    return made


def code(night: FakeNightReader) -> str:
    with pytest.raises(DataError) as caught:
        refuse_lost_generations(NIGHT, night)
    assert "20251106" in caught.value.message
    return caught.value.code


def test_a_whole_generation_lets_sync_decide(night: FakeNightReader) -> None:
    refuse_lost_generations(NIGHT, night)
    refuse_lost_generations(NIGHT, FakeNightReader())


def test_one_that_is_on_record_and_gone_forbids_it(night: FakeNightReader) -> None:
    del night.tree[PATH]
    assert code(night) == "product_missing"


@pytest.mark.parametrize("content", ["decided otherwise", "DECIDED"])
def test_one_that_is_not_what_its_receipt_says_forbids_it(
    night: FakeNightReader, content: str
) -> None:
    night.keep(Receipt(Place.HERE, night.write(PATH, content), "b" * 64, 2.0))
    assert code(night) == "product_damaged"


def test_one_that_is_what_the_folder_says_is_no_damage_but_a_disagreement(
    night: FakeNightReader,
) -> None:
    sha256 = text_digest("decided anew")
    night.keep(Receipt(Place.HERE, night.write(PATH, "decided anew"), sha256, 2.0))
    night.write(RECEIPTS_PATH, format_receipts([PackingReceipt(PATH, 12, sha256, None)]))
    assert code(night) == "receipts_disagree"


@pytest.mark.parametrize("is_summed", [True, False])
def test_without_the_database_one_that_both_listings_have_forbids_it(
    night: FakeNightReader, is_summed: bool
) -> None:
    night.recorded.clear()
    night.framelists.clear()
    night.write(RECEIPTS_PATH, format_receipts([RECEIPT]))
    night.write(SUMS_NAME, format_sums({PATH: RECEIPT.sha256} if is_summed else {}))
    del night.tree[PATH]
    if is_summed:
        assert code(night) == "product_missing"
    else:
        refuse_lost_generations(NIGHT, night)
    night.write(RECEIPTS_PATH, "no listing")
    refuse_lost_generations(NIGHT, night)


def test_framelists_of_no_generation_forbid_it(night: FakeNightReader) -> None:
    night.recorded.clear()
    night.committed.clear()
    assert code(night) == "generation_missing"


def test_what_is_begun_of_a_withdrawn_product_does_not(night: FakeNightReader) -> None:
    night.committed[:] = [replace(FIRST, products=(), withdrawn=(ONE.identity,))]
    refuse_lost_generations(NIGHT, night)
