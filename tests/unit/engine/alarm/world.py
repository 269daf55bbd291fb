"""A teller, and all that it needs, in memory; its clocks stand until they are turned."""

from dataclasses import dataclass, field
from pathlib import Path

from tests.support.fakes.memory_alarms import KeepingWay, MemoryAlarms
from tests.support.fakes.memory_mail import MemoryMailLog
from tests.support.fakes.memory_store import MemoryNights
from vampd.engine.alarm.low_space import LowSpaceMarks
from vampd.engine.alarm.teller import Teller
from vampd.model.nights import Event, EventName, Kind, NightId

NIGHT = NightId("20251106", Kind.ARCHIVE)
OTHER = NightId("20251107", Kind.ARCHIVE)
START = 1_762_560_000.0
MINUTE_S, DAY_S = 60.0, 86_400.0


@dataclass
class World:
    """What is told by ``way``, and what is on record in ``alarms``."""

    folder: Path
    nights: MemoryNights = field(default_factory=MemoryNights)
    alarms: MemoryAlarms = field(default_factory=MemoryAlarms)
    way: KeepingWay = field(default_factory=KeepingWay)
    now: float = START
    monotonic: float = 0.0
    is_stopping: bool = False

    def __post_init__(self) -> None:
        self.marks = LowSpaceMarks(self.folder / "low_space")
        self.restart()
        for night in (NIGHT, OTHER):
            self.nights.discover(night, self.now)

    def restart(self) -> None:
        """Another process, with the same record."""
        self.teller = Teller(
            self.nights,
            MemoryMailLog(),
            self.alarms,
            self.marks,
            "scexao5",
            lambda: self.is_stopping,
            clock=lambda: self.now,
            monotonic=lambda: self.monotonic,
        )

    def look(self, *ways: KeepingWay) -> list[str]:
        """What the way is told now: the subjects."""
        self.teller.look(ways or (self.way,))
        return self.way.subjects

    def after(self, seconds: float) -> "World":
        """So much later, by both clocks."""
        self.now += seconds
        self.monotonic += seconds
        return self

    def hold(self, night: NightId = NIGHT, code: str = "card_missing") -> None:
        """Hold a night."""
        self.nights.apply(
            night, Event(EventName.HELD), at=self.now, actor="vampd", code=code, message="why"
        )

    def retry(self, night: NightId = NIGHT) -> None:
        """A person tries it again."""
        self.nights.apply(night, Event(EventName.RETRIED), at=self.now, actor="me")
