"""What of a night travels: the files that are here, and those that were here and must be there.

The night's table of headers is a function of the packed products, the dictionary and the archive's
folder, as these are when it is written. That what lies there is still what was written shows a
reading that was kept when it was: nothing else is believed, or sent. Late products replace it
whole; another destination alone does not, as it does not change a manifest.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from vampd.config import Settings
from vampd.errors import DataError
from vampd.model.headers import CORRECTIONS, table_name
from vampd.model.nights import FileStamp, NightId
from vampd.model.plan import Plan, WriteHeaderTable
from vampd.model.proofs import Receipt, ended_receipts, live_receipts, parse_sums
from vampd.ports import NightReader
from vampd.stages.aside_files import read_sums
from vampd.stages.own_files import OwnFilesSurvey
from vampd.stages.raw_presence import survey_raw
from vampd.stages.records.corrections import corrections_digest
from vampd.stages.records.own_paths import GENERATION, PACKED_SUFFIX, RAW_RECORDS

_SET_ASIDE_FOLDERS = ("vbad", "vbad/vcam1", "vbad/vcam2")


def removed_digests(
    night: NightId, reader: NightReader, own: OwnFilesSurvey, here: Mapping[str, FileStamp]
) -> dict[str, str]:
    """The digests of removed files that travel whole: by receipt, as last read here, or listed."""
    presence = survey_raw(night, reader)
    # A used cube travels whole if a purge had it sent: a reading or its line tells.
    stamps = [stamp for cube in presence.removed for stamp in (cube.fits, cube.timing_file)]
    used = {stamp.path for stamp in stamps if stamp is not None}
    given_up = {each.receipt.path for each in ended_receipts(own.recorded)}
    given_up -= own.aside_receipts.keys()
    aside = {f"vbad/{path}" for path in presence.gone_aside} - given_up
    gone = {f"vbad/{path}" for path in used}.union(aside) - here.keys() - given_up
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
    texts = [table_name(night.date)]
    texts += [CORRECTIONS] if corrections_digest(reader.generations(night)) else []
    named = [file for file in reader.files(night, "") if file.path in texts]
    traveling = [*_products(products), *records, *aside, *named]
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


@dataclass(frozen=True)
class TableSurvey:
    """What lies there (None: nothing), its paths and digest, and what was last read of it.

    ``listed`` is the digest that SHA256SUMS lists, which is a witness where the reading is lost.
    """

    night: NightId
    file: FileStamp | None = None
    paths: tuple[str, ...] | None = None
    sha256: str = ""
    reading: Receipt | None = None
    listed: str | None = None

    @property
    def name(self) -> str:
        """Its path."""
        return table_name(self.night.date)

    @property
    def is_known(self) -> bool:
        """Whether it is there, or was: an earlier version wrote none."""
        return (self.file, self.reading, self.listed) != (None, None, None)

    @property
    def is_as_written(self) -> bool:
        """Whether vampd wrote what lies there."""
        reading = self.reading
        if reading is None:
            return self.listed == self.sha256
        return (reading.file, reading.sha256) == (self.file, self.sha256)


def survey_table(
    night: NightId, reader: NightReader, readings: Mapping[str, Receipt], sums: str | None
) -> TableSurvey:
    """Look through it; ``readings`` are those of files here, ``sums`` the text of SHA256SUMS."""
    name = table_name(night.date)
    reading, listed = readings.get(name), read_sums(sums).get(name)
    file = next((each for each in reader.files(night, "") if each.path == name), None)
    table = reader.header_table(night)
    if file is None or table is None:
        return TableSurvey(night, reading=reading, listed=listed)
    return TableSurvey(night, file, table.paths, table.sha256, reading, listed)


def plan_table(survey: TableSurvey, products: Iterable[str], settings: Settings) -> Plan:
    """Its writing, if it is not what was written of these products."""
    listed = tuple(sorted(products))
    there = () if survey.paths is None else survey.paths
    lists_them = len(there) == len(listed) and all(
        path.endswith(f"/{product}") for path, product in zip(there, listed, strict=True)
    )
    if not listed or (lists_them and survey.is_as_written):
        return Plan()
    home = settings.transfer.destination(survey.night.kind).path / survey.night.date
    return Plan.of([WriteHeaderTable(survey.name, str(home), listed)])
