"""A night that is being packed and sent meanwhile, in memory but for its folder."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.support.fakes.fake_archive import FakeArchive
from tests.support.fakes.fake_night_reader import FakeNightReader
from tests.support.fakes.memory_store import MemoryNights, MemoryReceipts
from tests.support.fakes.paces import SteeredPace
from vampd.engine.archive.delivery import Delivery, Lanes
from vampd.engine.archive.sending_ahead import Outbox, SenderAhead
from vampd.model.nights import FileStamp, Kind, NightId
from vampd.model.proofs import PackingReceipt, Place, Receipt, RecordedReceipt

NIGHT = NightId("20251106", Kind.ENGINEERING)
RAW_BYTES = 100


def no_readings() -> MemoryReceipts:
    nights = MemoryNights()
    nights.discover(NIGHT, 0.0)
    return MemoryReceipts(nights)


@dataclass
class Packing:
    """A night that is being packed: its folder, its archive, and who sends meanwhile."""

    folder: Path
    archive: FakeArchive = field(default_factory=FakeArchive)
    reader: FakeNightReader = field(default_factory=FakeNightReader)
    readings: MemoryReceipts = field(default_factory=no_readings)
    outbox: Outbox = field(default_factory=Outbox)
    pace: SteeredPace = field(default_factory=SteeredPace)
    least_bytes: int = 1
    reserve_bytes: int = 0
    connections: int = 2
    rest_s: float = 30.0

    def __post_init__(self) -> None:
        (self.folder / "vgen2").mkdir()
        self.outbox.begin()

    @property
    def sender(self) -> SenderAhead:
        lanes = Lanes(self.connections)
        return SenderAhead(
            self.reader,
            self.outbox,
            Delivery(NIGHT, self.folder, self.archive, self.readings, self.pace, lanes),
            self.reserve_bytes,
            self.least_bytes,
            self.rest_s,
        )

    @property
    def read_there(self) -> Mapping[str, Receipt]:
        return self.readings.of(NIGHT, Place.ARCHIVE)

    @property
    def there(self) -> set[str]:
        return set(self.archive.trees.get(NIGHT.date, {}))

    def watch(
        self, monkeypatch: pytest.MonkeyPatch, act: Callable[[], object] = lambda: None
    ) -> list[tuple[int, int]]:
        """The connection and bytes of products of each send, as it begins; then ``act``."""
        sent = list[tuple[int, int]]()
        send: Any = self.archive.send

        def seen(*arguments: Any, connection: int, after: Callable[[], object]) -> None:
            paths = [path for path in arguments[2] if path.endswith(".fz")]
            sent.append((connection, sum((self.folder / p).stat().st_size for p in paths)))
            act()
            send(*arguments, connection=connection, after=after)

        monkeypatch.setattr(self.archive, "send", seen)
        return sent

    def was_read(self, path: str) -> bool:
        return path in self.read_there

    def pack(self, name: str, content: bytes = b"packed") -> Callable[[], None]:
        """A product and its sidecar, on record; what tells the sender of them."""
        receipts, stamps = [], []
        for path, data in ((f"vgen2/{name}.fits.fz", content), (f"vgen2/{name}.txt", b"rows")):
            (self.folder / path).write_bytes(data)
            status = (self.folder / path).stat()
            stamps.append(FileStamp(path, status.st_size, status.st_mtime_ns))
            sha256 = hashlib.sha256(data).hexdigest()
            receipts.append(PackingReceipt(path, len(data), sha256, None))
        self.reader.recorded += [RecordedReceipt(receipt, 1.0) for receipt in receipts]
        reading = Receipt(Place.HERE, stamps[0], receipts[0].sha256, 1.0)
        return lambda: self.outbox.put(reading, tuple(receipts))

    def send(self, *packed: Callable[[], None], raw_bytes: int = RAW_BYTES) -> None:
        """All of it is packed, then packing ends, once the sender has taken what it takes."""
        with Sending(self, raw_bytes) as ended:
            for put in packed:
                put()
            ended.wait(0.3)


class Sending:
    """A sender in a thread of its own, until packing ends; what it raises is raised then."""

    def __init__(self, packing: Packing, raw_bytes: int) -> None:
        self._packing, self._raw_bytes = packing, raw_bytes
        self._ended, self._errors = threading.Event(), list[BaseException]()
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        try:
            self._packing.sender.run(self._raw_bytes)
        except BaseException as error:  # noqa: BLE001 - raised below
            self._errors.append(error)
        finally:
            self._ended.set()

    def __enter__(self) -> threading.Event:
        self._thread.start()
        return self._ended

    def __exit__(self, *_: object) -> None:
        self._packing.outbox.close()
        self._thread.join(10)
        assert not self._thread.is_alive()
        if self._errors:
            raise self._errors[0]


def until(happened: Callable[[], bool], within_s: float = 10.0) -> bool:
    pause = threading.Event()
    for _ in range(round(within_s / 0.01)):
        if happened():
            return True
        pause.wait(0.01)
    return False
