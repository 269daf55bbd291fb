"""A store and the disk of an archive, in memory, to recognize the one by the other."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.fakes.fake_archive import FakeArchive
from tests.support.fakes.fake_night_reader import FakeFile
from tests.support.fakes.memory_destinations import MemoryDestinations
from tests.support.fakes.memory_store import MemoryNights, MemoryPackingReceipts, MemoryReceipts
from vampd.disk.pace import SteadyPace
from vampd.engine.archive.known_archive import KnownArchive
from vampd.errors import ARCHIVE_UNKNOWN, ArchiveUnknown
from vampd.model.nights import Kind, NightId
from vampd.model.plan import Compare
from vampd.model.proofs import (
    PackingReceipt,
    Place,
    Receipt,
)

NIGHT = NightId("20251106", Kind.ARCHIVE)
PATH = "vgen2/a.fits.fz"
HERE = Path("/nowhere")
STEADY = SteadyPace()


class World:
    """A store and one disk, in memory."""

    def __init__(self) -> None:
        self.mount_point: Path | None = None
        self.nights = MemoryNights()
        self.nights.discover(NIGHT, at=1.0)
        self.receipts = MemoryReceipts(self.nights)
        self.packing_receipts = MemoryPackingReceipts(self.nights)
        self.destinations = MemoryDestinations(self.nights, self.receipts)
        self.host = FakeArchive(read=lambda folder, path: FakeFile(b"packed"))

    def archive(self, kind: Kind = NIGHT.kind, destination: str = "h:/archive") -> KnownArchive:
        return KnownArchive(
            kind,
            destination,
            self.host,
            self.destinations,
            self.receipts,
            self.packing_receipts,
            self.mount_point,
        )

    def pack(self, *paths: str) -> None:
        """These files are proven here."""
        digest = "0" * 64
        made = [PackingReceipt(path, len(b"packed"), digest, None) for path in paths]
        self.packing_receipts.record(NIGHT, made, at=1.0)

    def send(self, path: str = PATH) -> None:
        self.archive().send(NIGHT, HERE, [path], Compare.SIZE_AND_TIME, STEADY)

    def read(self, path: str = PATH) -> Receipt:
        (receipt,) = self.archive().digests(NIGHT, [path], STEADY)
        self.receipts.keep(NIGHT, [receipt])
        return receipt

    def exchange(self) -> None:
        """Another disk, or none, under the same path."""
        self.host.trees, self.host.marked = {}, None

    def assert_unknown(self, *words: str) -> None:
        """All that is tried is refused, for this reason, and nothing is written."""
        before = dict(self.host.trees), self.host.marked
        claims = self.receipts.of(NIGHT, Place.ARCHIVE)
        attempts: tuple[Callable[[], object], ...] = (
            lambda: self.archive().files(NIGHT),
            self.send,
            self.read,
            self.archive().use,
        )
        for attempt in attempts:
            with pytest.raises(ArchiveUnknown) as caught:
                attempt()
            assert caught.value.code == ARCHIVE_UNKNOWN
            for word in words:
                assert word in caught.value.message
        assert (dict(self.host.trees), self.host.marked) == before
        assert self.receipts.of(NIGHT, Place.ARCHIVE) == claims
