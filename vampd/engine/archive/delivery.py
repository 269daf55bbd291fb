"""Sending files of a night in parts, each read where it has arrived while others travel.

Two send at once, by connections of their own: while one begins, the other one keeps the link at
work. Who has sent gives its connections on before it reads what it sent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue

from vampd.disk.failpoint import failpoint
from vampd.model.nights import NightId
from vampd.model.plan import Compare
from vampd.ports import Archive, Pace, Receipts

_LOOK_EVERY_S = 0.5


class Lanes:
    """The connections of those who send at once; each is taken by one part at a time.

    Once a part has failed, no other one begins.
    """

    def __init__(self, lanes: Sequence[Sequence[int]]) -> None:
        self.count = len(lanes)
        self._free: SimpleQueue[Sequence[int]] = SimpleQueue()
        for lane in lanes:
            self._free.put(lane)
        self._failure: Exception | None = None

    def take(self, wait_s: float) -> Sequence[int] | None:
        """Connections, None if there are none after so long; the error of a part that failed."""
        if self._failure is not None:
            raise self._failure
        try:
            return self._free.get(timeout=wait_s)
        except Empty:
            return None

    def give_back(self, lane: Sequence[int]) -> None:
        """They are free for the next part."""
        self._free.put(lane)

    def fail(self, error: Exception) -> None:
        """A part could not be sent, or not be read there; the first such error stays."""
        self._failure = self._failure or error


@dataclass(frozen=True)
class Delivery:
    """How parts of a night travel; *safe* is the word of the transfer stage alone."""

    night: NightId
    folder: Path
    host: Archive
    receipts: Receipts
    pace: Pace
    lanes: Lanes

    def deliver(self, files: Sequence[str], compare: Compare) -> None:
        """Send a part once there are connections for it, and read it there."""
        while (lane := self.lanes.take(_LOOK_EVERY_S)) is None:
            self.pace.check()
        self.deliver_by(lane, files, compare)

    def deliver_by(self, lane: Sequence[int], files: Sequence[str], compare: Compare) -> None:
        """The same by connections that were taken: they are given back once it has been sent."""
        try:
            try:
                self.host.send(self.night, self.folder, files, compare, self.pace, connections=lane)
            finally:
                self.lanes.give_back(lane)
            failpoint("delivery.sent")
            read = list(self.host.arrived(self.night, files, self.pace, lane))
            failpoint("delivery.read")
            self.receipts.keep(self.night, read)
        except Exception as error:
            self.lanes.fail(error)
            raise
