"""What a restore would change is said by name: products, IDs, the manifests that list them."""

from dataclasses import replace

from tests.support.builders.frames import expose, trigger_train
from vampd.model.cubes import Generation
from vampd.model.delivery import (
    ListedManifest,
    ManifestFile,
    ManifestText,
    describe_remade,
    find_remade,
)
from vampd.model.nights import Kind, NightId
from vampd.model.proofs import FIRST_FORM, PRODUCT_FORM, PackingReceipt

NOW = "1.2.3"
GENERATION = expose(trigger_train(400, flc_us=40), lost=({3, 4}, {50})).synchronize()
NAME = "manifest_VMP_20251106.csv"


def receipts(form: int, first: int = 1) -> dict[str, PackingReceipt]:
    """Of the generation's products, with IDs that follow each other, and of a sidecar."""
    made = {
        path: PackingReceipt(path, 9, f"{number:064x}", product.identity, form)
        for number, product in enumerate(GENERATION.products, start=first)
        for path in [f"vgen2/VMPA{number:08}.fits.fz"]
    }
    return {**made, "vgen2/x.txt": PackingReceipt("vgen2/x.txt", 9, "a" * 64, None, form)}


def listing(*numbers: int) -> ListedManifest:
    lines = [f"VMPA{n:08}|/a/VMPA{n:08}.fits.fz|9\r\n" for n in numbers]
    file = ManifestFile(NightId("20251106", Kind.ARCHIVE), NAME, "0" * 64)
    return ListedManifest(ManifestText(file, "".join(lines)), "")


def of_version(version: str) -> Generation:
    return replace(GENERATION, version=version)


def test_what_this_version_makes_with_equal_bytes_is_not_changed() -> None:
    assert len(GENERATION.products) > 3
    assert find_remade([of_version(NOW)], receipts(PRODUCT_FORM), [], NOW) == ()


def test_another_form_or_version_gives_other_bytes() -> None:
    count = len(GENERATION.products)
    for version, form in ((NOW, FIRST_FORM), ("0.1.0", PRODUCT_FORM), (NOW, PRODUCT_FORM + 1)):
        found = find_remade([of_version(version)], receipts(form), [listing(2)], NOW)
        assert [product.path for product in found] == sorted(receipts(form))[:count]
        assert {(one.version, one.form) for one in found} == {(version, form)}
        assert [one.path for one in found if one.manifest == NAME] == ["vgen2/VMPA00000002.fits.fz"]


def test_the_words_name_every_id_and_manifest() -> None:
    count = len(GENERATION.products)
    last = f"VMPA{count:08}"
    found = find_remade([of_version("0.1.0")], receipts(FIRST_FORM), [listing(1, 3)], NOW)
    first, second = describe_remade(found, NOW)
    assert first == (
        f"{count} products of vampd 0.1.0, form 1, made again by vampd 1.2.3 in form"
        f" {PRODUCT_FORM}: other bytes under the same names: VMPA00000001 to {last}"
    )
    assert second == f"{NAME} lists 2 products of these: VMPA00000001, VMPA00000003"
    assert list(describe_remade([], NOW)) == []
