"""Reading the archive copy of a night of the old tools; nothing of the night is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from vampd.disk.reading import hash_file, list_files, refuse_links
from vampd.disk.temporary import temporary_folder
from vampd.engine.archive.known_archive import KnownArchive
from vampd.engine.nights.old_evidence import read_evidence, read_loose_manifests
from vampd.errors import RemoteUnavailable
from vampd.fits.headers import OwnSums, check_own_sums
from vampd.model.accounts import MANIFESTS, Adoption, OldCopy, judge_old_copy
from vampd.model.nights import FileStamp, Kind, NightId, Stream
from vampd.model.plan import Compare
from vampd.ports import Pace

if TYPE_CHECKING:
    from vampd.adapters.archive import NightArchive

_PACKED = ".fits.fz"


def read_old_copy(
    adoption: Adoption,
    root: Path,
    archive: KnownArchive,
    hosts: Sequence[tuple[str, NightArchive]],
    pace: Pace,
    at: float,
) -> OldCopy:
    """Compare what is here byte for byte, and hold what is gone here against its own checksums.

    ``hosts`` are where the copy may lie, the destination first. ArchiveUnknown unless that is the
    archive; RemoteUnavailable, and whatever keeps a file from being read.
    """
    archive.recognize()
    night = adoption.night
    place, host, listed = _find(night, hosts)
    here = _read_here(root / night.folder, pace)
    wanted = [path for path in here if path in listed]
    there = {each.path: each.sha256 for each in host.digests(night, wanted, pace)} if wanted else {}
    gone = sorted(path for path in listed if _is_product(path) and path not in here)
    sums = {path: _check(host, night, path, listed[path].size, pace) for path in gone}
    return judge_old_copy(
        here, there, sums, _expected(root, adoption), listed.keys(), place=place, at=at
    )


def _find(
    night: NightId, hosts: Sequence[tuple[str, NightArchive]]
) -> tuple[str, NightArchive, Mapping[str, FileStamp]]:
    """The first place that has products of the night; the destination where none has."""
    for place, host in hosts:
        try:
            files = host.files(night)
        except RemoteUnavailable as error:
            # A folder that nights are moved to need not exist.
            if error.code != "archive_folder_missing":
                raise
            continue
        if any(map(_is_product, files)):
            return place, host, files
    place, host = hosts[0]
    return place, host, {}


def _read_here(folder: Path, pace: Pace) -> dict[str, str]:
    """The SHA-256 of the products and sidecars that are here, past the cache. DataError."""
    if not folder.is_dir():
        return {}
    refuse_links(folder)
    names = {file.path for file in list_files(folder, Stream.VGEN2)}
    products = {path for path in names if _is_product(path)}
    sidecars = {f"{path.removesuffix(_PACKED)}.txt" for path in products} & names
    return {path: hash_file(folder / path, pace)[2] for path in sorted(products | sidecars)}


def _expected(root: Path, adoption: Adoption) -> set[str]:
    """The products that must lie there: those that the night's manifests list."""
    night = adoption.night
    if night.kind is not Kind.ARCHIVE:
        return set()
    loose = read_loose_manifests(root).get(night, ())
    shown = read_evidence(root, night, None, loose).ids.get(MANIFESTS, frozenset())
    return {f"{Stream.VGEN2}/{frame_id}{_PACKED}" for frame_id in shown}


def _check(host: NightArchive, night: NightId, path: str, size: int, pace: Pace) -> bool | None:
    """Whether a file there is whole by its own checksums, None without any."""
    with temporary_folder("vampd-verifying-") as scratch:
        host.fetch(night, scratch / "copy", [path], Compare.SIZE_AND_TIME, pace, size)
        found = check_own_sums(scratch / "copy" / path, pace)
    return {OwnSums.WHOLE: True, OwnSums.BROKEN: False, OwnSums.NONE: None}[found]


def _is_product(path: str) -> bool:
    return path.startswith(f"{Stream.VGEN2}/") and path.endswith(_PACKED)
