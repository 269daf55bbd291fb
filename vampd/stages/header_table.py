"""The night's table of headers: written when the last product is packed, and sent with the night.

It is a function of the packed products, the dictionary and the archive's folder, as these are when
it is written. That what lies there is still what was written shows a reading that was kept when it
was: nothing else is believed, or sent. Late products replace it whole; another destination alone
does not, as it does not change a manifest.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from vampd.config import Settings
from vampd.model.headers import listed_paths, table_name
from vampd.model.nights import FileStamp, NightId
from vampd.model.plan import Plan, WriteHeaderTable
from vampd.model.proofs import Receipt, text_digest
from vampd.ports import NightReader
from vampd.stages.aside_files import read_sums


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
    """Read it whole; ``readings`` are those of files here, ``sums`` the text of SHA256SUMS."""
    name = table_name(night.date)
    reading, listed = readings.get(name), read_sums(sums).get(name)
    file = next((each for each in reader.files(night, "") if each.path == name), None)
    text = None if file is None else reader.text(night, name)
    if text is None:
        return TableSurvey(night, reading=reading, listed=listed)
    paths = listed_paths(text.split("\n")[:-1])
    return TableSurvey(night, file, paths, text_digest(text), reading, listed)


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
