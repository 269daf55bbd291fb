"""What a night's manifests say of its products, with the SHA-256 that most forms have no room for.

Such a manifest has a file beside it, ``manifest_VMP_<date>.sha256``, in the form of ``SHA256SUMS``.
Both are written once: bytes that were announced under an ID must not change unseen.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from vampd.errors import DataError
from vampd.model.delivery.mail_text import ManifestText
from vampd.model.delivery.manifest import DigestColumn, ManifestForm
from vampd.model.frame_ids import FrameId
from vampd.model.proofs import Receipt, format_sums, parse_sums

_SUFFIX = ".csv"
_PRODUCT = re.compile(r"vgen2/(VMPA[0-9]{8})\.fits\.fz")


@dataclass(frozen=True)
class ListedProduct:
    """A line of a manifest, for a product of the night; a digest (hex) is None if unknown."""

    manifest: str
    frame_id: FrameId
    size: int
    sha256: str | None
    md5: str | None

    @property
    def path(self) -> str:
        """The product, relative to the night's folder."""
        return product_path(self.frame_id)

    def agrees(self, receipt: Receipt) -> bool:
        """Whether these bytes are what the manifest says, as far as it says anything."""
        return (
            self.size == receipt.file.size
            and self.sha256 in (None, receipt.sha256)
            and (receipt.md5 is None or self.md5 in (None, receipt.md5))
        )


@dataclass(frozen=True)
class ListedManifest:
    """A manifest and the text of its digests, None if it has no such file."""

    text: ManifestText
    digests: str | None

    @property
    def lacks_digests(self) -> bool:
        """Whether it is in a form without SHA-256, and no file holds them."""
        return self.digests is None and needs_digests(self.text.manifest.form)

    def products(self) -> Iterator[ListedProduct]:
        """Its lines. DataError ``manifest_damaged``."""
        name = self.text.file.name
        try:
            known = parse_sums(self.digests or "")
        except DataError as error:
            raise DataError(
                "manifest_damaged", f"{digests_name(name)}: {error.message}", path=name
            ) from error
        for line in self.text.manifest.lines:
            sha256 = line.sha256 or known.get(product_path(line.frame_id))
            yield ListedProduct(name, line.frame_id, line.size, sha256, line.md5)


def product_path(frame_id: FrameId) -> str:
    """The product that carries this ID, relative to the night's folder."""
    return f"vgen2/{frame_id}.fits.fz"


def product_id(path: str) -> FrameId | None:
    """The ID that a product of this path carries, None if it is none that a manifest can list."""
    match = _PRODUCT.fullmatch(path)
    return None if match is None else FrameId.parse(match[1])


def digests_name(manifest: str) -> str:
    """The file with the SHA-256 of what a manifest lists."""
    return manifest.removesuffix(_SUFFIX) + ".sha256"


def needs_digests(form: ManifestForm) -> bool:
    """Whether a manifest of this form says nothing of SHA-256."""
    return DigestColumn.SHA256 not in form.columns


def missing_digests(
    manifests: Iterable[ListedManifest], there: Mapping[str, Receipt], sums: str | None
) -> dict[str, str]:
    """For manifests of earlier versions: the texts of their digests, by file name.

    What is known of the listed bytes is what was read at the archive host, else what SHA256SUMS
    said, before anything is sent again. A product that neither knows has no line, for good: only
    its size can be compared.
    """
    return {
        digests_name(one.text.file.name): format_sums(_known_digests(one, there, sums))
        for one in manifests
        if one.lacks_digests
    }


def find_stale(
    manifests: Sequence[ListedManifest], receipts: Mapping[str, Receipt]
) -> tuple[ListedProduct, ...]:
    """The listed products whose bytes, by these receipts, are not what their manifest says.

    A product that is not here to be compared is no fault of its manifest.
    """
    return tuple(
        product
        for manifest in manifests
        for product in manifest.products()
        if product.path in receipts and not product.agrees(receipts[product.path])
    )


def refuse_stale(manifests: Sequence[ListedManifest], receipts: Mapping[str, Receipt]) -> None:
    """DataError ``manifest_stale`` if bytes have changed under an ID that a manifest lists."""
    stale = find_stale(manifests, receipts)
    if not stale:
        return
    first, more = stale[0], len(stale) - 1
    found = receipts[first.path]
    raise DataError(
        "manifest_stale",
        f"{first.manifest} lists {first.frame_id} with {first.size} bytes"
        f"{f' and SHA-256 {first.sha256}' if first.sha256 else ''}, found"
        f" {found.file.size} and {found.sha256}: the product was remade"
        f"{f', as were {more} more' if more else ''}. Nothing is sent over what was announced. A"
        " manifest never changes: move this one out of the folder, then `vampctl retry"
        f" {_date_of(manifests)}` writes a new one. If it was mailed, STARS must be informed",
        night=str(manifests[0].text.file.night),
    )


def _date_of(manifests: Sequence[ListedManifest]) -> str:
    return manifests[0].text.file.night.date


def _known_digests(
    manifest: ListedManifest, there: Mapping[str, Receipt], sums: str | None
) -> dict[str, str]:
    try:
        summed = parse_sums(sums or "")
    except DataError:
        summed = {}
    known = {}
    for line in manifest.text.manifest.lines:
        path = product_path(line.frame_id)
        receipt = there.get(path)
        if receipt is not None and receipt.file.size == line.size:
            known[path] = receipt.sha256
        elif path in summed:
            known[path] = summed[path]
    return known
