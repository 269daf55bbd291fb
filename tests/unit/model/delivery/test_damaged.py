"""A manifest is held against the products, the ledger and itself."""

import pytest

from vampd.errors import DataError
from vampd.model.delivery import (
    ListedManifest,
    Manifest,
    ManifestFile,
    ManifestForm,
    ManifestLine,
    ManifestText,
    describe_manifest_faults,
    format_manifest,
    refuse_damaged,
    refuse_listed_without_product,
)
from vampd.model.frame_ids import FrameId
from vampd.model.nights import Kind, NightId
from vampd.model.proofs import PackingReceipt, format_sums

DATE = "20251106"
IDS = [FrameId.parse(f"VMPA9000000{number}") for number in range(1, 4)]
PATHS = [f"vgen2/{frame_id}.fits.fz" for frame_id in IDS]
RECEIPTS = {
    path: PackingReceipt(path, 100 + number, f"{number}" * 64, f"{number}" * 64)
    for number, path in enumerate(PATHS)
}
LINES = [
    ManifestLine(frame_id, f"/mnt/{DATE}/{path}", RECEIPTS[path].size)
    for frame_id, path in zip(IDS, PATHS, strict=True)
]
DIGESTS = format_sums({path: receipt.sha256 for path, receipt in RECEIPTS.items()})


def listed(lines: list[ManifestLine]) -> list[ListedManifest]:
    text = format_manifest(Manifest(ManifestForm(), tuple(lines)))
    file = ManifestFile(NightId(DATE, Kind.ARCHIVE), f"manifest_VMP_{DATE}.csv", "0" * 64)
    return [ListedManifest(ManifestText(file, text), DIGESTS)]


def faults(lines: list[ManifestLine]) -> list[str]:
    return list(describe_manifest_faults(DATE, listed(lines), RECEIPTS, IDS))


def test_what_was_written_is_no_fault() -> None:
    assert faults(LINES) == []


@pytest.mark.parametrize(
    ("line", "word"),
    [
        (ManifestLine(IDS[0], f"/mnt/{DATE}/{PATHS[0]}", 101), "101 bytes"),
        (ManifestLine(IDS[0], f"/mnu/{DATE}/{PATHS[0]}", 100), "path"),
        (ManifestLine(IDS[0], f"/mnt/{DATE}/vgem2/{IDS[0]}.fits.fz", 100), "path"),
        (
            ManifestLine(
                FrameId.parse("VMPA80000001"), f"/mnt/{DATE}/vgen2/VMPA80000001.fits.fz", 100
            ),
            "ledger",
        ),
    ],
)
def test_a_line_that_is_not_what_was_written_is_named_with_the_cure(
    line: ManifestLine, word: str
) -> None:
    (fault,) = faults([line, *LINES[1:]])
    assert word in fault
    assert "`vampctl retry 20251106 --from manifest`" in fault


def test_a_line_that_is_gone_is_missed() -> None:
    (fault,) = faults(LINES[1:])
    assert str(IDS[0]) in fault


def test_a_damaged_manifest_is_refused() -> None:
    with pytest.raises(DataError, match="lacks") as caught:
        refuse_damaged(DATE, listed(LINES[1:]), RECEIPTS, IDS)
    assert caught.value.code == "manifest_damaged"


def test_what_has_no_product_any_more_is_not_announced() -> None:
    texts = [one.text for one in listed(LINES)]
    refuse_listed_without_product(texts, RECEIPTS)
    # Earlier versions kept no receipts: nothing is known of their products.
    refuse_listed_without_product(texts, {})
    left = {path: receipt for path, receipt in RECEIPTS.items() if path != PATHS[1]}
    with pytest.raises(DataError, match=f"lists {IDS[1]}, without a product") as refused:
        refuse_listed_without_product(texts, left)
    assert refused.value.code == "manifest_stale"
