"""Sending files of a night in parts, each read where it has arrived while others travel.

Several are sent at once, by a connection each: while one begins, others keep the link at
work. A part gives its connection on before it is read there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
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

    def __init__(self, count: int) -> None:
        self.count = count
        self._free: SimpleQueue[int] = SimpleQueue()
        for number in range(count):
            self._free.put(number)
        self._failure: Exception | None = None

    @property
    def taken(self) -> int:
        """How many are taken now."""
        return self.count - self._free.qsize()

    def take(self, wait_s: float) -> int | None:
        """A connection, None if none is free after so long; the error of a part that failed."""
        if self._failure is not None:
            raise self._failure
        try:
            return self._free.get(timeout=wait_s)
        except Empty:
            return None

    def give_back(self, connection: int) -> None:
        """It is free for the next part."""
        self._free.put(connection)

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
        """Send a part once a connection is free, and read it there."""
        while (connection := self.lanes.take(_LOOK_EVERY_S)) is None:
            self.pace.check()
        self.deliver_by(connection, files, compare)

    def deliver_by(self, connection: int, files: Sequence[str], compare: Compare) -> None:
        """The same by one that was taken: it is given back once the part has been sent."""
        turn = _Turn(self.lanes, connection)
        send = partial(self.host.send, connection=connection, after=turn.end)
        try:
            try:
                send(self.night, self.folder, files, compare, self.pace)
            finally:
                turn.end()
            failpoint("delivery.sent")
            read = list(self.host.arrived(self.night, files, self.pace))
            failpoint("delivery.read")
            self.receipts.keep(self.night, read)
        except Exception as error:
            self.lanes.fail(error)
            raise


class _Turn:
    """A connection that was taken, until it is given back, once."""

    def __init__(self, lanes: Lanes, connection: int) -> None:
        self._lanes = lanes
        self._connection: int | None = connection

    def end(self) -> None:
        """What it was taken for has been sent, or has failed."""
        connection, self._connection = self._connection, None
        if connection is not None:
            self._lanes.give_back(connection)
