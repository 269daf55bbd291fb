"""What is wrong with a night's own files here, as far as listings and small files show.

Products, sidecars, generations and raw records by their receipts; the texts that vampd can write
again, by what they are made of.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from vampd.errors import DataError, FrameIdConflict
from vampd.model.delivery import complete_note, describe_manifest_faults, note_name, product_id
from vampd.model.nights import FileStamp, Kind, NightId
from vampd.model.proofs import (
    REASONS_PATH,
    RECEIPTS_PATH,
    SUMS_NAME,
    PackingReceipt,
    Place,
    describe_faults,
    format_receipts,
    live_receipts,
    own_receipts,
    parse_sums,
)
from vampd.ports import NightReader
from vampd.stages import frameids
from vampd.stages.aside_files import describe_aside_faults, files_aside
from vampd.stages.records.corrections import describe_changed_corrections
from vampd.stages.records.folder_receipts import believed_receipts
from vampd.stages.records.foreign_cure import add_cure
from vampd.stages.records.manifest_files import read_listed_manifests
from vampd.stages.records.own_paths import GENERATION
from vampd.stages.set_aside import plan_set_aside, survey_set_aside
from vampd.stages.traveling_files import survey_table


def files_with_receipts(night: NightId, reader: NightReader) -> tuple[FileStamp, ...]:
    """The files here that may have a receipt: those in vgen2, and what is set aside."""
    return (*reader.files(night, "vgen2"), *files_aside(night, reader).values())


def describe_own_faults(night: NightId, reader: NightReader) -> tuple[str, ...]:
    """What is damaged or missing here, one sentence each, by listing and earlier readings."""
    receipts = believed_receipts(night, reader)
    aside = tuple(describe_aside_faults(night, reader))
    if not receipts:
        return aside
    files = {file.path: file for file in reader.files(night, "vgen2")}
    found = tuple(describe_faults(receipts, files, reader.receipts(night, Place.HERE)))
    try:
        reader.generations(night)
    except DataError as error:
        # Its own digest shows what no listing does.
        if not any(str(error.context.get("path")) in fault for fault in found):
            found = (error.message, *found)
    return (*found, *aside)


def describe_text_faults(night: NightId, reader: NightReader) -> Iterator[str]:
    """The texts of a finished night that are gone, or not what they are made of; and the cure.

    DataError of damaged generations.
    """
    receipts = live_receipts(reader.packing_receipts(night))
    if not receipts:
        return
    yield from describe_records_faults(night, reader)
    if night.kind is Kind.ENGINEERING:
        return
    yield from _describe_announced_faults(night, reader, receipts)


def describe_records_faults(night: NightId, reader: NightReader) -> Iterator[str]:
    """Those of them that say what is kept, and without which nothing of the night is sent."""
    receipts = live_receipts(reader.packing_receipts(night))
    if not receipts:
        return
    retry = f"`vampctl retry {night.date} --from transfer` writes it again"
    if reader.text(night, RECEIPTS_PATH) != format_receipts(receipts.values()):
        yield f"{RECEIPTS_PATH} is not what the database says; {retry}, or names what differs"
    if plan_set_aside(survey_set_aside(night, reader, reader.generations(night))):
        yield f"{REASONS_PATH}, or a link beside it, is not what the generations say; {retry}"
    sums = reader.text(night, SUMS_NAME)
    listed = {path: receipt.sha256 for path, receipt in own_receipts(receipts).items()}
    try:
        is_listed = listed.items() <= parse_sums(sums or "").items()
    except DataError:
        is_listed = False
    if not is_listed:
        yield f"{SUMS_NAME} is not what the packing receipts say; {retry}"
    table = survey_table(night, reader, reader.receipts(night, Place.HERE), sums)
    if table.is_known and not table.is_as_written:
        yield f"{table.name} is not what was written; {retry}"
    yield from describe_changed_corrections(night, reader)


def _describe_announced_faults(
    night: NightId, reader: NightReader, receipts: Mapping[str, PackingReceipt]
) -> Iterator[str]:
    names = f"`vampctl retry {night.date} --from manifest` writes it again"
    note = reader.text(night, note_name(night.date))
    if complete_note(note, reader.correspondence(night).mailings, night) != note:
        yield f"{note_name(night.date)} lacks a mail that is on record; {names}"
    # Without a generation, the old tools named its products.
    if any(GENERATION.fullmatch(path) for path in receipts):
        yield from _describe_name_faults(night, reader, names)
    try:
        manifests = read_listed_manifests(night, reader)
        bound = [bound.frame_id for bound in reader.bound_ids(night).values()]
        yield from describe_manifest_faults(night.date, manifests, own_receipts(receipts), bound)
    except DataError as error:
        yield add_cure(error, night, None)
        return
    announced = {line.frame_id for one in manifests for line in one.text.manifest.lines}
    ids = {frame_id for path in receipts if (frame_id := product_id(path)) is not None}
    if ids - announced:
        yield f"no manifest lists {min(ids - announced)}; if one is gone, {names}"


def _describe_name_faults(night: NightId, reader: NightReader, cure: str) -> Iterator[str]:
    try:
        is_due = frameids.plan_name_changes(frameids.survey(night, reader))
    except FrameIdConflict as error:
        yield f"{error.message}; move it away, and {cure}"
    else:
        if is_due:
            yield f"{frameids.NAME_CHANGES_PATH} is not what the ledger says; {cure}"
