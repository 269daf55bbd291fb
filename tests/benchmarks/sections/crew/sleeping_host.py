"""A host whose packers only sleep: what is left is what carrying an order costs.

``python -m tests.benchmarks.sections.crew.sleeping_host ADDRESS ROOT SCRATCH PLACES SECONDS``; ends
with SIGTERM.
"""

from __future__ import annotations

import asyncio
import signal
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

from vampd import __version__
from vampd.adapters.crew import Host, HostSign, serve_orders, take_orders
from vampd.model.crew import Packed, PackOrder
from vampd.model.life_sign import HostAccount
from vampd.model.nights import FileStamp
from vampd.model.proofs import PackingReceipt, Place, Receipt
from vampd.ports import Meter, Pace


class SleepingCrew:
    """Says after some time that a product is there."""

    def __init__(self, places: int, seconds: float) -> None:
        self.places = self.most_places = places
        self._seconds = seconds

    def describe(self) -> None:
        """Nothing is to be said of it."""

    def packers(self, folder: Path) -> tuple[str, ...]:
        """Nor of who packs a night."""
        return ()

    def accounts(self) -> dict[str, HostAccount]:
        """Nor of how much."""
        return {}

    def pack(self, order: PackOrder, pace: Pace, meter: Meter) -> Packed:
        """Sleep."""
        time.sleep(self._seconds)
        path = order.framelist.replace(".framelist", ".fits.fz")
        receipt = PackingReceipt(path, 1, "0" * 64, None)
        reading = Receipt(Place.HERE, FileStamp(path, 1, 1), "0" * 64, time.time())
        return Packed(reading, (receipt, receipt))


def main(address: str, root: Path, scratch: Path, places: int, seconds: float) -> None:
    """Take orders until the signal."""
    stopping = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    host = Host("sleeper", __version__, root, SleepingCrew(places, seconds), scratch)
    take_orders(__version__, host.carry_out)
    # Who sleeps needs no memory.
    sign = HostSign(root, lambda beat: replace(host.tell(beat), places=places))
    sign.start()
    asyncio.run(
        serve_orders(
            address,
            None,
            "sleeper",
            places,
            scratch,
            threading.Event(),
            stopping.is_set,
            sign.close,
        )
    )


if __name__ == "__main__":
    _, at, below, own, count, length = sys.argv
    main(at, Path(below), Path(own), int(count), float(length))
