"""Sending products while the rest of their night is packed, and reading them there.

This only saves time: the transfer stage looks at all of it again, and *safe* is its word alone. So
only what the archive lacks is sent, and whatever stands in the way ends it for this attempt, to be
told by that stage. `Delivery` keeps the link at work meanwhile.
"""

from __future__ import annotations

import contextvars
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from threading import Condition

from vampd.disk.reading import stamp_of
from vampd.engine.archive.delivery import Delivery
from vampd.errors import ClaimLost, DiskFull, StoreError, VampdError, no_threads
from vampd.log import get_log
from vampd.model.nights import FileStamp
from vampd.model.plan import Compare
from vampd.model.proofs import PackingReceipt, Place, Receipt, live_receipts
from vampd.model.resources import Need, find_shortage
from vampd.ports import NightReader
from vampd.stages.records.own_paths import PACKED_SUFFIX
from vampd.stages.records.parts import BATCH_BYTES, BATCH_FILES
from vampd.stages.transfer import is_gone_there

_log = get_log()
_LOOK_EVERY_S = 0.1
# Each program that sends, and each that reads there, costs a fraction of a second of a core.
_MOST_LOOKS = 100
# The first part is smaller: a link that waits for as much as is worth its programs would wait for
# seconds. So are those that begin while few travel, and the last ones, as what arrives last is read
# when nothing travels.
_FIRST_PART = 8
# What was there of the space counts for so long, with all that was sent since.
_SPACE_COUNTS_S = 10.0
# How long parts of what is left to send may begin while the night stands at packing: as the stage
# that sends begins anew, a fast link would stand still for a tenth of that.
_REST_BEGINS_S = 30.0

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

    @property
    def waiting_bytes(self) -> int:
        """What has been packed and not been taken."""
        with self._changed:
            return _bytes_of(self._waiting)

    def put(self, reading: Receipt, receipts: tuple[PackingReceipt, ...]) -> None:
        """A product as it was read here, and the receipts of all that was packed with it."""
        with self._changed:
            self._waiting.append((reading, receipts))
            self._changed.notify_all()

    def take(self, least_bytes: int, wait_s: float) -> Sequence[_Packed]:
        """What has waited longest, so many bytes or a little more; () if there is no such."""
        until = time.monotonic() + wait_s
        with self._changed:
            while self._is_open and _bytes_of(self._waiting) < least_bytes:
                if not self._changed.wait(until - time.monotonic()):
                    return ()
            return self._cut(least_bytes) if self._is_open else ()

    def take_rest(self, least_bytes: int) -> Sequence[_Packed]:
        """The same of what waits when nothing more is packed, however little is left."""
        with self._changed:
            return self._cut(least_bytes)

    def _cut(self, least_bytes: int) -> Sequence[_Packed]:
        count = size = files = 0
        for reading, receipts in self._waiting:
            size, files = size + reading.file.size, files + len(receipts)
            is_too_much = size > BATCH_BYTES or files > BATCH_FILES
            if count and is_too_much:
                break
            count += 1
            if size >= least_bytes:
                break
        taken, self._waiting = self._waiting[:count], self._waiting[count:]
        return taken


@dataclass(frozen=True)
class SenderAhead:
    """Sends what comes out of ``outbox`` until it is closed, and then what little still waits.

    Parts have ``least_bytes`` or more where as many are being sent as can be, and less where fewer
    are. What waits at the end goes as far as its parts can begin within ``rest_s``.
    """

    reader: NightReader
    outbox: Outbox
    delivery: Delivery
    reserve_bytes: int
    least_bytes: int
    rest_s: float = _REST_BEGINS_S

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
        lanes, first_bytes = self.delivery.lanes, max(1, most_bytes // _FIRST_PART)
        with _Parts(self.delivery, self.reserve_bytes) as parts:
            while self.outbox.is_open:
                if not parts.wait_for_connection():
                    continue
                least_bytes = most_bytes * (lanes.taken if parts.have_begun else 0) // lanes.count
                taken = self.outbox.take(max(least_bytes, first_bytes), _LOOK_EVERY_S)
                if taken:
                    parts.give(self._files(taken, there))
            # What begins later is sent in its own stage, which the night then shows.
            until = time.monotonic() + self.rest_s
            if self.outbox.waiting_bytes < first_bytes:
                return
            while (left_bytes := self.outbox.waiting_bytes) and time.monotonic() < until:
                if parts.wait_for_connection():
                    size = min(most_bytes, max(first_bytes, left_bytes // lanes.count))
                    parts.give(self._files(self.outbox.take_rest(size), there))

    def _lying_there(self) -> Mapping[str, FileStamp] | None:
        """What the archive has of the night; None if the transfer stage must look first."""
        night = self.delivery.night
        there = self.delivery.host.files(night)
        known = self.delivery.receipts.of(night, Place.ARCHIVE)
        if is_gone_there(known, there) or self.reader.moved_night(night) is not None:
            return None
        own = live_receipts(self.reader.packing_receipts(night))
        others = [
            file
            for path, file in there.items()
            if path.endswith(PACKED_SUFFIX) and (path not in own or own[path].size != file.size)
        ]
        return None if others else there

    def _files(
        self, taken: Sequence[_Packed], there: Mapping[str, FileStamp]
    ) -> dict[str, FileStamp]:
        """The files to send: what the archive lacks, as it was proven here."""
        sizes: dict[str, FileStamp] = {}
        for reading, receipts in taken:
            files = [stamp_of(self.delivery.folder, receipt.path) for receipt in receipts]
            is_as_proven = reading.file in files and all(
                file is not None and file.size == receipt.size
                for file, receipt in zip(files, receipts, strict=True)
            )
            if is_as_proven and not any(receipt.path in there for receipt in receipts):
                sizes |= {file.path: file for file in files if file is not None}
        return sizes


class _Parts:
    """Parts under way, each in a thread; an error of one is raised by who asks for the next."""

    def __init__(self, delivery: Delivery, reserve_bytes: int) -> None:
        self._delivery = delivery
        self._reserve_bytes = reserve_bytes
        self._connection: int | None = None
        self._running: dict[Future[None], Need] = {}
        self.have_begun = False
        # As many as send may read there meanwhile.
        threads = 2 * delivery.lanes.count
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="vampd-sending-ahead")

    def __enter__(self) -> _Parts:
        try:
            ready = self._submit(partial(self._delivery.host.get_ready, self._delivery.pace))
            self._ask_for_space()
            ready.result()
        except BaseException:
            self._threads.shutdown()
            raise
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if self._connection is not None:
            self._delivery.lanes.give_back(self._connection)
        self._threads.shutdown()
        if kind is None:
            self._forget_arrived()

    def wait_for_connection(self) -> bool:
        """Whether a part can be sent at once, after a moment; the error of one that failed."""
        self._delivery.pace.check()
        self._forget_arrived()
        if self._connection is None:
            self._connection = self._delivery.lanes.take(_LOOK_EVERY_S)
        return self._connection is not None

    def give(self, part: Mapping[str, FileStamp]) -> None:
        """Have a part sent by the connection that was waited for. DiskFull ``disk_low``."""
        if not part:
            return
        need = Need(sum(file.size for file in part.values()), len(part))
        if time.monotonic() - self._asked_at > _SPACE_COUNTS_S:
            self._ask_for_space()
        self._need += need
        shortage = find_shortage(self._space, self._need, self._reserve_bytes)
        if shortage is not None:
            message = f"there is too little space at the archive host: {shortage}"
            raise DiskFull("disk_low", message)
        assert self._connection is not None
        deliver = partial(self._delivery.deliver_by, self._connection)
        # What came there since it was listed is looked at by the transfer stage.
        future = self._submit(partial(deliver, tuple(part), Compare.NAME))
        self._connection = None
        self.have_begun = True
        self._running[future] = need

    def _submit(self, call: Callable[[], None]) -> Future[None]:
        try:
            return self._threads.submit(contextvars.copy_context().run, call)
        except RuntimeError as error:
            raise no_threads("sending while packing", error) from error

    def _ask_for_space(self) -> None:
        self._space = self._delivery.host.space()
        self._asked_at = time.monotonic()
        # What it has to hold besides what has arrived.
        self._need = sum(self._running.values(), Need())

    def _forget_arrived(self) -> None:
        for future in [one for one in self._running if one.done()]:
            del self._running[future]
            future.result()


def _bytes_of(packed: Sequence[_Packed]) -> int:
    return sum(reading.file.size for reading, _ in packed)
