"""What is looked at before raw may go: both sides of the night, its records, and its raw files.

Lists and stats, small files and the raw records; no pixel is read, nothing is written.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from vampd.disk.machine import disks_under
from vampd.disk.rights import Obstacle, find_obstacles
from vampd.engine.purge.raw_records import read_records
from vampd.errors import StateError
from vampd.model.cubes import ChangedRaw, Generation, RawFinding, RawPresence
from vampd.model.delivery import Correspondence
from vampd.model.nights import CAMERA_STREAMS, FileStamp, NightId, NightRecord
from vampd.model.proofs import ArchiveIdentity, PurgedFile
from vampd.ports import NightReader, NightStore
from vampd.stages import transfer
from vampd.stages.own_faults import describe_own_faults, describe_records_faults
from vampd.stages.raw_presence import survey_raw
from vampd.stages.records.own_paths import RAW_RECORDS
from vampd.stages.records.unmade import describe_unmade
from vampd.stages.transfer import TransferSurvey


@dataclass(frozen=True)
class PurgeSurvey:
    """The night as it is now.

    ``files`` are all raw files, by path. ``covered`` are the digests (SHA-256) of the headers and
    timing files that raw records hold, by member, each with the records' path. ``identity`` is what
    a proof must name to be of the new kind.
    """

    record: NightRecord
    generations: tuple[Generation, ...]
    presence: RawPresence
    # Raw files that a person kept though they are not what the products were made from.
    accepted: tuple[str, ...]
    files: Mapping[str, FileStamp]
    # Why a raw file, or a stream, is not simply a file that can be read.
    irregular: tuple[str, ...]
    obstacles: tuple[Obstacle, ...]
    faults: tuple[str, ...]
    transfer: TransferSurvey
    identity: ArchiveIdentity
    correspondence: Correspondence
    covered: Mapping[str, tuple[str, str]]
    purged: tuple[PurgedFile, ...]
    # None: cannot be told.
    is_same_disk: bool | None
    # Whether links under vbad may be made, so that more can travel there.
    may_link: bool


def survey_purge(
    record: NightRecord,
    store: NightStore,
    reader: NightReader,
    folder: Path,
    device_there: Callable[[], int | None],
) -> PurgeSurvey:
    """Look at the night. ArchiveUnknown, RemoteUnavailable; DataError of what is damaged."""
    night = record.night
    now = store.night(night)
    if now is None:
        raise StateError("night_unknown", f"{night} was never discovered")
    files = {file.path: file for file in reader.raw_files(night)}
    seen = transfer.survey(night, reader)
    identity = reader.archive_identity(night)
    if seen.moved_to is not None:
        identity = ArchiveIdentity(seen.moved_to)
    streams = [folder / stream for stream in CAMERA_STREAMS if (folder / stream).is_dir()]
    there = None if seen.is_gone else device_there()
    return PurgeSurvey(
        record=now,
        generations=reader.generations(night),
        presence=survey_raw(night, reader, files.values()),
        accepted=tuple(_accepted(reader.changed_raw(night), files)),
        files=files,
        irregular=tuple(_irregular(folder, streams, files)),
        obstacles=tuple(find_obstacles((), streams)),
        faults=tuple(_describe_faults(night, reader)),
        transfer=seen,
        identity=identity,
        correspondence=reader.correspondence(night),
        covered=_covered(folder, seen),
        purged=reader.purged_files(night),
        is_same_disk=_is_same_disk(streams, there),
        may_link=_may_link(folder),
    )


def _describe_faults(night: NightId, reader: NightReader) -> Iterator[str]:
    yield from describe_own_faults(night, reader)
    yield from describe_unmade(night, reader)
    # With them the night would be held on its way to the archive, and not be safe any more.
    yield from describe_records_faults(night, reader)


def _is_same_disk(streams: Iterable[Path], there: int | None) -> bool | None:
    """Whether a disk that the raw data lie on also holds the night ``there``; None: unknown."""
    if there is None:
        return False
    here = {stream.stat().st_dev for stream in streams}
    if there in here:
        return True
    disks, found = disks_under(there), [disks_under(device) for device in here]
    if disks is None or None in found:
        return None
    return any(disks & each for each in found if each is not None)


def _accepted(changed: Iterable[ChangedRaw], files: Mapping[str, FileStamp]) -> Iterator[str]:
    for each in changed:
        if each.finding is RawFinding.ACCEPTED and files.get(each.path) == each.now:
            yield each.path


def _may_link(folder: Path) -> bool:
    places = [folder / "vbad" / stream for stream in CAMERA_STREAMS]
    existing = {next(p for p in (place, *place.parents) if p.is_dir()) for place in places}
    return all(os.access(place, os.W_OK | os.X_OK, effective_ids=True) for place in existing)


def _irregular(folder: Path, streams: list[Path], files: Mapping[str, FileStamp]) -> Iterator[str]:
    for stream in streams:
        if stream.is_symlink():
            yield f"{stream.name} is a link"
    for path in files:
        try:
            mode = os.lstat(folder / path).st_mode
        except OSError as error:
            yield f"{path} cannot be read: {error.strerror}"
            continue
        if stat.S_ISLNK(mode):
            yield f"{path} is a link"
        elif not stat.S_ISREG(mode):
            yield f"{path} is no file"
        elif not os.access(folder / path, os.R_OK, effective_ids=True):
            yield f"{path} may not be read by uid {os.geteuid()}"


def _covered(folder: Path, seen: TransferSurvey) -> dict[str, tuple[str, str]]:
    """What the raw records hold, of those that are here as their receipts say."""
    covered: dict[str, tuple[str, str]] = {}
    for path in sorted(seen.own.receipts):
        file = seen.own.files.get(path)
        if RAW_RECORDS.fullmatch(path) and file is not None:
            members = read_records(folder, file)
            covered |= {member: (sha256, path) for member, sha256 in members.items()}
    return covered
