"""manifest: list the safe products for STARS, each frame ID once in all of a night's manifests.

With ``mail.automatic`` every new manifest is then mailed. The night is safe long before, so
a mail that fails costs nothing but this stage's attempts.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from vampd.config import Settings
from vampd.errors import DataError
from vampd.model.delivery import (
    Correspondence,
    DigestColumn,
    MailState,
    Manifest,
    ManifestFile,
    ManifestLine,
    ManifestText,
    format_manifest,
    manifest_name,
    note_name,
    noted_mailings,
    supplement_number,
)
from vampd.model.frame_ids import FrameId
from vampd.model.nights import NightId, StageName
from vampd.model.plan import Hash, Plan, SendMail, WriteText
from vampd.model.proofs import Digests, Place, Receipt, text_digest
from vampd.ports import NightReader
from vampd.stages.own_files import PACKED_SUFFIX, OwnFilesSurvey, plan_own_files
from vampd.stages.transfer import safe_files
from vampd.stages.transfer import survey as survey_transfer

NAME = StageName.MANIFEST
_PRODUCT = re.compile(r"vgen2/(VMPA\d{8})\.fits\.fz")
# How many products are read before their receipts are stored.
_HASH_BATCH = 8


@dataclass(frozen=True)
class ManifestSurvey:
    """What the manifest stage reads.

    ``manifests`` are those that exist, by number; ``listed`` the frame IDs in them; ``products``
    the receipts of the products that carry a frame ID, None for one without a valid receipt, and
    ``safe`` those of them that are proven to be on the archive host. ``note`` is the folder's
    record of mailings.
    """

    night: NightId
    own: OwnFilesSurvey
    manifests: tuple[ManifestText, ...]
    listed: frozenset[FrameId]
    products: Mapping[FrameId, Receipt | None]
    safe: frozenset[FrameId]
    correspondence: Correspondence
    note: str | None


def survey(night: NightId, reader: NightReader) -> ManifestSurvey:
    """Read the manifests, and the proofs of the products. DataError ``manifest_damaged``."""
    transferred = survey_transfer(night, reader)
    manifests = read_manifests(night, reader)
    products: dict[FrameId, Receipt | None] = {}
    for path, file in transferred.here.items():
        if (frame_id := _frame_id(path)) is not None:
            receipt = transferred.own.readings.get(path)
            holds = receipt is not None and receipt.file == file
            products[frame_id] = receipt if holds else None
    return ManifestSurvey(
        night=night,
        own=transferred.own,
        manifests=manifests,
        listed=frozenset(line.frame_id for m in manifests for line in m.manifest.lines),
        products=products,
        safe=frozenset(
            frame_id
            for path in safe_files(transferred)
            if (frame_id := _frame_id(path)) is not None
        ),
        correspondence=reader.correspondence(night),
        note=reader.text(night, note_name(night.date)),
    )


def read_manifests(night: NightId, reader: NightReader) -> tuple[ManifestText, ...]:
    """The night's manifests, in order. DataError ``manifest_damaged`` names the file."""
    numbered = []
    for file in reader.files(night, ""):
        number = supplement_number(file.path, night.date)
        text = None if number is None else reader.text(night, file.path)
        if number is not None and text is not None:
            manifest = ManifestText(ManifestFile(night, file.path, text_digest(text)), text)
            try:
                manifest.manifest  # noqa: B018 - read now, so that damage is reported with its name
            except DataError as error:
                message = f"{file.path}: {error.message}"
                raise DataError(error.code, message, path=file.path) from error
            numbered.append((number, manifest))
    return tuple(manifest for _, manifest in sorted(numbered, key=lambda pair: pair[0]))


def mail_states(
    manifests: Sequence[ManifestText], correspondence: Correspondence, note: str | None
) -> dict[ManifestFile, MailState]:
    """The mailing state of these manifests, by the record and by the night's folder."""
    return {
        m.file: correspondence.state_of(m.file, noted_mailings(note, m.file)) for m in manifests
    }


def plan(survey: ManifestSurvey, settings: Settings) -> Plan:
    """One manifest, or supplement, with every product that none has listed yet; then its mail.

    Raises DataError ``manifest_stale`` if a listed product was remade with other bytes;
    ``manifest_unsafe`` if one of them is not proven to be on the archive host (silently leaving it
    out would look like a complete night), ``mail_uncertain`` if it is unknown whether a manifest
    was mailed; as `plan_own_files`.
    """
    own = plan_own_files(survey.own)
    if own:
        return own
    _refuse_stale(survey)
    late = sorted(survey.products.keys() - survey.listed)
    unsafe = [frame_id for frame_id in late if frame_id not in survey.safe]
    if unsafe:
        raise DataError(
            "manifest_unsafe",
            f"{len(unsafe)} of {len(late)} products are not proven to be on the archive host"
            f" (first: {unsafe[0]}); send and verify them again:"
            f" vampctl retry {survey.night.date} --from transfer",
            night=str(survey.night),
        )
    if not late:
        return _plan_mail(survey) if settings.mail.automatic else Plan()
    # What is safe has a valid receipt.
    receipts = {frame_id: r for frame_id in late if (r := survey.products[frame_id]) is not None}
    form = settings.manifest.manifest_form
    unread = [_product_path(frame_id) for frame_id in late if receipts[frame_id].md5 is None]
    if DigestColumn.MD5 in form.columns and unread:
        batches = (
            tuple(unread[start : start + _HASH_BATCH])
            for start in range(0, len(unread), _HASH_BATCH)
        )
        return Plan.of(Hash(batch, Place.HERE, Digests.SHA256_AND_MD5) for batch in batches)
    folder = settings.manifest.prefix or settings.transfer.destination(survey.night.kind).path
    lines = tuple(_line(str(folder / survey.night.date), receipts[frame_id]) for frame_id in late)
    numbers = [supplement_number(m.file.name, survey.night.date) or 0 for m in survey.manifests]
    name = manifest_name(survey.night.date, max(numbers, default=-1) + 1)
    return Plan.of([WriteText(name, format_manifest(Manifest(form, lines)), once=True)])


def _refuse_stale(survey: ManifestSurvey) -> None:
    """What a manifest says must hold as long as the product is here to be compared."""
    for text in survey.manifests:
        for line in text.manifest.lines:
            receipt = survey.products.get(line.frame_id)
            if receipt is not None and not _is_true(line, receipt):
                raise DataError(
                    "manifest_stale",
                    f"{text.file.name} lists {line.frame_id} with {line.size} bytes"
                    f"{f' and SHA-256 {line.sha256}' if line.sha256 else ''}, found"
                    f" {receipt.file.size} and {receipt.sha256}: the product was remade. A"
                    " manifest never changes: move this one out of the folder, then"
                    f" `vampctl retry {survey.night.date}` writes a new one. If it was mailed,"
                    " STARS must be informed",
                    night=str(survey.night),
                )


def _is_true(line: ManifestLine, receipt: Receipt) -> bool:
    return (
        line.size == receipt.file.size
        and line.sha256 in (None, receipt.sha256)
        and (receipt.md5 is None or line.md5 in (None, receipt.md5))
    )


def _plan_mail(survey: ManifestSurvey) -> Plan:
    states = mail_states(survey.manifests, survey.correspondence, survey.note)
    uncertain = [file.name for file, state in states.items() if state is MailState.UNCERTAIN]
    if uncertain:
        date = survey.night.date
        raise DataError(
            "mail_uncertain",
            f"{uncertain[0]} may have been mailed; this is unknown. Ask whether it has arrived:"
            f" `vampctl mail {date} --mark-sent` if it has,"
            f" else `vampctl mail {date} --send --yes`; then `vampctl retry {date}`",
            night=str(survey.night),
        )
    unmailed = tuple(file for file, state in states.items() if state is MailState.UNMAILED)
    return Plan.of([SendMail(unmailed)] if unmailed else [])


def _line(folder: str, receipt: Receipt) -> ManifestLine:
    frame_id = _frame_id(receipt.path)
    assert frame_id is not None
    return ManifestLine(
        frame_id, f"{folder}/{receipt.path}", receipt.file.size, receipt.sha256, receipt.md5
    )


def _frame_id(path: str) -> FrameId | None:
    match = _PRODUCT.fullmatch(path)
    return None if match is None else FrameId.parse(match[1])


def _product_path(frame_id: FrameId) -> str:
    return f"vgen2/{frame_id}{PACKED_SUFFIX}"
