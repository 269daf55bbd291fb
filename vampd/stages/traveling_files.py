"""What of a night travels: the files that are here, and those that were here and must be there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from vampd.errors import DataError
from vampd.model.nights import FileStamp, NightId
from vampd.model.proofs import live_receipts, parse_sums
from vampd.ports import NightReader
from vampd.stages.own_files import GENERATION, PACKED_SUFFIX, RAW_RECORDS, OwnFilesSurvey
from vampd.stages.raw_presence import survey_raw

_SET_ASIDE_FOLDERS = ("vbad", "vbad/vcam1", "vbad/vcam2")


def removed_digests(
    night: NightId, reader: NightReader, own: OwnFilesSurvey, here: Mapping[str, FileStamp]
) -> dict[str, str]:
    """The digests of removed files that travel whole: by receipt, as last read here, or listed."""
    presence = survey_raw(night, reader)
    # A used cube travels whole if a purge had it sent: a reading or its line tells.
    stamps = [stamp for cube in presence.removed for stamp in (cube.fits, cube.timing_file)]
    used = {stamp.path for stamp in stamps if stamp is not None}
    aside = {f"vbad/{path}" for path in presence.gone_aside}
    gone = {f"vbad/{path}" for path in used}.union(aside) - here.keys()
    read = {path: own.readings[path].sha256 for path in gone & own.readings.keys()}
    read |= {path: own.aside_receipts[path].sha256 for path in gone & own.aside_receipts.keys()}
    try:
        listed = parse_sums(own.sums or "") if gone else {}
    except DataError:
        # A damaged listing is written again, unless it alone knows of something.
        if aside <= read.keys():
            return read
        raise
    return {path: listed[path] for path in gone & listed.keys()} | read


def files_to_send(night: NightId, reader: NightReader) -> Mapping[str, FileStamp]:
    """The files to send, by path, without SHA256SUMS, and without those that are mostly holes."""
    hollow = hollow_files(night, reader)
    every = (file for folder in _SET_ASIDE_FOLDERS for file in reader.files(night, folder))
    aside = [file for file in every if file.path not in hollow]
    products = reader.files(night, "vgen2")
    receipts = live_receipts(reader.packing_receipts(night))
    # Without a receipt, a purge was killed before it had put them on record, and writes them again.
    records = [f for f in products if RAW_RECORDS.fullmatch(f.path) and f.path in receipts]
    traveling = [*_products(products), *records, *aside]
    return {file.path: file for file in traveling}


def hollow_files(night: NightId, reader: NightReader) -> frozenset[str]:
    """The set-aside files that are mostly holes: to read and send them takes hours, for nothing."""
    folders = _SET_ASIDE_FOLDERS[1:]
    return frozenset().union(*(reader.hollow_files(night, folder) for folder in folders))


def _products(files: Iterable[FileStamp]) -> Iterator[FileStamp]:
    by_path = {file.path: file for file in files}
    for path, file in by_path.items():
        # A sidecar without its product means that fpack is still making it.
        is_sidecar = path.endswith(".txt") and path.removesuffix(".txt") + PACKED_SUFFIX in by_path
        if is_sidecar or path.endswith(PACKED_SUFFIX) or GENERATION.fullmatch(path):
            yield file
