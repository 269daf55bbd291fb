"""A night's manifests as its folder holds them, for the stages that must not contradict them."""

from __future__ import annotations

from collections.abc import Iterable

from vampd.errors import DataError
from vampd.model.delivery import (
    ListedManifest,
    ManifestFile,
    ManifestText,
    digests_name,
    manifest_name,
    supplement_number,
)
from vampd.model.nights import NightId
from vampd.model.proofs import format_sums, text_digest
from vampd.ports import NightReader


def read_manifests(night: NightId, reader: NightReader) -> tuple[ManifestText, ...]:
    """The night's manifests, in order. DataError ``manifest_damaged`` names the file.

    Something else in the place of one, such as a folder or a link, is refused.
    """
    listed = {supplement_number(file.path, night.date) for file in reader.files(night, "")} - {None}
    numbered = []
    # Also those that no listing of files shows: what lies there may be no file.
    for number in sorted({*listed, *range(len(listed) + 1)}):
        path = manifest_name(night.date, number)
        text = reader.text(night, path)
        if text is not None:
            manifest = ManifestText(ManifestFile(night, path, text_digest(text)), text)
            try:
                manifest.manifest  # noqa: B018 - read now, so that damage is reported with its name
            except DataError as error:
                message = (
                    f"{path}: {error.message}; move it away, and `vampctl retry {night.date}"
                    " --from manifest` writes it again"
                )
                raise DataError(error.code, message, path=path) from error
            numbered.append((number, manifest))
    return tuple(manifest for _, manifest in sorted(numbered, key=lambda pair: pair[0]))


def sums_of(manifests: Iterable[ManifestText]) -> str:
    """Which manifests these are, for the record: their digests in the form of SHA256SUMS."""
    return format_sums({one.file.name: one.file.sha256 for one in manifests})


def read_listed_manifests(night: NightId, reader: NightReader) -> tuple[ListedManifest, ...]:
    """The night's manifests with their digests, in order. DataError ``manifest_damaged``."""
    return tuple(
        ListedManifest(text, reader.text(night, digests_name(text.file.name)))
        for text in read_manifests(night, reader)
    )
