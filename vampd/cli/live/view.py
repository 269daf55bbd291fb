"""What the live screen shows, gathered: from the database, and from disks that may not answer."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from vampd.cli.live.newest_cubes import NewestCube, NewestCubes
from vampd.cli.shared.progress import expected_end
from vampd.disk.machine import space_at
from vampd.errors import VampdError
from vampd.model.life_sign import Life
from vampd.model.nights import EventRecord, NightRecord, Status
from vampd.model.resources import Space

if TYPE_CHECKING:
    from vampd.config import Settings
    from vampd.model.progress import NightEnd
    from vampd.store.fast_status import StatusSnapshot

_AT_WORK = (Status.RUNNING, Status.WAITING, Status.HELD, Status.READY, Status.FILLING)
_NIGHTS_WITH_EVENTS = 5
_EVENTS = 40
_LOOK_EVERY_S = 2.0


@dataclass(frozen=True)
class NightNow:
    """A night that is not done, and when it will be."""

    record: NightRecord
    end: NightEnd | None = None


@dataclass(frozen=True)
class Work:
    """What the database tells."""

    # Those at work first, then what waits, the newest first.
    nights: tuple[NightNow, ...] = ()
    # The newest first.
    events: tuple[EventRecord, ...] = ()
    done: int = 0
    why: str = ""


@dataclass(frozen=True)
class Disk:
    """A disk: what lies there, and its space."""

    name: str
    space: Space


@dataclass(frozen=True)
class Disks:
    """What the disks tell, and when they did."""

    at: float | None = None
    cubes: tuple[NewestCube, ...] = ()
    disks: tuple[Disk, ...] = ()
    why: str = ""


@dataclass(frozen=True)
class View:
    """All of it, at one moment."""

    now: float
    root: Path
    life: Life
    work: Work
    disks: Disks


@dataclass
class DiskLooker:
    """Looks at the disks in a thread of its own: one that does not answer stops no screen."""

    root: Path
    database: Path
    seen: Disks = field(default_factory=Disks)
    _cubes: NewestCubes = field(init=False)

    def __post_init__(self) -> None:
        self._cubes = NewestCubes(self.root)

    def start(self, tell: Callable[[], object]) -> None:
        """Look for as long as the program runs; ``tell`` is called after each look."""

        def work() -> None:
            while True:
                self.look()
                tell()
                time.sleep(_LOOK_EVERY_S)

        threading.Thread(target=work, name="disks", daemon=True).start()

    def look(self) -> None:
        """Look once."""
        now = time.time()
        disks = []
        for name, place in (("nights", self.root), ("database", self.database.parent)):
            with suppress(OSError):
                disks.append(Disk(name, space_at(place)))
        try:
            self._cubes.root = self.root.resolve()
            self.seen = Disks(now, self._cubes.look(now), tuple(disks))
        except OSError as error:
            why = f"{self.root} cannot be read: {error.strerror}"
            self.seen = Disks(now, disks=tuple(disks), why=why)


def look_at_work(settings: Settings, now: float) -> Work:
    """What the database tells; in its place, why it tells nothing."""
    from vampd.wiring.connections import look

    try:
        with look(settings) as seen:
            return gather_work(seen, now)
    except (VampdError, OSError) as error:
        return Work(why=error.message if isinstance(error, VampdError) else str(error))


def gather_work(seen: StatusSnapshot, now: float) -> Work:
    """The nights that are not done, and the last events."""
    open_ones = [record for record in seen.nights if record.state.status in _AT_WORK]
    open_ones.sort(key=lambda r: (-_AT_WORK.index(r.state.status), r.changed_at), reverse=True)
    latest = sorted(seen.nights, key=lambda record: record.changed_at)[-_NIGHTS_WITH_EVENTS:]
    events = [event for record in latest for event in seen.history(record.night)]
    events.sort(key=lambda event: event.at, reverse=True)
    return Work(
        tuple(
            NightNow(record, expected_end(record, seen.nights, seen.history, now))
            for record in open_ones
        ),
        tuple(events[:_EVENTS]),
        sum(record.state.status is Status.DONE for record in seen.nights),
    )
