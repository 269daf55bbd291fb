"""What there is to get of a night, and where it lies.

A product of vampd is what its packing receipt says, wherever it lies. One of the old tools has
none: it is what lies here, else at the archive, by a digest that is taken there.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from vampd.disk.reading import hash_file, open_unlinked
from vampd.errors import DataError, VampdError
from vampd.model.nights import NightId, Stream
from vampd.model.proofs import PackingReceipt
from vampd.ports import Pace
from vampd.stages.records.own_paths import PACKED_SUFFIX, sidecar_path

if TYPE_CHECKING:
    from vampd.adapters.archive import NightArchive

Hosts = Sequence[tuple[str, "NightArchive"]]
_PRODUCT = re.compile(rf"{Stream.VGEN2}/[^/.][^/]*{re.escape(PACKED_SUFFIX)}")


@dataclass(frozen=True)
class Wanted:
    """A file of a night: its path there, its size, and its SHA-256 (hex) if that is known.

    ``has_receipt`` if a packing receipt says so.
    """

    path: str
    size: int
    sha256: str | None
    has_receipt: bool

    @property
    def name(self) -> str:
        """Its name, without the folder."""
        return self.path.rpartition("/")[2]


@dataclass(frozen=True)
class Offered:
    """A product with its sidecar, if it has one; ``is_here`` if both seem to be here."""

    product: Wanted
    sidecar: Wanted | None
    is_here: bool

    @property
    def files(self) -> tuple[Wanted, ...]:
        """Its files."""
        return (self.product,) if self.sidecar is None else (self.product, self.sidecar)

    @property
    def size(self) -> int:
        """The size of all of it in bytes."""
        return sum(file.size for file in self.files)


def offer_products(
    receipts: Mapping[str, PackingReceipt], folder: Path | None
) -> tuple[Offered, ...]:
    """The products of vampd; ``folder`` is the night's here, None if it cannot be seen."""
    wanted = {
        path: Wanted(path, receipt.size, receipt.sha256, has_receipt=True)
        for path, receipt in receipts.items()
    }
    here = _sizes_here(folder, wanted)
    return _pair(wanted, {path for path, size in here.items() if size == wanted[path].size})


def offer_old_products(night: NightId, folder: Path | None, hosts: Hosts) -> tuple[Offered, ...]:
    """The packed products of a night of the old tools: those that lie here, else the archive's."""
    if folder is not None:
        here = _sizes_here(folder, _names_in(folder / Stream.VGEN2))
        wanted = {path: Wanted(path, size, None, has_receipt=False) for path, size in here.items()}
        if offered := _pair(wanted, wanted.keys()):
            return offered
    reasons = []
    for name, host in hosts:
        try:
            files = host.files(night)
        except VampdError as error:
            reasons.append(f"{name}: {error.message}")
            continue
        there = {
            path: Wanted(path, stamp.size, None, has_receipt=False) for path, stamp in files.items()
        }
        if offered := _pair(there, ()):
            return offered
    if reasons:
        raise DataError("not_got", "; ".join(reasons))
    return ()


def with_digests(
    offered: Sequence[Offered],
    night: NightId,
    folder: Path | None,
    hosts: Hosts,
    pace: Pace,
) -> tuple[Offered, ...]:
    """The same with the SHA-256 of every file, read where it lies unless a receipt tells it.

    Of what cannot be read anywhere none is known.
    """
    here = [f.path for one in offered if one.is_here for f in one.files if f.sha256 is None]
    there = [f.path for one in offered if not one.is_here for f in one.files if f.sha256 is None]
    found = {} if folder is None else {path: hash_file(folder / path, pace)[2] for path in here}
    for _, host in hosts:
        if lacking := [path for path in there if path not in found]:
            found |= {each.path: each.sha256 for each in host.digests(night, lacking, pace)}

    def known(file: Wanted) -> Wanted:
        return replace(file, sha256=file.sha256 or found.get(file.path))

    return tuple(
        Offered(known(one.product), one.sidecar and known(one.sidecar), one.is_here)
        for one in offered
    )


def _pair(wanted: Mapping[str, Wanted], here: Iterable[str]) -> tuple[Offered, ...]:
    present = frozenset(here)
    offered = []
    for path in sorted(wanted):
        if not _PRODUCT.fullmatch(path):
            continue
        sidecar = wanted.get(sidecar_path(path))
        names = {path} if sidecar is None else {path, sidecar.path}
        offered.append(Offered(wanted[path], sidecar, names <= present))
    return tuple(offered)


def _names_in(folder: Path) -> list[str]:
    try:
        folder_fd = open_unlinked(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:
        return []
    try:
        return [f"{folder.name}/{name}" for name in os.listdir(folder_fd)]
    finally:
        os.close(folder_fd)


def _sizes_here(folder: Path | None, paths: Iterable[str]) -> dict[str, int]:
    """The sizes of those of these files that are regular ones here, and may be looked at."""
    if folder is None:
        return {}
    sizes = {}
    for path in paths:
        try:
            status = os.lstat(folder / path)
        except OSError:
            continue
        if stat.S_ISREG(status.st_mode):
            sizes[path] = status.st_size
    return sizes
