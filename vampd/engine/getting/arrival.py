"""Files that arrive for an observer: whole, checked, and over nothing that is there.

What is fetched or unpacked lies in a hidden folder beside its target until it is proven; then it is
linked to its name. After a kill the next run finds it there, and goes on, within a file too.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from vampd.disk.durable import (
    fsync_folder,
    link,
    make_folder,
    opened_folder,
    remove_durably,
    remove_leftovers,
    remove_tree,
    replacing,
)
from vampd.disk.failpoint import failpoint
from vampd.disk.machine import space_at
from vampd.disk.reading import hash_file, open_foreign, read_whole
from vampd.engine.getting.offer import Hosts, Offered, Wanted
from vampd.engine.getting.partial import copy_on, part_bytes, partial_of, take_up
from vampd.engine.getting.proof import Arrived, Outcome, judge, prove
from vampd.errors import ClaimLost, DataError, DigestMismatch, DiskFull, StateError, VampdError
from vampd.fits.headers import OwnSums, check_own_sums
from vampd.fits.products import unpack_file
from vampd.model.nights import NightId
from vampd.model.plan import Compare
from vampd.model.size import format_size
from vampd.ports import Pace
from vampd.stages.records.own_paths import PACKED_SUFFIX

if TYPE_CHECKING:
    from vampd.adapters.archive import NightArchive

_BATCH_FILES, _BATCH_BYTES = 100, 1 << 32
HERE = "here"


class Form(StrEnum):
    """How products are handed over."""

    PACKED = "packed"
    UNPACKED = "unpacked"


@dataclass(frozen=True)
class Delivery:
    """Hands products of one night over into ``out``, from ``folder`` here, else from the hosts."""

    night: NightId
    folder: Path | None
    hosts: Hosts
    out: Path
    form: Form
    pace: Pace

    def deliver(self, chosen: Sequence[Offered]) -> Iterator[Arrived]:
        """Each file of these products, in the end. DiskFull; StateError ``get_runs``."""
        make_folder(self.out)
        self._require_space(chosen)
        with self._alone():
            remove_leftovers(self._work)
            lacking: list[Wanted] = []
            for one in chosen:
                for file in one.files:
                    if (done := self._keep(file) or self._from_here(one, file)) is not None:
                        yield done
                    else:
                        lacking.append(file)
            is_partial = False
            for batch in _batches(lacking):
                for done in self._from_archive(batch):
                    is_partial = is_partial or (done.outcome is Outcome.FAILED and not done.source)
                    yield done
            # What came in part is worth something to the next run.
            if not is_partial:
                remove_tree(self._work)

    @property
    def _work(self) -> Path:
        return self.out / f".vampctl-get-{self.night.date}-{self.night.kind}"

    @contextmanager
    def _alone(self) -> Iterator[None]:
        make_folder(self._work)
        with opened_folder(self._work, os.O_RDONLY) as work_fd:
            try:
                fcntl.flock(work_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise StateError(
                    "get_runs",
                    f"another `vampctl get` of this night writes to {self.out}: wait for its end,"
                    " or pass -o DIR with another folder",
                ) from error
            yield

    def _require_space(self, chosen: Sequence[Offered]) -> None:
        need = sum(
            file.size - min(file.size, part_bytes(self._work / file.path))
            for one in chosen
            for file in one.files
            if not os.path.lexists(self.target_of(file))
        )
        free = space_at(self.out).free_bytes
        if need > free:
            raise DiskFull(
                "disk_low",
                f"{self.out} has {format_size(free)} free, and what is to come needs"
                f" {format_size(need)} at least: pass -o DIR on another disk, or choose less",
                path=str(self.out),
            )

    def target_of(self, file: Wanted) -> Path:
        """Where a file gets its name."""
        name = file.name.removesuffix(".fz") if self._is_unpacked(file) else file.name
        return self.out / name

    def _is_unpacked(self, file: Wanted) -> bool:
        return self.form is Form.UNPACKED and file.name.endswith(PACKED_SUFFIX)

    def _keep(self, file: Wanted) -> Arrived | None:
        """What is there already; None if only unpacking can tell whether it is the same."""
        target, expected = self.target_of(file), file.sha256
        if not os.path.lexists(target):
            return None
        if self._is_unpacked(file):
            expected = self._unpacked_before(file)
            if expected is None:
                return None
        return judge(file, target, expected, self.pace)

    def _from_here(self, one: Offered, file: Wanted) -> Arrived | None:
        """A file from here; None if it is not whole here, so that the archive is asked."""
        if self.folder is None or not one.is_here:
            return None
        try:
            return self._from_folder(self.folder, HERE, file)
        except (DiskFull, ClaimLost):
            raise
        except (OSError, VampdError) as error:
            # Of a file that only lies here, this is the reason.
            if not self.hosts:
                target = self.target_of(file)
                return Arrived(file, target, Outcome.FAILED, HERE, why=_words(error))
            return None

    def _from_folder(self, folder: Path, place: str, file: Wanted) -> Arrived:
        """A file from a folder on this machine. OSError, VampdError."""
        source = folder / file.path
        if self._is_unpacked(file) and place == HERE:
            prove(source, file, self.pace)
            return self._unpack(file, source, place)
        part = partial_of(self._work / file.path)
        went_on = copy_on(source, part, file.size, self.pace)
        try:
            self._prove(part, file)
        except (OSError, DataError):
            if not went_on:
                raise
            # What was there was of another version, or had not reached the disk.
            copy_on(source, part, file.size, self.pace)
            self._prove(part, file)
        return self._finish(file, part, place)

    def _prove(self, copy: Path, file: Wanted) -> None:
        """As `prove`; what is not the file is removed."""
        try:
            prove(copy, file, self.pace)
        except FileNotFoundError:
            raise
        except (OSError, DataError):
            remove_durably(copy)
            raise

    def _from_archive(self, batch: Sequence[Wanted]) -> Iterator[Arrived]:
        lacking, reasons = list(batch), {file.path: list[str]() for file in batch}
        for place, host in self.hosts:
            folder, missing = None, f"{place} lacks it"
            try:
                folder = host.folder_here(self.night)
                if folder is None and lacking:
                    self._fetch(host, lacking)
            except (DiskFull, ClaimLost):
                raise
            except VampdError as error:
                missing = f"{place}: {error.message}"
            rest = []
            for file in lacking:
                try:
                    if folder is None:
                        done = self._fetched(place, file)
                    else:
                        done = self._from_folder(folder, place, file)
                except (DiskFull, ClaimLost):
                    raise
                except FileNotFoundError:
                    reasons[file.path].append(missing)
                    rest.append(file)
                except (OSError, VampdError) as error:
                    reasons[file.path].append(f"{place}: {_words(error)}")
                    rest.append(file)
                else:
                    yield done
            lacking = rest
        for file in lacking:
            why = "; ".join(reasons[file.path])
            yield Arrived(file, self.target_of(file), Outcome.FAILED, why=why)

    def _fetch(self, host: NightArchive, files: Sequence[Wanted]) -> None:
        for file in files:
            take_up(self._work / file.path)
        paths, most = [file.path for file in files], max(file.size for file in files)
        host.fetch(self.night, self._work, paths, Compare.SIZE_AND_TIME, self.pace, most)

    def _fetched(self, place: str, file: Wanted) -> Arrived:
        """A file that was fetched. OSError, VampdError."""
        copy = self._work / file.path
        self._prove(copy, file)
        return self._finish(file, copy, place)

    def _finish(self, file: Wanted, copy: Path, place: str) -> Arrived:
        """Name a proven copy, or what it unpacks to; stopped before, it need not come again."""
        if not self._is_unpacked(file):
            return self._name(file, copy, place)
        try:
            done = self._unpack(file, copy, place)
        except (DiskFull, ClaimLost):
            raise
        except (OSError, VampdError):
            remove_durably(copy)
            raise
        remove_durably(copy)
        return done

    def _unpack(self, file: Wanted, packed: Path, place: str) -> Arrived:
        """Unpack a proven product, and name that if it is as it says itself."""
        plain = self._work / self.target_of(file).name
        remove_durably(plain)
        unpack_file(packed, plain, self.pace)
        if file.has_receipt and check_own_sums(plain, self.pace) is not OwnSums.WHOLE:
            raise DigestMismatch(
                "data_sum_disagrees",
                f"{plain.name} does not agree with its own checksums once it is unpacked; check"
                " memory and disk of this machine",
            )
        with replacing(self._note_of(file)) as note:
            note.write(hash_file(plain, self.pace)[2].encode())
        return self._name(file, plain, place)

    def _note_of(self, file: Wanted) -> Path:
        """Where it is noted what a product unpacks to, so that it is not fetched again."""
        return self._work / str(file.sha256)

    def _unpacked_before(self, file: Wanted) -> str | None:
        try:
            return read_whole(self._note_of(file)).decode("ascii", "replace")
        except FileNotFoundError:
            return None

    def _name(self, file: Wanted, copy: Path, place: str) -> Arrived:
        target = self.target_of(file)
        with open_foreign(copy) as whole:
            os.fsync(whole.fileno())
            size = os.fstat(whole.fileno()).st_size
        try:
            link(copy, target)
        except FileExistsError:
            return judge(file, target, hash_file(copy, self.pace)[2], self.pace)
        failpoint("getting.file.named")
        fsync_folder(target.parent)
        remove_durably(copy)
        return Arrived(file, target, Outcome.ARRIVED, place, size)


def _words(error: OSError | VampdError) -> str:
    return error.message if isinstance(error, VampdError) else f"{error.filename}: {error.strerror}"


def _batches(files: Sequence[Wanted]) -> Iterator[list[Wanted]]:
    """Not so many that the first waits long for the last, nor so few that a log-in costs more."""
    batch: list[Wanted] = []
    for file in files:
        too_much = sum(each.size for each in batch) + file.size > _BATCH_BYTES
        if batch and (too_much or len(batch) == _BATCH_FILES):
            yield batch
            batch = []
        batch.append(file)
    if batch:
        yield batch
