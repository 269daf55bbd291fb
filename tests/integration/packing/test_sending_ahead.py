"""What is packed travels while the rest is packed, and only where nothing else must come first."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.support.fakes.fake_archive import FakeArchive
from tests.support.fakes.fake_night_reader import FakeFile, FakeNightReader
from tests.support.fakes.memory_store import MemoryNights, MemoryReceipts
from tests.support.fakes.paces import SteeredPace
from vampd.engine.archive.sending_ahead import Outbox, SenderAhead
from vampd.errors import ArchiveUnknown, ClaimLost
from vampd.model.nights import FileStamp, Kind, NightId
from vampd.model.proofs import PackingReceipt, Place, Receipt, RecordedReceipt
from vampd.stages.own_files import BATCH_FILES

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
    lanes: tuple[range, ...] = (range(1), range(1, 2))

    def __post_init__(self) -> None:
        (self.folder / "vgen2").mkdir()
        self.outbox.begin()

    @property
    def sender(self) -> SenderAhead:
        return SenderAhead(
            NIGHT,
            self.folder,
            self.reader,
            self.archive,
            self.readings,
            self.outbox,
            self.pace,
            self.reserve_bytes,
            self.least_bytes,
            self.lanes,
        )

    @property
    def read_there(self) -> Mapping[str, Receipt]:
        return self.readings.of(NIGHT, Place.ARCHIVE)

    @property
    def there(self) -> set[str]:
        return set(self.archive.trees.get(NIGHT.date, {}))

    def watch(
        self, monkeypatch: pytest.MonkeyPatch, act: Callable[[], object] = lambda: None
    ) -> list[tuple[object, int]]:
        """The connections and bytes of products of each send, as it begins; then ``act``."""
        send, sent = self.archive.send, list[tuple[object, int]]()

        def seen(*arguments: Any, connections: object) -> None:
            paths = [path for path in arguments[2] if path.endswith(".fz")]
            sent.append((connections, sum((self.folder / p).stat().st_size for p in paths)))
            act()
            send(*arguments)

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


@pytest.fixture
def packing(tmp_path: Path) -> Packing:
    return Packing(tmp_path)


def test_a_product_is_there_and_was_read_before_the_others_are_packed(packing: Packing) -> None:
    with Sending(packing, RAW_BYTES):
        for name in ("a", "b"):
            put = packing.pack(name)
            put()
            assert until(partial(packing.was_read, f"vgen2/{name}.txt"))
    for path, reading in packing.read_there.items():
        content = (packing.folder / path).read_bytes()
        assert reading.sha256 == hashlib.sha256(content).hexdigest()


def until(happened: Callable[[], bool], within_s: float = 10.0) -> bool:
    pause = threading.Event()
    for _ in range(round(within_s / 0.01)):
        if happened():
            return True
        pause.wait(0.01)
    return False


def test_less_than_is_worth_a_program_is_left_to_the_transfer(packing: Packing) -> None:
    packing.least_bytes = 800
    packing.send(packing.pack("a", b"x" * 99))
    assert not packing.there
    packing.outbox.begin()
    packing.send(packing.pack("b", b"x"))  # with what had waited, it is enough
    assert {"vgen2/a.fits.fz", "vgen2/b.fits.fz"} <= packing.there


def test_a_long_night_is_sent_in_hardly_more_than_a_hundred_parts(
    packing: Packing, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = packing.watch(monkeypatch)
    with Sending(packing, 10_000):
        for number in range(1000):
            packing.pack(f"{number}", b"x" * 10)()
    assert 0 < len(sent) <= 100 + 3 + 2  # three smaller ones, and the last of either


def test_the_first_parts_are_small_and_grow(
    packing: Packing, monkeypatch: pytest.MonkeyPatch
) -> None:
    packing.least_bytes = 800
    sent = packing.watch(monkeypatch)
    with Sending(packing, RAW_BYTES):
        for count, waits in ((100, False), (199, True), (1, False), (400, False)):
            name = f"{len(packing.reader.recorded)}"
            packing.pack(name, b"x" * count)()
            if not waits:
                assert until(partial(packing.was_read, f"vgen2/{name}.txt"))
        packing.pack("less", b"x" * 99)()
    assert [size for _, size in sent] == [100, 200, 400]


def test_two_send_at_once_by_connections_of_their_own(
    packing: Packing, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = threading.Barrier(2, timeout=10)
    sent = packing.watch(monkeypatch, both.wait)
    with Sending(packing, RAW_BYTES):
        packing.pack("a")()
        assert until(lambda: len(sent) == 1)
        packing.pack("b")()
        assert until(partial(packing.was_read, "vgen2/b.txt"))
    assert {connections for connections, _ in sent} == {range(1), range(1, 2)}
    assert "vgen2/a.fits.fz" in packing.read_there


def test_where_one_connection_is_wanted_one_sends(
    packing: Packing, monkeypatch: pytest.MonkeyPatch
) -> None:
    packing.lanes = (range(1),)
    sent = packing.watch(monkeypatch)
    with Sending(packing, RAW_BYTES):
        for number in range(5):
            packing.pack(f"{number}")()
            assert until(partial(packing.was_read, f"vgen2/{number}.txt"))
    assert {connections for connections, _ in sent} == {range(1)}


def test_what_little_waits_when_packing_ends_is_sent_by_both(
    packing: Packing, monkeypatch: pytest.MonkeyPatch
) -> None:
    packing.least_bytes = 80
    both = threading.Barrier(2, timeout=10)
    sent = packing.watch(monkeypatch, both.wait)
    for name, count in (("a", 20), ("b", 30), ("c", 30)):
        packing.pack(name, b"x" * count)()
    packing.outbox.close()
    packing.sender.run(RAW_BYTES)
    assert sorted(size for _, size in sent) == [30, 50]
    assert len(packing.read_there) == 6


def test_what_lies_there_is_not_sent_over(packing: Packing) -> None:
    lying = FakeFile(b"PACKED")
    put = packing.pack("a")
    packing.archive.trees[NIGHT.date] = {"vgen2/a.fits.fz": lying}
    packing.send(put, packing.pack("b"))
    assert packing.archive.trees[NIGHT.date]["vgen2/a.fits.fz"] == lying
    assert {"vgen2/b.fits.fz", "vgen2/b.txt"} <= packing.there
    assert "vgen2/a.txt" not in packing.there


@pytest.mark.parametrize(
    ("name", "change"),
    # Of a sidecar only the size is known; what arrives is compared by its digest.
    [("a.fits.fz", "size"), ("a.fits.fz", "time"), ("a.txt", "size"), ("a.txt", "gone")],
)
def test_what_is_no_longer_what_was_proven_is_not_sent(
    packing: Packing, name: str, change: str
) -> None:
    put, path = packing.pack("a"), packing.folder / "vgen2" / name
    match change:
        case "size":
            path.write_bytes(b"something else, of another size")
        case "time":
            os.utime(path, ns=(1, 1))
        case _:
            path.unlink()
    packing.send(put)
    assert not packing.there


def test_where_the_transfer_has_to_look_first_nothing_is_sent(packing: Packing) -> None:
    # Another product lies there, which nothing here tells of.
    packing.archive.trees[NIGHT.date] = {"vgen2/other.fits.fz": FakeFile(b"other")}
    packing.send(packing.pack("a"))
    assert packing.there == {"vgen2/other.fits.fz"}
    # What was read there is gone.
    packing.archive.trees.clear()
    gone = Receipt(Place.ARCHIVE, FileStamp("vgen2/z.fits.fz", 1, 1), "0" * 64, 1.0)
    packing.readings.keep(NIGHT, [gone])
    packing.outbox.begin()
    packing.send(packing.pack("b"))
    assert not packing.there
    # The archive host has moved the night.
    packing.readings = no_readings()
    packing.reader.moved_to = "/elsewhere"
    packing.reader.moved = {"vgen2/a.fits.fz": FakeFile(b"packed")}
    packing.outbox.begin()
    packing.send(packing.pack("c"))
    assert not packing.there


@pytest.mark.parametrize("trouble", ["unreachable", "unknown", "full", "reserve", "unreadable"])
def test_trouble_at_the_archive_is_no_trouble_of_packing(
    packing: Packing, trouble: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise ArchiveUnknown("archive_unknown", "another disk is mounted there")

    match trouble:
        case "unreachable":
            packing.archive.reachable = False
        case "unknown":
            monkeypatch.setattr(packing.archive, "files", refuse)
        case "full":
            packing.archive.capacity_bytes = 5
        case "reserve":
            packing.archive.capacity_bytes, packing.reserve_bytes = 1_000, 995
        case _:
            monkeypatch.setattr(packing.archive, "digests", refuse)
    with capture_logs() as logs:
        packing.send(packing.pack("a"))
    (ended,) = [log for log in logs if log["event"] == "send_ahead.ended"]
    assert (ended["log_level"], bool(ended["code"])) == ("info", True)
    assert bool(packing.there) is (trouble == "unreadable")
    assert not packing.read_there


def test_it_ends_when_the_night_is_taken_from_it(packing: Packing) -> None:
    packing.pace.stop()
    with pytest.raises(ClaimLost):
        packing.send(packing.pack("a"))
    assert not packing.there


def test_what_waits_when_packing_ends_is_left_to_the_transfer(packing: Packing) -> None:
    put = packing.pack("a")
    packing.outbox.close()
    put()
    packing.sender.run(RAW_BYTES)
    assert not packing.there


def test_a_slow_link_keeps_no_night_at_packing(
    packing: Packing, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = threading.Barrier(2, packing.outbox.close, timeout=10)
    sent = packing.watch(monkeypatch, both.wait)
    for number in range(2 * BATCH_FILES):
        packing.pack(f"{number}")()
    packing.sender.run(RAW_BYTES)
    assert len(sent) == 2  # of four parts, with the sidecars
    assert len(packing.read_there) == 2 * BATCH_FILES
