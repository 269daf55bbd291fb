"""What is reviewed: every ID is used once, unused and listed, or missing and listed."""

from dataclasses import replace
from typing import Any

import pytest

from vampd.model.frame_ids import (
    NAME_CHANGES,
    NAMES,
    CarriedId,
    FrameId,
    Gap,
    LedgerListing,
    ListedId,
    ListedRequest,
    NumberRange,
    ObservedIds,
    highest_seen,
    list_highest,
    review_ids,
)
from vampd.model.nights import Kind, NightId

NIGHT, LATER, OLD = (NightId(f"2025110{day}", Kind.ARCHIVE) for day in (6, 7, 1))


def listed(number: int, night: NightId = NIGHT, identity: str | None = "") -> ListedId:
    text = f"product {number}" if identity == "" else identity
    return ListedId(FrameId(number), 1, night, text, applied=text is not None)


def ledger(*ids: ListedId) -> LedgerListing:
    return LedgerListing((ListedRequest(1, NIGHT, len(ids), None),), ids)


def shown(night: NightId, *numbers: int, ours: bool = True, **also: Any) -> ObservedIds:
    ids = frozenset(map(FrameId, numbers))
    return ObservedIds(night, ours, {NAMES: ids, NAME_CHANGES: ids}, **also)


def carried(number: int, night: NightId = NIGHT, **also: Any) -> CarriedId:
    text = str(FrameId(number))
    return replace(CarriedId(night, f"vgen2/{text}.fits.fz", text, f"product {number}"), **also)


def test_a_ledger_whose_ids_stand_once_each_in_their_products_is_in_order():
    review = review_ids(
        ledger(listed(1), listed(2), listed(3, LATER)),
        [shown(NIGHT, 1, 2), shown(LATER, 3)],
        [carried(1), carried(2), carried(3, LATER)],
    )
    assert review.findings == ()
    assert review.gaps == ()
    assert review.unused == ()
    assert [(one.night, one.granted, one.unused) for one in review.nights] == [
        (NIGHT, 2, 0),
        (LATER, 1, 0),
    ]


def test_unused_ids_and_gaps_are_listed_and_are_no_fault():
    review = review_ids(
        ledger(listed(1), listed(2, identity=None), listed(7), listed(90_000_001)),
        [shown(NIGHT, 1, 7, 90_000_001), shown(OLD, 4, 400, ours=False)],
        [],
    )
    assert [one.frame_id.number for one in review.unused] == [2]
    # An ID that the old tools used is no gap, and ranges are sequences of their own.
    assert review.gaps == (Gap(FrameId(3), FrameId(3)), Gap(FrameId(5), FrameId(6)))
    assert [gap.count for gap in review.gaps] == [1, 2]
    assert review.findings == ()


@pytest.mark.parametrize(
    ("nights", "reported"),
    [
        ([shown(NIGHT, 1, 2)], "VMPA00000002, which the ledger does not bind"),
        ([shown(LATER, 1)], "VMPA00000001, which the ledger does not bind"),
        ([shown(OLD, 1, ours=False)], "a night of the old tools"),
        ([shown(OLD, 5, ours=False), shown(LATER, 5, ours=False)], "in more than one night"),
        ([shown(NIGHT, 1, repeated=frozenset([FrameId(1)]))], "to two products"),
        ([shown(NIGHT, 1, damaged="line 3")], "cannot be read: line 3"),
    ],
)
def test_what_a_folder_shows_against_the_ledger_is_a_finding(nights, reported):
    findings = review_ids(ledger(listed(1)), nights, []).findings
    assert findings
    assert reported in findings[0]


@pytest.mark.parametrize(
    ("headers", "reported"),
    [
        ([carried(1, frame_id="VMPA00000009")], "carries FRAMEID 'VMPA00000009'"),
        ([carried(1, frame_id="")], "carries FRAMEID ''"),
        ([carried(1), carried(1, path="vgen2/solo.framelist")], "several products"),
        ([carried(1), carried(1, LATER)], "several products"),
        ([carried(1, identity="other")], "frames other than"),
        ([carried(1, problem="it is cut off")], "it is cut off"),
    ],
)
def test_a_header_that_says_otherwise_is_a_finding(headers, reported):
    nights = [shown(NIGHT, 1)]
    assert reported in review_ids(ledger(listed(1)), nights, headers).findings[0]


def test_a_product_without_an_id_and_one_without_identity_are_no_findings():
    headers = [
        CarriedId(NIGHT, "vgen2/solo.framelist", "", "x"),
        CarriedId(OLD, "vgen2/VMPA00000005.fits", "VMPA00000005", None),
    ]
    assert review_ids(ledger(listed(1)), [shown(NIGHT, 1)], headers).findings == ()


def test_long_lists_are_cut_and_the_highest_are_named():
    findings = review_ids(ledger(listed(1)), [shown(NIGHT, *range(2, 9))], []).findings
    assert "VMPA00000006, VMPA00000007, VMPA00000008 and 4 more" in findings[0]


def test_the_ledger_s_own_contradictions_come_first():
    listing = replace(ledger(listed(1)), findings=("line 3 is damaged",))
    assert review_ids(listing, [], []).findings == ("line 3 is damaged",)


def test_each_witness_of_ids_shows_the_highest_of_the_range():
    nights = [shown(NIGHT, 1, 90_000_009), shown(LATER, 3)]
    assert highest_seen(nights, NumberRange.RAW) == FrameId(3)
    assert highest_seen(nights, NumberRange.ENGINEERING) == FrameId(90_000_009)
    assert highest_seen(nights, NumberRange.SIMULATED) is None
    assert list(list_highest(nights, NumberRange.RAW)) == [
        "file names VMPA00000003 (20251107)",
        "name_changes.txt VMPA00000003 (20251107)",
    ]
