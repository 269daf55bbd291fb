"""What the night's own files must be is recorded once, and held against what is there."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

import pytest

from tests.support.builders.headers import framelist
from tests.support.fakes.fake_night_reader import FakeNightReader
from vampd.errors import DataError
from vampd.model.cubes import Framelist, Generation, Product, SyncCounts
from vampd.model.nights import Kind, NightId
from vampd.model.plan import Hash, Pack, Plan, RebuildFramelists, RecordReceipts, WriteText
from vampd.model.proofs import (
    FIRST_FORM,
    RECEIPTS_PATH,
    SUMS_NAME,
    PackingReceipt,
    Place,
    Receipt,
    RecordedReceipt,
    format_receipts,
    format_sums,
)
from vampd.stages.own_faults import describe_own_faults
from vampd.stages.own_files import plan_own_files, survey

NIGHT = NightId("20251106", Kind.ENGINEERING)
ONE = framelist("one")
DECIDED = Product("one", ONE.order, False, ONE.ranges, (), 0, 0, 0, 0, 0)
GENERATION = "vgen2/generation_0001.json"


class Night(FakeNightReader):
    """A night whose product ``one`` was decided by a generation."""

    def put(self, path: str, content: str, identity: str | None = None) -> PackingReceipt:
        """A file as it is here, and what its receipt says."""
        self.write(path, content)
        if identity is not None:
            self.identities[path] = identity
        digest = hashlib.sha256(content.encode()).hexdigest()
        return PackingReceipt(path, len(content), digest, identity)

    def put_product(self, one: Framelist = ONE) -> tuple[PackingReceipt, PackingReceipt]:
        """A product with its sidecar, not on record."""
        return (
            self.put(one.packed_path, f"packed {one.name}", one.identity),
            self.put(one.sidecar_path, f"rows of {one.name}"),
        )

    def read(self, *receipts: PackingReceipt) -> None:
        """Readings of these files as they are here."""
        stamps = {file.path: file for file in self.files(NIGHT, "vgen2")}
        for receipt in receipts:
            content = self.tree[receipt.path].content
            digest = hashlib.sha256(content).hexdigest()
            self.keep(Receipt(Place.HERE, stamps[receipt.path], digest, 1.0))

    def plan(self) -> Plan:
        return plan_own_files(survey(NIGHT, self))

    def refusal(self) -> DataError:
        with pytest.raises(DataError) as caught:
            self.plan()
        return caught.value


@pytest.fixture
def night() -> Night:
    made = Night()
    made.committed.append(Generation(1, "0", (), (DECIDED,), (), SyncCounts(), form=FIRST_FORM))
    return made


def whole(night: Night) -> tuple[PackingReceipt, ...]:
    """All on record, read and listed: nothing is left to do."""
    receipts = night.put_product()
    night.record(*receipts)
    night.read(*receipts)
    night.write(RECEIPTS_PATH, format_receipts(receipts))
    assert night.plan() == Plan()
    return receipts


def test_a_generation_is_recorded_by_its_own_text(night: Night) -> None:
    receipt = night.put(GENERATION, "{}")
    night.add_framelist(ONE)
    assert night.plan() == Plan.of([RecordReceipts((receipt,))])
    night.record(receipt)
    assert night.plan() == Plan.of([Hash((GENERATION,), Place.HERE)])


def test_what_the_store_lacks_is_taken_from_the_folder(night: Night) -> None:
    receipts = whole(night)
    night.recorded.clear()
    assert night.plan() == Plan.of([RecordReceipts(receipts)])


@pytest.mark.parametrize("is_summed", [True, False])
def test_no_flipped_letter_of_the_folder_becomes_the_truth(night: Night, is_summed: bool) -> None:
    right = (*whole(night), night.put(GENERATION, "{}"))
    right = tuple(sorted(right, key=lambda receipt: receipt.path))
    night.read(*right)
    if is_summed:
        night.write(SUMS_NAME, format_sums({each.path: each.sha256 for each in right}))
    night.recorded.clear()
    text = format_receipts(right)
    for at, letter in enumerate(text):
        for other in {chr(ord(letter) ^ 1), "0"} - {letter}:
            night.write(RECEIPTS_PATH, text[:at] + other + text[at + 1 :])
            assert night.refusal().code in ("receipts_damaged", "receipts_disagree"), (
                text[:at] + other
            )


def test_both_listings_of_another_night_are_not_believed(night: Night) -> None:
    whole(night)
    night.recorded.clear()
    night.put(GENERATION, "{}")
    others = [
        PackingReceipt(GENERATION, 2, "d" * 64, None),
        PackingReceipt("vgen2/other.fits.fz", 9, "e" * 64, "f" * 64, FIRST_FORM),
    ]
    night.write(RECEIPTS_PATH, format_receipts(others))
    night.write(SUMS_NAME, format_sums({each.path: each.sha256 for each in others}))
    assert night.refusal().code == "receipts_disagree"


def test_what_the_folder_alone_says_is_read_before_it_is_believed(night: Night) -> None:
    product, sidecar = whole(night)
    night.recorded.clear()
    night.kept[Place.HERE].clear()
    assert night.plan() == Plan.of([Hash((product.path, sidecar.path), Place.HERE)])
    night.write(SUMS_NAME, format_sums({each.path: each.sha256 for each in (product, sidecar)}))
    assert night.plan() == Plan.of([RecordReceipts((product, sidecar))])
    # Cut off or listed wrong: its digest tells.
    night.write(RECEIPTS_PATH, format_receipts([replace(product, size=1), sidecar]))
    assert night.plan() == Plan.of([Hash((product.path,), Place.HERE)])
    night.read(product)
    assert night.refusal().code == "receipts_disagree"


def test_a_product_that_sums_and_listing_have_and_the_disk_lost_is_believed(night: Night) -> None:
    product, sidecar = whole(night)
    night.write(SUMS_NAME, format_sums({each.path: each.sha256 for each in (product, sidecar)}))
    night.recorded.clear()
    night.retire(product.path)
    assert night.plan() == Plan.of([RecordReceipts((product, sidecar))])


def test_what_the_folder_lacks_is_written_from_the_store(night: Night) -> None:
    receipts = whole(night)
    night.retire(RECEIPTS_PATH)
    written = Plan.of([WriteText(RECEIPTS_PATH, format_receipts(receipts))])
    assert night.plan() == written
    night.write(RECEIPTS_PATH, format_receipts(receipts[:1]))
    assert night.plan() == written


def test_a_receipt_that_was_ended_is_not_taken_back_from_the_folder(night: Night) -> None:
    receipts = whole(night)
    night.recorded = [RecordedReceipt(each, 1.0, 2.0, "alice") for each in receipts]
    # Neither from the folder nor, as of an earlier version, from readings and sums.
    night.write(SUMS_NAME, format_sums({each.path: each.sha256 for each in receipts}))
    assert night.plan() == Plan.of([RebuildFramelists((DECIDED,))])
    # Another product of that name stands beside what the folder still lists.
    new = night.put(ONE.packed_path, "packed again", ONE.identity)
    night.record(new, receipts[1])
    night.read(new)
    assert night.plan() == Plan.of([WriteText(RECEIPTS_PATH, format_receipts([new, receipts[1]]))])


@pytest.mark.parametrize("change", [{"sha256": "0" * 64}, {"size": 1}, {"identity": "0" * 64}])
def test_store_and_folder_that_disagree_hold_the_night(
    night: Night, change: dict[str, Any]
) -> None:
    product, sidecar = whole(night)
    night.write(RECEIPTS_PATH, format_receipts([replace(product, **change), sidecar]))
    error = night.refusal()
    assert error.code == "receipts_disagree"
    assert error.context["paths"] == (product.path,)


def test_a_reading_of_an_earlier_version_counts_only_where_the_sums_agree(night: Night) -> None:
    receipts = night.put_product()
    night.read(*receipts)
    product, sidecar = receipts
    night.write(SUMS_NAME, format_sums({product.path: product.sha256, sidecar.path: "0" * 64}))
    assert night.plan() == Plan.of([RecordReceipts((product,))])
    # The sidecar is proven by packing, as everything is that the sums do not confirm.
    night.record(product)
    assert night.plan().waves[0] == (RebuildFramelists((DECIDED,)),)
    night.write(SUMS_NAME, format_sums({}))
    night.recorded.clear()
    assert night.plan() == Plan.of([RebuildFramelists((DECIDED,))])


def test_without_both_records_what_the_sums_name_is_read_and_what_they_confirm_is_proven(
    night: Night,
) -> None:
    (made,) = night.committed
    night.committed[0] = replace(made, form=2)
    product, sidecar = night.put_product()
    night.write(SUMS_NAME, format_sums({each.path: each.sha256 for each in (product, sidecar)}))
    assert night.plan() == Plan.of([Hash((product.path, sidecar.path), Place.HERE)])
    night.read(product, sidecar)
    proven = (replace(product, form=2), replace(sidecar, form=2))
    assert night.plan() == Plan.of([RecordReceipts(proven)])
    # Other bytes than the sums have are proven by packing.
    night.read(night.put(product.path, "other", product.identity))
    assert night.plan() == Plan.of([RecordReceipts(proven[1:])])


def test_sums_confirm_no_reading_once_the_night_has_receipts(night: Night) -> None:
    receipts = whole(night)
    other = night.put("vgen2/other.fits.fz", "other", "f" * 64)
    night.read(other)
    night.write(SUMS_NAME, format_sums({each.path: each.sha256 for each in (*receipts, other)}))
    assert night.refusal().code == "product_unproven"


def test_a_product_without_a_receipt_is_packed_from_the_framelist_made_again(night: Night) -> None:
    night.put_product()
    assert night.plan() == Plan.of([RebuildFramelists((DECIDED,))])
    night.add_framelist(ONE)
    ((action,),) = night.plan().waves
    assert isinstance(action, Pack)
    assert (action.packed, action.proven) == (ONE.packed_path, ())


def test_a_product_whose_frames_are_in_another_product_is_unproven(night: Night) -> None:
    whole(night)
    night.put("vgen2/copy.fits.fz", "packed one", ONE.identity)
    error = night.refusal()
    assert error.code == "product_unproven"
    assert error.context["paths"] == ("vgen2/copy.fits.fz",)


def test_a_changed_file_is_read_and_damage_names_all_files(night: Night) -> None:
    product, sidecar = whole(night)
    night.write(product.path, "PACKED one")
    night.retire(sidecar.path)
    assert "has changed since it was last read" in describe_own_faults(NIGHT, night)[1]
    assert night.plan() == Plan.of([Hash((product.path,), Place.HERE)])
    night.read(product)
    error = night.refusal()
    assert error.code == "product_damaged"
    assert product.path in error.message
    assert sidecar.path in error.message
    assert len(describe_own_faults(NIGHT, night)) == 2


def test_what_is_gone_is_missing_unless_its_framelist_is_there(night: Night) -> None:
    receipts = whole(night)
    for receipt in receipts:
        night.retire(receipt.path)
        assert night.refusal().code == "product_missing"
        night.add_framelist(ONE)
        action = night.plan().waves[0][0]
        assert isinstance(action, Pack)
        assert action.proven == receipts
        night.framelists.clear()


def test_two_products_of_one_content_hold_the_night(night: Night) -> None:
    product, _ = whole(night)
    night.record(replace(product, path="vgen2/twin.fits.fz", identity="f" * 64))
    assert night.refusal().code == "products_identical"


def test_a_product_that_was_decided_and_never_made_holds_the_night(night: Night) -> None:
    assert night.refusal().code == "product_missing"
    assert "--from sync" in night.refusal().message
    night.add_framelist(ONE)
    assert night.plan() == Plan()


def test_a_night_before_its_first_product_has_nothing_to_prove(night: Night) -> None:
    night.add_framelist(ONE)
    night.write(ONE.sidecar_path, "left from a packing that did not end")
    assert night.plan() == Plan()
    assert describe_own_faults(NIGHT, night) == ()


def test_another_size_is_damage_without_a_reading(night: Night) -> None:
    product, _ = whole(night)
    night.write(product.path, "packed one and more")
    assert night.refusal().code == "product_damaged"


def test_a_product_under_another_name_than_its_framelist_is_unproven(night: Night) -> None:
    night.add_framelist(ONE)
    night.put("vgen2/renamed.fits.fz", "packed one", ONE.identity)
    assert night.refusal().code == "product_unproven"
