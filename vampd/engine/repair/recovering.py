"""Getting back what is damaged or gone here: from an archive copy, else made again from raw.

A candidate is made in a hidden folder of the night, compared with the packing receipt, and named
only if it is what that says. What was damaged keeps a hidden second name until the night is safe
again; after a kill, recovering again resumes it.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from vampd.config import Settings
from vampd.disk.durable import (
    creating,
    fsync_folder,
    keep_hidden,
    link,
    rename,
)
from vampd.disk.failpoint import failpoint
from vampd.disk.pace import SteadyPace
from vampd.disk.reading import file_behind, hash_file, open_foreign
from vampd.engine.nights.framelist_source import FramelistSource
from vampd.engine.repair.corrections_again import take_corrections
from vampd.engine.repair.generation_again import (
    decide_again,
    refuse_other_decision,
)
from vampd.engine.repair.remaking import Candidates
from vampd.engine.repair.table_again import make_table
from vampd.errors import DataError, VampdError
from vampd.model.cubes import Framelist
from vampd.model.headers import CORRECTIONS, table_name
from vampd.model.nights import FileStamp, NightId, Stream
from vampd.model.plan import Compare
from vampd.model.proofs import (
    PackingReceipt,
    Place,
    Receipt,
    find_damaged,
    find_missing,
    refuse_other_form,
    text_bytes,
)
from vampd.ports import NightReader, Pace
from vampd.stages.own_faults import files_with_receipts
from vampd.stages.records.folder_receipts import refuse_older_record
from vampd.stages.records.own_paths import GENERATION, product_path
from vampd.stages.records.whole_generations import damaged_generations

if TYPE_CHECKING:
    from vampd.adapters.archive import NightArchive

UNREADABLE = "0" * 64
# Errors of what is made from raw: whole, but with other bytes.
_OTHER = frozenset({"other_form", "other_bytes"})
# Errors of what raw does not give, whatever is asked of it again.
_NOT_IN_RAW = frozenset({"io_error", "not_from_raw", "other_bytes", "raw_gone", "raw_unreadable"})


class RecoveryWay(StrEnum):
    """How a file was got back."""

    ARCHIVE = "from the archive copy"
    RAW = "made again from raw"
    PRODUCTS = "made again from the products"


@dataclass(frozen=True)
class Recovered:
    """A file that is whole again, with its reading; or ``reasons`` why it is not.

    ``code`` says why raw does not give it.
    """

    path: str
    way: RecoveryWay | None = None
    reading: Receipt | None = None
    reasons: tuple[str, ...] = ()
    code: str | None = None

    @property
    def is_other(self) -> bool:
        """Whether it can be made from raw, but not with equal bytes: only a restore makes it."""
        return self.code in _OTHER

    @property
    def is_not_in_raw(self) -> bool:
        """Whether raw was asked for it and does not give it, as far as this can be told."""
        return self.code in _NOT_IN_RAW and not GENERATION.fullmatch(self.path)


def read_suspects(
    night: NightId,
    folder: Path,
    reader: NightReader,
    receipts: Mapping[str, PackingReceipt],
    named: Collection[str],
    at: float,
) -> tuple[Receipt, ...]:
    """Read the files that are named, and those that were not read since they last changed.

    A file that the disk does not give back reads as `UNREADABLE`, which no receipt says.
    """
    readings = reader.receipts(night, Place.HERE)
    suspects = [
        file
        for file in files_with_receipts(night, reader)
        if file.path in receipts
        and (
            file.path in named
            or (reading := readings.get(file.path)) is None
            or reading.file != file
        )
    ]
    return tuple(_read_suspect(folder, file, at) for file in suspects)


def _read_suspect(folder: Path, file: FileStamp, at: float) -> Receipt:
    try:
        return _read(folder, file.path, at)
    except OSError as error:
        if error.errno != errno.EIO:
            raise
        return Receipt(Place.HERE, file, UNREADABLE, at)


def find_faulty(
    night: NightId, reader: NightReader, receipts: Mapping[str, PackingReceipt]
) -> tuple[str, ...]:
    """The files that are damaged or missing here, generations first: the others need them.

    DataError ``receipts_disagree`` of files that are whole, and others than those on record.
    """
    refuse_older_record(night, reader)
    files = {file.path: file for file in reader.files(night, Stream.VGEN2)}
    readings = reader.receipts(night, Place.HERE)
    faulty = {*find_damaged(receipts, files, readings), *find_missing(receipts, files)}
    faulty.update(damaged_generations(night, reader))
    return tuple(sorted(faulty, key=lambda path: (not GENERATION.fullmatch(path), path)))


class Recovery:
    """Gets files of one night back; ``hosts`` are where its archive copy may be, with names.

    ``corrections`` is the digest of corrections.tsv, if that is to come back.
    """

    def __init__(
        self,
        night: NightId,
        folder: Path,
        reader: NightReader,
        receipts: Mapping[str, PackingReceipt],
        hosts: Sequence[tuple[str, NightArchive]],
        settings: Settings,
        corrections: str = "",
    ) -> None:
        self._settings = settings
        self._corrections = corrections
        self._night = night
        self._folder = folder
        self._reader = reader
        self._receipts = receipts
        self._hosts = hosts
        self._pace: Pace = SteadyPace()
        self._table = table_name(night.date)
        self._candidates = Candidates(folder)

    def recover(self, paths: Sequence[str], at: float) -> Iterator[Recovered]:
        """Each of these files, whole again or why not; of those without a receipt, generations."""
        try:
            for path in paths:
                yield self._recover(path, at)
        finally:
            self._candidates.clear()

    def _recover(self, path: str, at: float) -> Recovered:
        if path == CORRECTIONS:
            return self._take_corrections(at)
        reasons: list[str] = []
        for name, host in self._hosts if path in self._receipts else ():
            self._candidates.prepare()
            try:
                # Nothing lies here: no need to compare, for which a file of any size is read there.
                compare, size = Compare.SIZE_AND_TIME, self._receipts[path].size
                host.fetch(self._night, self._candidates.folder, [path], compare, self._pace, size)
                self._name(path)
            except VampdError as error:
                reasons.append(f"{name}: {error.message}")
            else:
                return Recovered(path, RecoveryWay.ARCHIVE, _read(self._folder, path, at))
        self._candidates.prepare()
        is_table = path == self._table
        try:
            self._make_again(path)
            self._name(path)
        except VampdError as error:
            reasons.append(f"{'products' if is_table else 'raw'}: {error.message}")
            if is_table:
                reasons.append(f"`vampctl retry {self._night.date} --from transfer` writes it anew")
            # Such a table asks for no restore, and is no loss.
            return Recovered(path, reasons=tuple(reasons), code=None if is_table else error.code)
        way = RecoveryWay.PRODUCTS if is_table else RecoveryWay.RAW
        return Recovered(path, way, _read(self._folder, path, at))

    def _take_corrections(self, at: float) -> Recovered:
        try:
            reasons = take_corrections(
                self._night, self._folder, self._corrections, self._hosts, self._pace
            )
        except DataError as error:
            reasons = [error.message]
        if reasons:
            return Recovered(CORRECTIONS, reasons=tuple(reasons))
        return Recovered(CORRECTIONS, RecoveryWay.ARCHIVE, _read(self._folder, CORRECTIONS, at))

    def _make_again(self, path: str) -> None:
        """Make the candidate, of a product or sidecar from generation and raw; DataError."""
        if path == self._table:
            candidate = str((self._candidates.folder / path).relative_to(self._folder))
            make_table(
                self._night,
                self._folder,
                candidate,
                self._reader,
                self._receipts,
                self._settings,
                self._pace,
            )
            return
        if GENERATION.fullmatch(path):
            text = decide_again(self._night, path, self._reader, self._settings)
            if path not in self._receipts:
                refuse_other_decision(self._night, path, text, self._reader)
            with creating(self._candidates.folder / path) as file:
                file.write(text_bytes(text))
            return
        product = self._receipts.get(product_path(path))
        if product is None or product.identity is None:
            raise DataError("not_from_raw", f"{path} cannot be made again from raw")
        refuse_other_form(product.form, path)
        self._candidates.make_again(path, self._framelist(product.identity), self._pace)

    def _framelist(self, identity: str) -> Framelist:
        product = next((p for p in self._source.products if p.identity == identity), None)
        if product is None and any(
            identity in each.withdrawn for each in self._reader.generations(self._night)
        ):
            raise DataError("not_from_raw", "the night was taken on without this product")
        if product is None:
            raise DataError("not_decided", f"no generation of the night holds identity {identity}")
        return self._source.read(product)

    @cached_property
    def _source(self) -> FramelistSource:
        """Made when it is first needed: by then the generations are whole, if they can be."""
        return FramelistSource(self._night, self._folder, self._reader)

    def _name(self, path: str) -> None:
        """Give a candidate its name if it is what the receipt says; DataError if not."""
        target = self._folder / path
        candidate = self._candidates.take(path, self._receipts.get(path), self._pace)
        _sync(candidate)
        if path == self._table:
            # Derived, and whole in the candidate: what was damaged of it is worth nothing.
            rename(candidate, target)
        elif os.path.lexists(target):
            keep_hidden(target, "damaged")
            failpoint("recovering.damaged.kept")
            rename(candidate, target)
        else:
            link(candidate, target)
        failpoint("recovering.file.named")
        fsync_folder(target.parent)


def _sync(path: Path) -> None:
    with open_foreign(path) as file:
        os.fsync(file.fileno())


def _read(folder: Path, path: str, at: float) -> Receipt:
    size, mtime_ns, sha256 = hash_file(file_behind(folder, path), SteadyPace())
    return Receipt(Place.HERE, FileStamp(path, size, mtime_ns), sha256, at)
