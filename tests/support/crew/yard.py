"""A daemon's crew by an engine that only keeps orders, with hosts as they are told to be."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, wait
from dataclasses import dataclass, field, replace
from pathlib import Path

from tests.support.daemon.running import wait_until
from vampd.adapters.crew import Board, Carried, HostCrew, HostOrder, Terms
from vampd.adapters.crew.sign import HostSign
from vampd.disk.pace import Flag, SharedPace
from vampd.disk.shared import SharedMeter
from vampd.model.crew import Packed, PackOrder
from vampd.model.life_sign import HostAccount
from vampd.model.nights import FileStamp
from vampd.model.proofs import PackingReceipt, Place, Receipt
from vampd.model.roll_call import CrewMember
from vampd.ports import Meter, Pace

MARK, VERSION = "0" * 32, "1.2.3"
READING = Receipt(Place.HERE, FileStamp("vgen2/a.fits.fz", 1, 2), "0" * 64, 0.0)
RECEIPT = PackingReceipt("vgen2/a.fits.fz", 1, "0" * 64, None)
THERE = Packed(READING, (RECEIPT, RECEIPT))
HERE = replace(THERE, reading=replace(READING, at=1.0))


@dataclass
class FakeErrand:
    """Ends as it is told to."""

    order: HostOrder
    end: Future[Carried]
    is_dropped: bool = False

    def wait(self, timeout_s: float) -> bool:
        return bool(wait([self.end], 0.02).done)

    def result(self) -> Carried:
        return self.end.result()

    def drop(self) -> None:
        self.is_dropped = True


@dataclass
class FakeEngine:
    """Keeps what it is to carry, by host; answers at once where an end is prepared."""

    name: str = "fake"
    address: str = "fake://here"
    reached: set[str] = field(default_factory=set)
    ends: deque[Carried | Exception] = field(default_factory=deque)
    sent: list[tuple[str, FakeErrand]] = field(default_factory=list)

    def hosts(self) -> frozenset[str]:
        return frozenset(self.reached)

    def send(self, host: str, order: HostOrder) -> FakeErrand:
        errand = FakeErrand(order, Future())
        self.sent.append((host, errand))
        if self.ends:
            match self.ends.popleft():
                case Carried() as carried:
                    errand.end.set_result(carried)
                case error:
                    errand.end.set_exception(error)
        return errand

    def close(self) -> None:
        pass


@dataclass
class FakeLocal:
    """Packs here at once."""

    places: int = 3
    most_places: int = 3

    def describe(self) -> None:
        pass

    def packers(self, folder: Path) -> tuple[str, ...]:
        return ()

    def accounts(self) -> dict[str, HostAccount]:
        return {}

    def pack(self, order: PackOrder, pace: Pace, meter: Meter) -> Packed:
        return HERE


@dataclass
class Yard:
    """A daemon's crew; hosts show their signs, and time passes, as it is said."""

    root: Path
    engine: FakeEngine
    now: float = 100.0
    terms: Terms = field(default_factory=lambda: Terms(0, 60.0, 600.0))
    beats: int = 0

    def __post_init__(self) -> None:
        self.stop, pause = (Flag.create(self.root / name) for name in ("stop", "pause"))
        self.pace = SharedPace(pause, self.stop)
        self.meter = SharedMeter.create(self.root / "meter")
        self.board = Board(self.root, lambda: MARK, lambda: False, VERSION, 60.0, lambda: self.now)
        night = self.root / "20251106"
        (night / "vgen2").mkdir(parents=True)
        (night / "vgen2/a.framelist").write_text("a framelist")
        self.order = PackOrder(night, "vgen2/a.framelist", "full")
        self.board.look()
        self.crew = self.make()

    def make(self) -> HostCrew:
        return HostCrew(
            self.root, self.board, self.engine, FakeLocal(), self.terms, lambda: self.now
        )

    def show(
        self, host: str, places: int = 1, done: dict[str, tuple[int, int]] | None = None
    ) -> None:
        """A host lives and is reached."""
        self.beats += 1
        member = CrewMember(host, VERSION, MARK, self.beats, 4, places, 1 << 30, done or {})
        HostSign(self.root, lambda _: member).show()
        self.engine.reached.add(host)
        self.board.look()

    def wait_for_counts(self, frames: int, size: int) -> None:
        """Wait until so much is counted."""
        wait_until(lambda: self.meter.counts == (frames, size), "progress")

    def pack(self) -> Packed:
        return self.crew.pack(self.order, self.pace, self.meter)
