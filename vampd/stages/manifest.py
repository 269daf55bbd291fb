"""manifest: list the safe products for STARS, each frame ID once in all of a night's manifests.

With ``mail.automatic`` every new manifest is then mailed. The night is safe long before, so
a mail that fails costs nothing but this stage's attempts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from vampd.config import Settings
from vampd.errors import DataError, FrameIdConflict
from vampd.model.delivery import (
    Correspondence,
    DigestColumn,
    ListedManifest,
    MailState,
    Manifest,
    ManifestFile,
    ManifestLine,
    ManifestText,
    complete_note,
    digests_name,
    find_replaced,
    format_manifest,
    manifest_name,
    needs_digests,
    note_name,
    noted_mailings,
    product_id,
    product_path,
    refuse_damaged,
    refuse_listed_without_product,
    refuse_stale,
    supplement_number,
)
from vampd.model.frame_ids import FrameId
from vampd.model.nights import NightId, StageName
from vampd.model.plan import Hash, Plan, SendMail, WriteText
from vampd.model.proofs import Digests, Place, Receipt, format_sums, text_digest
from vampd.ports import NightReader
from vampd.stages import frameids
from vampd.stages.own_files import OwnFilesSurvey, plan_own_files
from vampd.stages.transfer import safe_files
from vampd.stages.transfer import survey as survey_transfer

NAME = StageName.MANIFEST
# How many products are read before their receipts are stored.
_HASH_BATCH = 8


@dataclass(frozen=True)
class ManifestSurvey:
    """What the manifest stage reads.

    ``listed_manifests`` are those that exist, by number; ``listed`` the frame IDs in them;
    ``products`` the receipts of the products that carry a frame ID, None for one without a valid
    receipt, and ``safe`` those of them that are proven to be on the archive host. ``bound`` are the
    IDs that the ledger has for this night. ``note`` is the folder's record of mailings;
    ``names`` is what its listing of names lacks.
    """

    night: NightId
    own: OwnFilesSurvey
    listed_manifests: tuple[ListedManifest, ...]
    listed: frozenset[FrameId]
    products: Mapping[FrameId, Receipt | None]
    safe: frozenset[FrameId]
    bound: frozenset[FrameId]
    correspondence: Correspondence
    note: str | None
    names: Plan

    @property
    def manifests(self) -> tuple[ManifestText, ...]:
        """Those that exist, by number."""
        return tuple(one.text for one in self.listed_manifests)


def survey(night: NightId, reader: NightReader) -> ManifestSurvey:
    """Read the manifests, and the proofs of the products. DataError ``manifest_damaged``."""
    transferred = survey_transfer(night, reader)
    manifests = tuple(one.text for one in transferred.listed)
    products: dict[FrameId, Receipt | None] = {}
    for path, file in transferred.here.items():
        if (frame_id := product_id(path)) is not None:
            receipt = transferred.own.readings.get(path)
            holds = receipt is not None and receipt.file == file
            products[frame_id] = receipt if holds else None
    return ManifestSurvey(
        night=night,
        own=transferred.own,
        listed_manifests=transferred.listed,
        listed=frozenset(line.frame_id for m in manifests for line in m.manifest.lines),
        products=products,
        safe=frozenset(
            frame_id
            for path in safe_files(transferred)
            if (frame_id := product_id(path)) is not None
        ),
        bound=frozenset(bound.frame_id for bound in reader.bound_ids(night).values()),
        correspondence=reader.correspondence(night),
        note=reader.text(night, note_name(night.date)),
        names=_plan_names(night, reader),
    )


def _plan_names(night: NightId, reader: NightReader) -> Plan:
    """The listing of names, where it is gone or lacks some; one of others is left alone here."""
    try:
        return frameids.plan_name_changes(frameids.survey(night, reader))
    except FrameIdConflict:
        return Plan()


def mail_states(
    manifests: Sequence[ManifestText], correspondence: Correspondence, note: str | None
) -> dict[ManifestFile, MailState]:
    """The mailing state of these manifests, by the record and by the night's folder."""
    return {
        m.file: correspondence.state_of(m.file, noted_mailings(note, m.file)) for m in manifests
    }


def plan(survey: ManifestSurvey, settings: Settings) -> Plan:
    """One manifest, or supplement, with every product that none has listed yet; then its mail.

    Raises DataError ``manifest_damaged`` if one is not what it was written to be;
    ``manifest_stale`` if a listed product was remade with other bytes, or is gone for good before
    it was mailed;
    ``manifest_unsafe`` if one of them is not proven to be on the archive host (silently leaving it
    out would look like a complete night), ``mail_uncertain`` if it is unknown whether a manifest
    was mailed; as `plan_own_files`.
    """
    own = plan_own_files(survey.own)
    if own:
        return own
    texts = _plan_texts(survey)
    if texts:
        return texts
    refuse_damaged(survey.night.date, survey.listed_manifests, survey.own.receipts, survey.bound)
    valid = {receipt.path: receipt for receipt in survey.products.values() if receipt is not None}
    refuse_stale(survey.listed_manifests, valid)
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
    unread = [frame_id for frame_id in late if receipts[frame_id].md5 is None]
    if DigestColumn.MD5 in form.columns and unread:
        return Plan.of(
            Hash(
                tuple(map(product_path, batch)),
                Place.HERE,
                Digests.SHA256_AND_MD5,
                bytes=sum(receipts[frame_id].file.size for frame_id in batch),
            )
            for start in range(0, len(unread), _HASH_BATCH)
            for batch in (unread[start : start + _HASH_BATCH],)
        )
    folder = settings.manifest.prefix or settings.transfer.destination(survey.night.kind).path
    lines = tuple(_line(str(folder / survey.night.date), receipts[frame_id]) for frame_id in late)
    text = format_manifest(Manifest(form, lines))
    name = _name_of(survey, text)
    write = WriteText(name, text, once=True)
    if not needs_digests(form):
        return Plan.of([write])
    # First, so that no manifest is ever without; until it exists, they may be written again.
    digests = format_sums({product_path(f): receipt.sha256 for f, receipt in receipts.items()})
    return Plan.of([WriteText(digests_name(name), digests)], [write])


def _name_of(survey: ManifestSurvey, text: str) -> str:
    """The name of a new manifest: that under which this very text is on record, if it is gone.

    In a form without digests, products that were made again with other bytes of the same size give
    the text that was announced of the earlier ones: it gets a name that is not on record.
    """
    night, sha256 = survey.night, text_digest(text)
    told = survey.correspondence
    files = {one for mailing in told.mailings for one in mailing.manifests}
    files |= {one.manifest for one in told.acknowledged}
    same = {one.name for one in files if one.night == night and one.sha256 == sha256}
    new = ManifestText(ManifestFile(night, "", sha256), text)
    is_remade = bool(find_replaced([new], told, survey.note, survey.own.recorded))
    here = {m.file.name for m in survey.manifests}
    if same - here and not is_remade:
        return min(same - here)
    numbers = [supplement_number(name, night.date) or 0 for name in here]
    number = max(numbers, default=-1) + 1
    while manifest_name(night.date, number) in same:
        number += 1
    return manifest_name(night.date, number)


def _plan_texts(survey: ManifestSurvey) -> Plan:
    """What the night's record of names and of mails lacks; neither travels."""
    note = complete_note(survey.note, survey.correspondence.mailings, survey.night)
    is_due = note is not None and note != survey.note
    write = [WriteText(note_name(survey.night.date), note)] if is_due and note else []
    return Plan.of(write, *survey.names.waves)


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
    texts = [text for text in survey.manifests if text.file in unmailed]
    refuse_listed_without_product(texts, survey.own.receipts)
    replaced = find_replaced(
        survey.manifests, survey.correspondence, survey.note, survey.own.recorded
    )
    return Plan.of([SendMail(unmailed, replaced)] if unmailed else [])


def _line(folder: str, receipt: Receipt) -> ManifestLine:
    frame_id = product_id(receipt.path)
    assert frame_id is not None
    return ManifestLine(
        frame_id, f"{folder}/{receipt.path}", receipt.file.size, receipt.sha256, receipt.md5
    )
