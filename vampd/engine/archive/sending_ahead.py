"""Sending products while the rest of their night is packed, and reading them there.

This only saves time: the transfer stage looks at all of it again, and *safe* is its word alone. So
only what the archive lacks is sent, and whatever stands in the way ends it for this attempt, to be
told by that stage. Two send in turn: while one begins, or reads what it has sent, the other one
keeps the link at work, and both cores have work until the last product is there.
"""

from __future__ import annotations

import contextvars
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Condition

from vampd.disk.failpoint import failpoint
from vampd.disk.reading import stamp_of
from vampd.errors import ClaimLost, DiskFull, StoreError, VampdError, no_threads
from vampd.log import get_log
from vampd.model.nights import FileStamp, NightId
from vampd.model.plan import Compare
from vampd.model.proofs import PackingReceipt, Place, Receipt, live_receipts
from vampd.model.resources import Need, find_shortage
from vampd.ports import ArchiveHost, NightReader, Pace, Receipts
from vampd.stages.own_files import BATCH_BYTES, batches
from vampd.stages.records.own_paths import PACKED_SUFFIX
from vampd.stages.transfer import is_gone_there

_log = get_log()
_LOOK_EVERY_S = 0.5
# Each program that sends, and each that reads there, costs a fraction of a second of a core.
_MOST_LOOKS = 100
# The first part is smaller, and each as large as two before it: a link that waits for as much as is
# worth its programs would wait for seconds.
_FIRST_PART = 8

# A product as it was read here, and the receipts of all that was packed with it.
_Packed = tuple[Receipt, tuple[PackingReceipt, ...]]


class Outbox:
    """The products that a wave has packed and proven, for who sends them meanwhile."""

    def __init__(self) -> None:
        self._changed = Condition()
        self._waiting: list[_Packed] = []
        self._is_open = False

    def begin(self) -> None:
        """A wave begins; what others before it have packed is still waiting."""
        with self._changed:
            self._is_open = True

    def close(self) -> None:
        """Nothing more is packed in this wave."""
        with self._changed:
            self._is_open = False
            self._changed.notify_all()

    @property
    def is_open(self) -> bool:
        """Whether more is being packed."""
        return self._is_open

    def put(self, reading: Receipt, receipts: tuple[PackingReceipt, ...]) -> None:
        """A product as it was read here, and the receipts of all that was packed with it."""
        with self._changed:
            self._waiting.append((reading, receipts))
            self._changed.notify_all()

    def take(self, least_bytes: int, wait_s: float) -> Sequence[_Packed] | None:
        """All that is waiting, once it has so many bytes; () after ``wait_s``, None when closed."""
        until = time.monotonic() + wait_s
        with self._changed:
            while self._is_open and _bytes_of(self._waiting) < least_bytes:
                if not self._changed.wait(until - time.monotonic()):
                    return ()
            if not self._is_open:
                return None
            taken, self._waiting = self._waiting, []
            return taken

    def take_last(self, least_bytes: int, most_bytes: int) -> Sequence[_Packed]:
        """All that still waits, if it has as many bytes as that; else it goes on waiting."""
        with self._changed:
            if not least_bytes <= _bytes_of(self._waiting) <= most_bytes:
                return ()
            taken, self._waiting = self._waiting, []
            return taken


@dataclass(frozen=True)
class SenderAhead:
    """Sends what comes out of ``outbox`` until it is closed, and then what little still waits.

    Parts have ``least_bytes`` or more, but for the first ones and the last. ``lanes`` are the
    connections of each of those who send at once.
    """

    night: NightId
    folder: Path
    reader: NightReader
    host: ArchiveHost
    receipts: Receipts
    outbox: Outbox
    pace: Pace
    reserve_bytes: int
    least_bytes: int
    lanes: Sequence[Sequence[int]]

    def run(self, raw_bytes: int) -> None:
        """Send and read there; ``raw_bytes`` are packed in all. ClaimLost, StoreError.

        Anything else that stands in the way ends it, and is logged (``send_ahead.ended``).
        """
        try:
            self._send(max(self.least_bytes, raw_bytes // _MOST_LOOKS))
        except (ClaimLost, StoreError):
            raise
        except VampdError as error:
            _log.info("send_ahead.ended", code=error.code, error=error.message)
        except OSError as error:
            _log.info("send_ahead.ended", code="io_error", error=str(error))

    def _send(self, most_bytes: int) -> None:
        # Asked while the first cubes are being packed.
        there = self._lying_there()
        if there is None:
            return
        with _Lanes(self.lanes) as lanes:
            first_bytes = least_bytes = max(1, most_bytes // _FIRST_PART)
            while self.outbox.is_open:
                self.pace.check()
                lanes.raise_failed()
                if not lanes.wait_for_one(_LOOK_EVERY_S):
                    continue
                taken = self.outbox.take(least_bytes, _LOOK_EVERY_S)
                if taken:
                    least_bytes = min(2 * least_bytes, most_bytes)
                    self._send_parts(lanes, taken, there)
            last = self.outbox.take_last(first_bytes, min(most_bytes, BATCH_BYTES))
            for part in _split(last, len(self.lanes)):
                self._send_part(lanes, self._sizes(part, there))

    def _send_parts(
        self, lanes: _Lanes, taken: Sequence[_Packed], there: Mapping[str, FileStamp]
    ) -> None:
        sizes = self._sizes(taken, there)
        for part in batches(list(sizes), sizes):
            while self.outbox.is_open and not lanes.wait_for_one(_LOOK_EVERY_S):
                self.pace.check()
            # What is slower than packing sends the rest in its own stage.
            if not self.outbox.is_open:
                return
            self._send_part(lanes, {path: sizes[path] for path in part})

    def _send_part(self, lanes: _Lanes, part: Mapping[str, FileStamp]) -> None:
        if part:
            size = sum(file.size for file in part.values())
            need = lanes.underway + Need(size, len(part))
            shortage = find_shortage(self.host.space(), need, self.reserve_bytes)
            if shortage is not None:
                message = f"there is too little space at the archive host: {shortage}"
                raise DiskFull("disk_low", message)
            lanes.give(Need(size, len(part)), self._send_and_read, tuple(part))

    def _send_and_read(self, lane: Sequence[int], part: Sequence[str]) -> None:
        compare = Compare.SIZE_AND_TIME
        self.host.send(self.night, self.folder, part, compare, self.pace, connections=lane)
        failpoint("send_ahead.sent")
        read = list(self.host.digests(self.night, part, self.pace))
        failpoint("send_ahead.read")
        self.receipts.keep(self.night, read)

    def _lying_there(self) -> Mapping[str, FileStamp] | None:
        """What the archive has of the night; None if the transfer stage must look first."""
        there = self.host.files(self.night)
        known = self.receipts.of(self.night, Place.ARCHIVE)
        if is_gone_there(known, there) or self.reader.moved_night(self.night) is not None:
            return None
        own = live_receipts(self.reader.packing_receipts(self.night))
        others = [
            file
            for path, file in there.items()
            if path.endswith(PACKED_SUFFIX) and (path not in own or own[path].size != file.size)
        ]
        return None if others else there

    def _sizes(
        self,
        taken: Sequence[tuple[Receipt, tuple[PackingReceipt, ...]]],
        there: Mapping[str, FileStamp],
    ) -> dict[str, FileStamp]:
        """The files to send: what the archive lacks, as it was proven here."""
        sizes: dict[str, FileStamp] = {}
        for reading, receipts in taken:
            files = [stamp_of(self.folder, receipt.path) for receipt in receipts]
            is_as_proven = reading.file in files and all(
                file is not None and file.size == receipt.size
                for file, receipt in zip(files, receipts, strict=True)
            )
            if is_as_proven and not any(receipt.path in there for receipt in receipts):
                sizes |= {file.path: file for file in files if file is not None}
        return sizes


class _Lanes:
    """Threads that each send a part and read it there; the first error is raised by who asks."""

    def __init__(self, lanes: Sequence[Sequence[int]]) -> None:
        self._free: SimpleQueue[Sequence[int]] = SimpleQueue()
        for lane in lanes:
            self._free.put(lane)
        self._next: Sequence[int] | None = None
        self._threads = ThreadPoolExecutor(len(lanes), thread_name_prefix="vampd-sending-ahead")
        self._running: dict[Future[None], Need] = {}

    def __enter__(self) -> _Lanes:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        self._threads.shutdown()
        if kind is None:
            self.raise_failed()

    @property
    def underway(self) -> Need:
        """What is being sent takes there."""
        return sum(self._running.values(), Need())

    def raise_failed(self) -> None:
        """The error of a part that failed; those that are there and were read are forgotten."""
        for future in [one for one in self._running if one.done()]:
            del self._running[future]
            future.result()

    def wait_for_one(self, wait_s: float | None) -> bool:
        """Whether one has nothing to send, after ``wait_s`` at most."""
        if self._next is None:
            try:
                self._next = self._free.get(timeout=wait_s)
            except Empty:
                return False
        return True

    def give(
        self, need: Need, send: Callable[[Sequence[int], Sequence[str]], None], part: Sequence[str]
    ) -> None:
        """Have a part sent by who has nothing to send."""
        self.wait_for_one(None)
        self.raise_failed()
        lane, self._next = self._next, None
        assert lane is not None
        run = contextvars.copy_context().run
        try:
            future = self._threads.submit(run, self._use, lane, send, part)
        except RuntimeError as error:
            raise no_threads("sending while packing", error) from error
        self._running[future] = need

    def _use(
        self,
        lane: Sequence[int],
        send: Callable[[Sequence[int], Sequence[str]], None],
        part: Sequence[str],
    ) -> None:
        try:
            send(lane, part)
        finally:
            self._free.put(lane)


def _bytes_of(packed: Sequence[_Packed]) -> int:
    return sum(reading.file.size for reading, _ in packed)


def _split(packed: Sequence[_Packed], parts: int) -> Iterator[Sequence[_Packed]]:
    """About as many bytes in each part; some may be empty."""
    chosen: list[list[_Packed]] = [[] for _ in range(parts)]
    for one in sorted(packed, key=lambda each: -each[0].file.size):
        min(chosen, key=_bytes_of).append(one)
    yield from chosen
