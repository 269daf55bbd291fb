"""Sending products while the rest of their night is packed, and reading them there.

This only saves time: the transfer stage looks at all of it again, and *safe* is its word alone. So
only what the archive lacks is sent, and whatever stands in the way ends it for this attempt, to be
told by that stage.
"""

from __future__ import annotations

import contextvars
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
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
from vampd.stages.own_files import batches
from vampd.stages.records.own_paths import PACKED_SUFFIX
from vampd.stages.transfer import is_gone_there

_log = get_log()
_LOOK_EVERY_S = 0.5
# Each program that sends, and each that reads there, costs a fraction of a second of a core.
_MOST_LOOKS = 100


class Outbox:
    """The products that a wave has packed and proven, for who sends them meanwhile."""

    def __init__(self) -> None:
        self._changed = Condition()
        self._waiting: list[tuple[Receipt, tuple[PackingReceipt, ...]]] = []
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

    def take(
        self, least_bytes: int, wait_s: float
    ) -> Sequence[tuple[Receipt, tuple[PackingReceipt, ...]]] | None:
        """All that is waiting, once it has so many bytes; () after ``wait_s``, None when closed."""
        until = time.monotonic() + wait_s
        with self._changed:
            while self._is_open and sum(one.file.size for one, _ in self._waiting) < least_bytes:
                if not self._changed.wait(until - time.monotonic()):
                    return ()
            if not self._is_open:
                return None
            taken, self._waiting = self._waiting, []
            return taken


@dataclass(frozen=True)
class SenderAhead:
    """Sends what comes out of ``outbox``, at least ``least_bytes`` at once, until it is closed."""

    night: NightId
    folder: Path
    reader: NightReader
    host: ArchiveHost
    receipts: Receipts
    outbox: Outbox
    pace: Pace
    reserve_bytes: int
    least_bytes: int

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

    def _send(self, least_bytes: int) -> None:
        there: Mapping[str, FileStamp] | None = None
        readings: list[Future[None]] = []
        with ThreadPoolExecutor(1, thread_name_prefix="vampd-reading-there") as thread:
            while (taken := self.outbox.take(least_bytes, _LOOK_EVERY_S)) is not None:
                self.pace.check()
                if not taken:
                    continue
                if there is None and (there := self._lying_there()) is None:
                    return
                sizes = self._sizes(taken, there)
                for part in batches(list(sizes), sizes):
                    # What is slower than packing sends the rest in its own stage.
                    if not self.outbox.is_open:
                        break
                    self._refuse_shortage(part, sizes)
                    self.host.send(self.night, self.folder, part, Compare.SIZE_AND_TIME, self.pace)
                    failpoint("send_ahead.sent")
                    # Meanwhile the next ones are sent.
                    readings.append(_submit(thread, self._read_there, part))
                for reading in readings:
                    if reading.done():
                        reading.result()
            for reading in readings:
                reading.result()

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

    def _refuse_shortage(self, part: Sequence[str], files: Mapping[str, FileStamp]) -> None:
        need = Need(sum(files[path].size for path in part), len(part))
        shortage = find_shortage(self.host.space(), need, self.reserve_bytes)
        if shortage is not None:
            raise DiskFull("disk_low", f"there is too little space at the archive host: {shortage}")

    def _read_there(self, part: Sequence[str]) -> None:
        read = list(self.host.digests(self.night, part, self.pace))
        failpoint("send_ahead.read")
        self.receipts.keep(self.night, read)


def _submit(
    thread: ThreadPoolExecutor, function: Callable[[Sequence[str]], None], part: Sequence[str]
) -> Future[None]:
    try:
        return thread.submit(contextvars.copy_context().run, function, part)
    except RuntimeError as error:
        raise no_threads("reading at the archive", error) from error
