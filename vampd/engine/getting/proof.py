"""What has arrived, held against what it must be; and what has its name already."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from vampd.disk.reading import hash_file
from vampd.engine.getting.offer import Wanted
from vampd.errors import DataError, DigestMismatch
from vampd.fits.headers import OwnSums, check_own_sums
from vampd.ports import Pace
from vampd.stages.records.own_paths import PACKED_SUFFIX


class Outcome(StrEnum):
    """What became of a file."""

    ARRIVED = "arrived"
    KEPT = "kept"  # the same bytes were there
    FAILED = "failed"


@dataclass(frozen=True)
class Arrived:
    """A file at its target; ``source`` is where it came from, ``why`` the reason if it failed."""

    file: Wanted
    target: Path
    outcome: Outcome
    source: str = ""
    size: int = 0
    why: str = ""


def prove(path: Path, file: Wanted, pace: Pace) -> None:
    """DigestMismatch ``other_bytes`` unless this is the file; DataError for a broken old one."""
    size, _, sha256 = hash_file(path, pace)
    if (size, sha256) != (file.size, file.sha256):
        raise DigestMismatch(
            "other_bytes",
            f"{file.path} has {size} bytes with SHA-256 {sha256}, expected {file.size} with"
            f" {file.sha256}",
        )
    if file.has_receipt or not file.name.endswith(PACKED_SUFFIX):
        return
    if check_own_sums(path, pace) is OwnSums.BROKEN:
        raise DigestMismatch(
            "data_sum_disagrees", f"{file.path} does not agree with the checksums that it carries"
        )


def judge(file: Wanted, target: Path, sha256: str | None, pace: Pace) -> Arrived:
    """What has the name already: the same bytes, or something else, which stays."""
    try:
        size, _, found = hash_file(target, pace)
    except (OSError, DataError):
        size, found = 0, ""
    if found and found == sha256:
        return Arrived(file, target, Outcome.KEPT, size=size)
    why = "something else has this name and is left as it is: move it away, or pass -o DIR"
    return Arrived(file, target, Outcome.FAILED, why=why)
