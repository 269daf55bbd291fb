"""A root that is looked at, with the store in memory and clocks that tests set."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.builders.settings import make_settings
from tests.support.fakes.fake_night_reader import FakeNightReader
from tests.support.fakes.memory_store import MemoryCheckedCubes, MemoryNights
from vampd.config import Settings
from vampd.daemon.night_watcher import NightWatcher
from vampd.daemon.patience import HANGS_AFTER_S, Patience
from vampd.model.nights import Kind, NightId, Status
from vampd.ports import NightReader


@dataclass
class KnownRoot:
    """A root that is the right one."""

    path: Path

    def require(self) -> None:
        """It is."""

    def is_certain(self) -> bool:
        return True


@dataclass
class World:
    """A watcher of a real root, with a store in memory and clocks that tests set."""

    root: Path
    store: MemoryNights = field(default_factory=MemoryNights)
    now_s: float = 1e9
    still_s: float = 0.0
    hangs_after_s: float = HANGS_AFTER_S
    reader: NightReader = field(default_factory=FakeNightReader)

    def __post_init__(self) -> None:
        self.checked = MemoryCheckedCubes(self.store)
        self.settings = make_settings(self.root, watch={"root": self.root, "quiet_after_s": 1.0})
        self.watcher = self.restarted()

    def restarted(self) -> NightWatcher:
        return NightWatcher(
            self.store,
            self.reader,
            KnownRoot(self.root),  # type: ignore[arg-type]
            self.checked,
            clock=lambda: self.now_s,
            monotonic=lambda: self.still_s,
            patience=Patience(self.hangs_after_s),
        )

    def scan(self) -> tuple[NightId, ...]:
        return tuple(self.watcher.scan(self.settings))

    def status(self, night: NightId) -> Status:
        record = self.store.night(night)
        assert record is not None
        return record.state.status

    def note(self, night: NightId) -> tuple[str | None, str | None]:
        record = self.store.night(night)
        assert record is not None
        return record.note_code, record.note


@dataclass
class Scans:
    """A watcher whose scans a test ends."""

    signs: int = 0
    go_on: threading.Event = field(default_factory=threading.Event)
    raises: Exception | None = None
    open_nights: tuple[NightId, ...] = ()
    checking: object = None
    kinds: tuple[Kind, ...] = tuple(Kind)
    silent: Mapping[NightId, float] = field(default_factory=dict)

    def scan(self, _: Settings) -> tuple[NightId, ...]:
        assert self.go_on.wait(20)
        if self.raises is not None:
            raise self.raises
        return ()

    def scan_open(self, settings: Settings) -> tuple[NightId, ...]:
        return self.scan(settings)

    def close(self) -> None:
        """Nothing to end."""


class NoChecks:
    is_pending = False

    def keep(self) -> None:
        """Nothing to keep."""
