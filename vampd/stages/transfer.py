"""transfer: send what the archive host lacks, and prove by re-reading that it arrived.

Sent are: in ``vgen2`` every packed product with its sidecar, the generation files and the raw
records that a purge wrote, all of ``vbad``, the table of headers, and ``SHA256SUMS``, which lists
everything else that is sent. A file is safe if the bytes that were read there, past the cache, have
the digest of the bytes that were read here, and neither file has changed since, according to the
listings. What vampd made itself must be what its packing receipt says; so must set-aside raw files,
which may only grow (`vampd.stages.aside_files`). A reading counts for the archive that it names
(`vampd.model.proofs.is_proof`); what lies there unread is read before anything is sent over it. One
module, however long: what is sent, what is safe and what was lost are one comparison.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from vampd.config import Settings
from vampd.errors import DataError
from vampd.model.cubes import RAW_REMOVED
from vampd.model.delivery import ListedManifest, missing_digests, refuse_stale
from vampd.model.headers import CORRECTIONS
from vampd.model.nights import FileStamp, Gate, NightId, StageName
from vampd.model.plan import Compare, Hash, Plan, Remark, Send, WriteText
from vampd.model.proofs import (
    REASONS_PATH,
    SUMS_NAME,
    Place,
    Receipt,
    choose_proofs,
    format_sums,
    is_set_aside,
    text_digest,
)
from vampd.ports import NightReader
from vampd.stages import own_files
from vampd.stages.aside_files import AsideFiles, plan_aside, read_sums
from vampd.stages.own_files import OwnFilesSurvey, plan_own_files
from vampd.stages.records.corrections import corrections_digest
from vampd.stages.records.manifest_files import read_listed_manifests
from vampd.stages.records.own_paths import PACKED_SUFFIX
from vampd.stages.records.parts import batches, cut_parts
from vampd.stages.set_aside import SetAsideSurvey, plan_set_aside, survey_set_aside
from vampd.stages.traveling_files import (
    TableSurvey,
    files_to_send,
    hollow_files,
    plan_table,
    removed_digests,
    survey_table,
)

NAME = StageName.TRANSFER
_GONE = (
    "this night was archived, and nothing of it is left, at its destination or where it may"
    " have been moved; find out who removed it"
)
_HOLLOW = "claims gigabytes and holds nearly none of them: it stays here, and is not sent"


@dataclass(frozen=True)
class TransferSurvey:
    """What the transfer stage reads.

    ``here`` are the files to send, by path, without SHA256SUMS. ``archive`` is the listing there,
    and ``receipts_there`` are the readings that count for this archive. ``listed`` are the
    manifests, which were announced: bytes that differ from them are not sent. ``moved_to`` is where
    the archive host has moved the night by itself, in which case both are of that folder;
    ``is_gone`` if nothing is left of what once lay there. ``gone_aside`` are the digests of raw
    files under vbad that were removed here: they must be there, and cannot be sent. ``hollow``
    are such files that stay here, being mostly holes. ``corrections`` is the digest of the
    corrections.tsv that sync decided with, '' for none.
    """

    own: OwnFilesSurvey
    here: Mapping[str, FileStamp]
    archive: Mapping[str, FileStamp]
    receipts_there: Mapping[str, Receipt]
    listed: tuple[ListedManifest, ...] = ()
    moved_to: str | None = None
    is_gone: bool = False
    gone_aside: Mapping[str, str] = field(default_factory=dict)
    hollow: frozenset[str] = frozenset()
    set_aside: SetAsideSurvey = field(default_factory=SetAsideSurvey)
    table: TableSurvey | None = None
    aside: AsideFiles = field(default_factory=AsideFiles)
    corrections: str = ""


def survey(night: NightId, reader: NightReader) -> TransferSurvey:
    """List both sides and read the receipts. RemoteUnavailable, DataError ``manifest_damaged``."""
    archive, identity = reader.archive_files(night), reader.archive_identity(night)
    readings = reader.receipts(night, Place.ARCHIVE)
    # Looked for before anything is sent: the archive host moves nights by itself.
    moved = reader.moved_night(night)
    if moved is not None:
        archive, identity = moved.files, moved.identity
    own, here = own_files.survey(night, reader), files_to_send(night, reader)
    table = survey_table(night, reader, own.readings, own.sums)
    proofs = choose_proofs(readings, identity)
    there = {path: _digest_of(proofs.get(path), file) for path, file in archive.items()}
    home = f"{identity.destination.rstrip('/')}/{night.date}"
    return TransferSurvey(
        own=own,
        here=here,
        archive=archive,
        receipts_there=proofs,
        listed=read_listed_manifests(night, reader),
        moved_to=None if moved is None else moved.identity.destination,
        is_gone=is_gone_there(readings, archive),
        gone_aside=removed_digests(night, reader, own, here),
        hollow=hollow_files(night, reader),
        set_aside=survey_set_aside(night, reader, reader.generations(night)),
        table=table,
        corrections=corrections_digest(reader.generations(night)),
        aside=AsideFiles(
            {path: file for path, file in here.items() if is_set_aside(path)},
            own.aside_receipts,
            own.readings,
            readings,
            read_sums(own.sums),
            there,
            home if moved is None else moved.identity.destination,
            night.date,
        ),
    )


def is_gone_there(readings: Mapping[str, Receipt], archive: Mapping[str, FileStamp]) -> bool:
    """Whether a night that was archived is there no more; a listing or two may be left of it."""
    products = {path for path in readings if path.endswith(PACKED_SUFFIX)}
    return bool(readings) and not (products or readings.keys()) & archive.keys()


def _digest_of(proof: Receipt | None, file: FileStamp) -> str | None:
    return proof.sha256 if proof is not None and proof.file == file else None


def plan(survey: TransferSurvey, settings: Settings) -> Plan:
    """Complete vbad, hash what has no receipt here, then what lies there unread; send the rest.

    SHA256SUMS goes last, so that on the archive host it only lists what has arrived. DataError as
    `plan_own_files`: while anything here is damaged or missing, nothing is sent; ``manifest_stale``
    if a product differs from what a manifest says of it.
    """
    own = plan_own_files(survey.own)
    if own:
        return own
    aside = plan_set_aside(survey.set_aside)
    if aside:
        return aside
    # An earlier version wrote none, and where the archive host moved the night nothing is sent.
    if survey.table is not None and survey.table.is_known and survey.moved_to is None:
        table = plan_table(survey.table, survey.own.products, settings)
        if table:
            return table
    # While what is there has not been overwritten: later it would be said of other bytes.
    unknown = missing_digests(survey.listed, survey.receipts_there, survey.own.sums)
    if unknown:
        return Plan.of([WriteText(name, text, once=True) for name, text in unknown.items()])
    refuse_stale(survey.listed, valid_readings(survey))
    recorded = plan_aside(survey.aside)
    if recorded:
        return recorded
    digests = _digests(survey)
    unread = [path for path in sorted(survey.here) if path not in digests]
    if unread:
        # What lies there first: a reading here is good for sending while it is the later one.
        lying = _unread_there(survey, unread)
        reading_there = _read_there(lying, survey.archive)
        reading = [Hash(batch, Place.HERE) for batch in batches(unread, survey.here)]
        return Plan.of(reading_there, reading, remarks=_remarks(survey))
    if not survey.here:
        return Plan()
    sums = format_sums(digests)
    unsafe = unproven_files(survey)
    unread_there = _unread_there(survey, unsafe)
    if unread_there:
        return Plan.of(_read_there(unread_there, survey.archive))
    write = [WriteText(SUMS_NAME, sums)] if sums != survey.own.sums else []
    gone = [path for path in unsafe if path in survey.gone_aside]
    if gone and len(gone) == len(unsafe) and not write:
        raise _unsendable(gone, survey.own.night.date)
    if survey.moved_to is not None:
        if unsafe and not write:
            raise _moved(survey.moved_to, unsafe, survey.own.night.date)
        return Plan.of(write)
    compares = {path: _comparison(survey, path) for path in unsafe if path not in gone}
    doubtful = [path for path in compares if _was_read_before_copy(survey, path)]
    if doubtful:
        again = [
            Hash(batch, Place.HERE, before_sending=True) for batch in batches(doubtful, survey.here)
        ]
        return Plan.of(again, remarks=_remarks(survey))
    sends = [
        Send(part, compare, bytes=sum(survey.here[path].size for path in part))
        for compare in (Compare.CHECKSUM, Compare.SIZE_AND_TIME)
        for part in cut_parts(
            [path for path in compares if compares[path] is compare and path != SUMS_NAME],
            survey.here,
        )
    ]
    last = [Send((SUMS_NAME,), compares[SUMS_NAME])] if SUMS_NAME in unsafe else []
    return Plan.of(write, sends, last, remarks=_remarks(survey))


def _unsendable(gone: Sequence[str], date: str) -> DataError:
    count = len(gone)
    files = f"{count:,} set-aside raw files were" if count > 1 else "1 set-aside raw file was"
    return DataError(
        RAW_REMOVED,
        f"{files} removed here, with no whole copy at the archive, first: {gone[0]}. Nothing can"
        f" send what is gone: bring it back, here or there, then `vampctl retry {date}`; or"
        f" `vampctl release {date}` goes on without it, for good: {REASONS_PATH} says so",
        paths=tuple(gone),
        refused=tuple(gone),
    )


def _moved(place: str, unsafe: Sequence[str], date: str) -> DataError:
    return DataError(
        "night_moved",
        f"the archive host has moved this night to {place}, where vampd writes nothing by itself;"
        f" {len(unsafe)} of its files are missing or wrong there, first: {unsafe[0]}."
        f" `vampctl transfer {date} --print` shows the command that sends them; then `vampctl retry"
        f" {date}` reads them there",
        place=place,
    )


def _remarks(survey: TransferSurvey) -> list[Remark]:
    gone = (
        [Remark("night_gone", "the archive copy", _describe_gone(survey.own.night.date))]
        if survey.is_gone
        else []
    )
    return gone + [Remark("mostly_holes", path, _HOLLOW) for path in sorted(survey.hollow)]


def refuse_gone(survey: TransferSurvey, released: Collection[Gate]) -> None:
    """The gate before a night that was archived, and is gone, is sent again. DataError."""
    if survey.is_gone and Gate.NIGHT_GONE not in released:
        raise DataError(Gate.NIGHT_GONE.value, _describe_gone(survey.own.night.date))


def describe_gone(date: str) -> str:
    """What a look at the archive says of a night that is gone from there, and what helps."""
    return (
        f"{_GONE}. `vampctl retry {date} --from transfer` looks for it once more, and holds the"
        f" night if it is not found; then `vampctl release {date}` sends it again"
    )


def _describe_gone(date: str) -> str:
    return f"{_GONE}. If it is to be sent again: `vampctl release {date}`"


def refuse_spoiled(survey: TransferSurvey) -> None:
    """DataError ``archive_bytes_differ`` if what lies there was read, and is not what it must be.

    Of what was just sent, that disk or its machine gives other bytes back.
    """
    wrong = [path for path in unproven_files(survey) if _read(survey, path)]
    if wrong:
        raise DataError(
            "archive_bytes_differ",
            f"what was sent is read there with other bytes, more than once: {wrong[0]}"
            + (f" and {len(wrong) - 1} more" if len(wrong) > 1 else "")
            + "; look at that disk, and at the memory and network of its machine, then `vampctl"
            f" retry {survey.own.night.date}`",
            files=tuple(wrong),
        )


def overwritten_products(survey: TransferSurvey, plan: Plan) -> tuple[str, ...]:
    """The products, sidecars and generations that the plan sends over what lies there."""
    sent = (action for wave in plan.waves for action in wave if isinstance(action, Send))
    paths = (path for send in sent for path in send.files)
    return tuple(path for path in paths if path in survey.archive and path in survey.own.receipts)


def find_others(
    survey: TransferSurvey, paths: Iterable[str], listed: Mapping[str, str]
) -> dict[str, str]:
    """What SHA256SUMS there (``listed``) says of these files that no receipt here ever said.

    Where what is here is older than the archive, as after a backup was put back, what lies there
    may be a later product, even one that was announced.
    """
    known = {(each.receipt.path, each.receipt.sha256) for each in survey.own.recorded}
    return {
        path: listed[path] for path in paths if path in listed and (path, listed[path]) not in known
    }


def refuse_others(night: NightId, others: Sequence[str]) -> None:
    """DataError ``other_products`` of files that are there whole, and are not those here."""
    if not others:
        return
    more = f" and {len(others) - 1:,} more" if others[1:] else ""
    raise DataError(
        Gate.OTHER_PRODUCTS.value,
        f"the archive holds {others[0]}{more} of this night with other bytes, whole by the"
        f" {SUMS_NAME} there, and nothing here tells of them: was the database or the folder put"
        f" back from an older copy? Nothing is sent over them. If they are the right ones, put"
        f" back what is newer, or move them aside there, then `vampctl retry {night.date}`; if"
        f" those here are, and STARS was told of none of those there, `vampctl release"
        f" {night.date}` sends them",
        paths=tuple(others),
    )


def lost_proofs(survey: TransferSurvey) -> tuple[str, ...]:
    """The files that were proven to be there, and are gone or have changed since."""
    return tuple(
        path
        for path, proof in survey.receipts_there.items()
        if survey.archive.get(path) != proof.file
    )


def unproven_files(survey: TransferSurvey) -> tuple[str, ...]:
    """The files that are not proven to be there, SHA256SUMS last."""
    required = _required_digests(survey)
    return tuple(path for path in required if not _is_proven(survey, path, required[path]))


def is_safe(survey: TransferSurvey) -> bool:
    """Whether every file to send is proven to be there; no files at all is no proof."""
    required = _required_digests(survey)
    return (
        bool(survey.here)
        and safe_files(survey) == required.keys()
        and survey.here.keys() < required.keys()
        and survey.own.sums is not None
        and text_digest(survey.own.sums) == required[SUMS_NAME]
    )


def safe_files(survey: TransferSurvey) -> frozenset[str]:
    """The paths of the files that are proven to be there, byte for byte."""
    required = _required_digests(survey)
    return frozenset(path for path in required if _is_proven(survey, path, required[path]))


def valid_readings(survey: TransferSurvey) -> dict[str, Receipt]:
    """The reading of every file here that has not changed since, by path."""
    readings = survey.own.readings
    return {
        path: readings[path]
        for path, file in survey.here.items()
        if path in readings and readings[path].file == file
    }


def _digests(survey: TransferSurvey) -> dict[str, str]:
    """The digests that files must have: by packing receipts, of the set-aside ones as last read."""
    aside = {
        path: reading.sha256
        for path, reading in valid_readings(survey).items()
        if path.startswith("vbad/")
    }
    receipts = {path: receipt.sha256 for path, receipt in survey.own.receipts.items()}
    table = survey.table
    if table is not None and table.file is not None:
        receipts[table.name] = table.sha256
    if survey.corrections:
        receipts[CORRECTIONS] = survey.corrections
    return receipts | aside | dict(survey.gone_aside)


def _required_digests(survey: TransferSurvey) -> dict[str, str]:
    """What must be there: digests by path, sorted; SHA256SUMS, whose text is known, last."""
    digests = _digests(survey)
    required = {path: digests[path] for path in sorted(digests)}
    required[SUMS_NAME] = text_digest(format_sums(digests))
    return required


def _is_proven(survey: TransferSurvey, path: str, sha256: str) -> bool:
    receipt = _read(survey, path)
    return receipt is not None and receipt.sha256 == sha256


def _read(survey: TransferSurvey, path: str) -> Receipt | None:
    """The reading of what lies there now."""
    receipt = survey.receipts_there.get(path)
    return receipt if receipt is not None and receipt.file == survey.archive.get(path) else None


def _unread_there(survey: TransferSurvey, paths: Iterable[str]) -> list[str]:
    """Those that lie there and have to be read; one of another size than its packing is wrong."""
    receipts = survey.own.receipts
    return [
        path
        for path in paths
        if path in survey.archive
        and not _read(survey, path)
        and (path not in receipts or receipts[path].size == survey.archive[path].size)
    ]


def _comparison(survey: TransferSurvey, path: str) -> Compare:
    """By checksum where rsync's quick check could mistake other bytes for the right ones.

    What lies there was read, or has another size, and is wrong.
    """
    return Compare.CHECKSUM if path in survey.archive else Compare.SIZE_AND_TIME


def _was_read_before_copy(survey: TransferSurvey, path: str) -> bool:
    """Whether its copy was lost since the file was read here, which may be as bad by now."""
    there, here = survey.aside.claims.get(path), survey.own.readings.get(path)
    return path in survey.here and there is not None and (here is None or here.at < there.at)


def _read_there(paths: Sequence[str], files: Mapping[str, FileStamp]) -> list[Hash]:
    return [
        Hash(batch, Place.ARCHIVE, bytes=sum(files[path].size for path in batch))
        for batch in batches(paths, files)
    ]
