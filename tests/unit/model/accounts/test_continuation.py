"""A night of the old tools is taken on only where every record of it says the same."""

from dataclasses import replace

import pytest

from vampd.model.accounts import (
    MANIFESTS,
    CountedCube,
    CountedProduct,
    OldEvidence,
    ProductIds,
    audit_old_products,
    judge_adoption,
    judge_continuation,
)
from vampd.model.frame_ids import HEADERS, NAME_CHANGES, NAMES, FrameId
from vampd.model.nights import Kind, NightId, StageMark, StatusRow

NIGHT = NightId("20240612", Kind.ARCHIVE)
IDS = frozenset({FrameId(1), FrameId(2)})
FIRST, SECOND = "VMPA00000001", "VMPA00000002"
COMPLETE = OldEvidence(
    NIGHT,
    None,
    entries=("vcam1_hlinkbak", "vgen2"),
    products=(f"{FIRST}.fits.fz", f"{FIRST}.txt", f"{SECOND}.fits", f"{SECOND}.txt"),
    ids={NAMES: IDS, NAME_CHANGES: IDS, HEADERS: IDS},
    headers=(
        ProductIds(f"{FIRST}.fits.fz", FIRST, "VMPE00000001"),
        ProductIds(f"{SECOND}.fits", SECOND, "VMPE00000002"),
    ),
    section="Compressing with fpack",
)


def judged(seen, more_ids=frozenset()):
    adoption = judge_adoption(seen)
    assert adoption is not None
    return judge_continuation(seen, replace(adoption, ids=adoption.ids | more_ids))


def row(processed=False, transferred=False, safe=False):
    marks = [StageMark(flag) for flag in (processed, transferred, safe)]
    return StatusRow("/mnt/fuuu/ARCHIVED_DATA/20240612", NIGHT, *marks)


def test_a_complete_night_is_taken_on_from_what_is_there():
    found = judged(COMPLETE)
    assert (found.packed, found.plain, found.refusals) == ((FIRST,), (SECOND,), ())
    assert not found.has_manifest
    assert found.describe().endswith("listed in a manifest")


def test_a_manifest_of_theirs_stays_the_only_one():
    found = judged(replace(COMPLETE, ids={**COMPLETE.ids, MANIFESTS: IDS}))
    assert (found.has_manifest, found.refusals) == (True, ())
    assert found.describe().endswith("their manifest stays as it is")


def test_their_log_may_say_less_than_the_rest():
    for section in ("Syncing to scexao6", "FINISHED"):
        assert judged(replace(COMPLETE, section=section, row=row())).refusals == ()
    assert judged(replace(COMPLETE, section=None, row=row(processed=True))).refusals == ()


def test_an_engineering_night_has_no_ids_and_none_are_missed():
    seen = OldEvidence(
        NightId("20240612", Kind.ENGINEERING),
        entries=("vcam1_hlinkbak", "vgen2"),
        products=("vsync_1.cam1.fits", "vsync_1.cam1.txt"),
        headers=(ProductIds("vsync_1.cam1.fits", "", ""),),
        section="FINISHED",
    )
    found = judged(seen)
    assert (found.plain, found.refusals) == (("vsync_1.cam1",), ())
    assert found.describe().endswith("sent and proven")


GAPS = {
    "no end": (replace(COMPLETE, section=None), "does not say how far they came"),
    "an early end": (replace(COMPLETE, section="Fixing headers"), "ends at 'Fixing headers'"),
    "frames that are no products": (
        replace(COMPLETE, entries=(*COMPLETE.entries, "vsolo1")),
        "folder vsolo1 is still there",
    ),
    "no timing file": (
        replace(COMPLETE, products=COMPLETE.products[:-1]),
        f"{SECOND} is without a timing file",
    ),
    "no ID": (
        replace(COMPLETE, products=(*COMPLETE.products, "vsync.fits", "vsync.txt")),
        "vsync is without a frame ID",
    ),
    "a list with fewer names": (
        replace(COMPLETE, ids={**COMPLETE.ids, NAME_CHANGES: frozenset({FrameId(1)})}),
        "which name_changes.txt do not",
    ),
    "a manifest with fewer products": (
        replace(COMPLETE, ids={**COMPLETE.ids, MANIFESTS: frozenset({FrameId(1)})}),
        "in no manifest",
    ),
    "a header without ID": (
        replace(
            COMPLETE,
            ids={**COMPLETE.ids, HEADERS: frozenset({FrameId(1)})},
            headers=(COMPLETE.headers[0], ProductIds(f"{SECOND}.fits", "", "")),
        ),
        f"{SECOND} is without a FRAMEID",
    ),
    "an exchanged ID": (
        replace(COMPLETE, headers=(ProductIds(f"{FIRST}.fits.fz", SECOND, ""),)),
        "carries FRAMEID",
    ),
    "a list that cannot be read": (replace(COMPLETE, unread=("x.csv",)), "cannot be read"),
    "flags out of order": (replace(COMPLETE, row=row(safe=True)), "and not processed"),
    "nothing packed that is called so": (
        replace(
            COMPLETE,
            row=row(processed=True),
            products=(f"{FIRST}.fits", f"{FIRST}.txt", f"{SECOND}.fits", f"{SECOND}.txt"),
        ),
        "has no packed product",
    ),
    "raw under its own name": (
        replace(COMPLETE, row=row(processed=True), entries=("vcam1", "vgen2")),
        "raw is under its own name",
    ),
    "no product": (replace(COMPLETE, products=("name_changes.txt",)), "nothing to go on with"),
}


@pytest.mark.parametrize("gap", GAPS)
def test_each_gap_and_each_difference_is_a_reason_to_leave_it(gap):
    seen, words = GAPS[gap]
    refusals = judged(seen).refusals
    assert any(words in text for text in refusals), refusals


def test_an_id_that_was_on_record_before_is_missed():
    found = judged(COMPLETE, frozenset(map(FrameId, range(5, 10))))
    assert found.refusals == (
        "VMPA00000005, VMPA00000006, VMPA00000007 and 2 more are on record as used by this night,"
        " without a product here",
    )


def test_a_row_without_a_folder_is_nothing_to_go_on_with():
    seen = OldEvidence(NIGHT, row(True, True, True), has_folder=False)
    assert judged(seen).refusals == ("it has no folder",)


def test_the_audit_of_their_products_has_no_sum_and_still_has_findings():
    product = CountedProduct(f"vgen2/{FIRST}.fits.fz", 9, None)
    result = audit_old_products([], [product])
    assert (result.balanced, result.product_frames, result.findings) == (True, 9, ())
    assert not audit_old_products([], [product], ["it is damaged"]).balanced
    beside = audit_old_products([CountedCube("vcam1/a.fits", 3)], [product])
    assert (beside.balanced, len(beside.findings)) == (False, 1)
