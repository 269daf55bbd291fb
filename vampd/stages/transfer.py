"""transfer: send what the archive host lacks, and prove by re-reading that it arrived.

Sent are: in ``vgen2`` every packed product with its sidecar and the generation files, all of
``vbad``, and ``SHA256SUMS``, which lists everything else that is sent. A file is safe if the bytes
that were read there, past the cache, have the digest of the bytes that were read here, and neither
file has changed since, according to the listings.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from vampd.config import Settings
from vampd.model.delivery import ListedManifest, missing_digests, refuse_stale
from vampd.model.nights import FileStamp, NightId, StageName
from vampd.model.plan import Action, Compare, Hash, Plan, Send, WriteText
from vampd.model.proofs import SUMS_NAME, Place, Receipt, format_sums, text_digest
from vampd.ports import NightReader
from vampd.stages.manifest_files import read_listed_manifests

NAME = StageName.TRANSFER
BATCH_FILES = 64
BATCH_BYTES = 8_000_000_000

PACKED_SUFFIX = ".fits.fz"
_GENERATION = re.compile(r"vgen2/generation_\d+\.json")
_SET_ASIDE_FOLDERS = ("vbad", "vbad/vcam1", "vbad/vcam2")


@dataclass(frozen=True)
class TransferSurvey:
    """What the transfer stage reads.

    ``here`` are the files to send, by path, without SHA256SUMS; ``sums`` is the text of
    that one, None if it does not exist. ``archive`` is the listing there. ``listed`` are the
    manifests, which were announced: bytes that differ from them are not sent.
    """

    here: Mapping[str, FileStamp]
    sums: str | None
    archive: Mapping[str, FileStamp]
    receipts_here: Mapping[str, Receipt]
    receipts_there: Mapping[str, Receipt]
    listed: tuple[ListedManifest, ...] = ()


def survey(night: NightId, reader: NightReader) -> TransferSurvey:
    """List both sides and read the receipts. RemoteUnavailable, DataError ``manifest_damaged``."""
    return TransferSurvey(
        here=files_to_send(night, reader),
        sums=reader.text(night, SUMS_NAME),
        archive=reader.archive_files(night),
        receipts_here=reader.receipts(night, Place.HERE),
        receipts_there=reader.receipts(night, Place.ARCHIVE),
        listed=read_listed_manifests(night, reader),
    )


def files_to_send(night: NightId, reader: NightReader) -> Mapping[str, FileStamp]:
    """The files to send, by path, without SHA256SUMS."""
    aside = [file for folder in _SET_ASIDE_FOLDERS for file in reader.files(night, folder)]
    travelling = [*_products(reader.files(night, "vgen2")), *aside]
    return {file.path: file for file in travelling}


def _products(files: Iterable[FileStamp]) -> Iterator[FileStamp]:
    by_path = {file.path: file for file in files}
    for path, file in by_path.items():
        # A sidecar without its product means that fpack is still making it.
        is_sidecar = path.endswith(".txt") and path.removesuffix(".txt") + PACKED_SUFFIX in by_path
        if is_sidecar or path.endswith(PACKED_SUFFIX) or _GENERATION.fullmatch(path):
            yield file


def plan(survey: TransferSurvey, settings: Settings) -> Plan:
    """Hash what has no receipt here; else write the sums, send the difference, hash it there.

    SHA256SUMS goes last, so that on the archive host it only lists what has arrived. DataError
    ``manifest_stale`` if a product differs from what a manifest says of it.
    """
    # While what is there has not been overwritten: later it would be told of other bytes.
    unknown = missing_digests(survey.listed, survey.receipts_there, survey.sums)
    if unknown:
        return Plan.of([WriteText(name, text, once=True) for name, text in unknown.items()])
    refuse_stale(survey.listed, valid_receipts(survey))
    digests = _digests_here(survey)
    unread = [path for path in sorted(survey.here) if path not in digests]
    if unread:
        return Plan.of(Hash(batch, Place.HERE) for batch in _batches(unread, survey.here))
    if not survey.here:
        return Plan()
    sums = format_sums(digests)
    required = _required_digests(survey)
    unsafe = [path for path in required if not _is_proven(survey, path, required[path])]
    compares = {path: _comparison(survey, path, required[path]) for path in unsafe}
    sends = [
        Send(batch, compare)
        for compare in (Compare.CHECKSUM, Compare.SIZE_AND_TIME)
        for batch in _batches(
            [path for path in unsafe if compares[path] is compare and path != SUMS_NAME],
            survey.here,
        )
    ]
    if SUMS_NAME in unsafe:
        sends.append(Send((SUMS_NAME,), compares[SUMS_NAME]))
    write = [WriteText(SUMS_NAME, sums)] if sums != survey.sums else []
    return Plan.of(write, *_pipelined(sends))


def is_safe(survey: TransferSurvey) -> bool:
    """Whether every file to send is proven to be there; no files at all is no proof."""
    required = _required_digests(survey)
    return (
        bool(survey.here)
        and safe_files(survey) == required.keys()
        and survey.here.keys() < required.keys()
        and survey.sums is not None
        and text_digest(survey.sums) == required[SUMS_NAME]
    )


def safe_files(survey: TransferSurvey) -> frozenset[str]:
    """The paths of the files that are proven to be there, byte for byte."""
    required = _required_digests(survey)
    return frozenset(path for path in required if _is_proven(survey, path, required[path]))


def valid_receipts(survey: TransferSurvey) -> dict[str, Receipt]:
    """The receipt of every file here that still holds, by path."""
    return {
        path: survey.receipts_here[path]
        for path, file in survey.here.items()
        if path in survey.receipts_here and survey.receipts_here[path].file == file
    }


def _digests_here(survey: TransferSurvey) -> dict[str, str]:
    """The digest of every file here whose receipt is still valid."""
    return {path: receipt.sha256 for path, receipt in valid_receipts(survey).items()}


def _required_digests(survey: TransferSurvey) -> dict[str, str]:
    """What must be there: digests by path, sorted; SHA256SUMS, whose text is known, last."""
    digests = _digests_here(survey)
    required = {path: digests[path] for path in sorted(digests)}
    required[SUMS_NAME] = text_digest(format_sums(digests))
    return required


def _is_proven(survey: TransferSurvey, path: str, sha256: str) -> bool:
    receipt = survey.receipts_there.get(path)
    return (
        receipt is not None
        and receipt.sha256 == sha256
        and receipt.file == survey.archive.get(path)
    )


def _comparison(survey: TransferSurvey, path: str, sha256: str) -> Compare:
    """By checksum where rsync's quick check could mistake other bytes for the right ones."""
    receipt = survey.receipts_there.get(path)
    listed = survey.archive.get(path)
    if receipt is not None and receipt.file == listed and receipt.sha256 != sha256:
        return Compare.CHECKSUM
    return Compare.SIZE_AND_TIME


def _batches(paths: list[str], files: Mapping[str, FileStamp]) -> Iterator[tuple[str, ...]]:
    """Cut into batches: the success of one survives the failure of the next."""
    batch: list[str] = []
    bytes_in_batch = 0
    for path in paths:
        size = files[path].size
        if batch and (len(batch) == BATCH_FILES or bytes_in_batch + size > BATCH_BYTES):
            yield tuple(batch)
            batch, bytes_in_batch = [], 0
        batch.append(path)
        bytes_in_batch += size
    if batch:
        yield tuple(batch)


def _pipelined(sends: list[Send]) -> Iterator[list[Action]]:
    """Waves in which one batch is read there while the next is sent; never two sends at once.

    Two rsyncs would remove each other's folder of partial files.
    """
    arrived: list[Action] = []
    for send in sends:
        yield [send, *arrived]
        arrived = [Hash(send.files, Place.ARCHIVE)]
    yield arrived
