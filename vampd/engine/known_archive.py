"""The archive of a kind of nights: a host whose proofs name it, and end before anything is sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from vampd.disk.failpoint import failpoint
from vampd.model.nights import FileStamp, Kind, NightId
from vampd.model.plan import Compare
from vampd.model.proofs import ArchiveIdentity, Receipt
from vampd.model.resources import Space
from vampd.ports import ArchiveHost, Destinations, Pace, Receipts


@dataclass(frozen=True)
class KnownArchive:
    """Implements ports.ArchiveHost on top of the host itself; ``destination`` is as in settings."""

    kind: Kind
    destination: str
    host: ArchiveHost
    destinations: Destinations
    receipts: Receipts

    @property
    def identity(self) -> ArchiveIdentity:
        """What a proof must name to count here."""
        known = self.destinations.known(self.kind)
        is_here = known is not None and known.destination == self.destination
        return ArchiveIdentity(self.destination, known.mark if known and is_here else None)

    def files(self, night: NightId) -> Mapping[str, FileStamp]:
        """Every file of the night there, by path; empty if the night is not there."""
        return self.host.files(night)

    def send(
        self, night: NightId, folder: Path, files: Sequence[str], compare: Compare, pace: Pace
    ) -> None:
        """Copy files of the night's folder; what was proven of them there ends first."""
        self.receipts.end_proofs(night, files)
        failpoint("archive.proofs.ended")
        self.host.send(night, folder, files, compare, pace)

    def digests(self, night: NightId, files: Sequence[str], pace: Pace) -> Sequence[Receipt]:
        """Receipts of these files, read there; they name this archive."""
        return [self.name(receipt) for receipt in self.host.digests(night, files, pace)]

    def space(self) -> Space:
        """The space on the file system that holds the nights there."""
        return self.host.space()

    def name(self, receipt: Receipt) -> Receipt:
        """The receipt of a reading at this archive, naming it."""
        identity = self.identity
        return replace(receipt, destination=identity.destination, mark=identity.mark)
