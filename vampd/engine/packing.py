"""Packing in the worker processes of this machine, and how far it has come."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vampd.disk.pace import SharedPace
from vampd.disk.shared import SharedMeter
from vampd.engine.workers import WorkerPool
from vampd.fits.worker import TakenOver, pack_framelist, take_over
from vampd.model.crew import Packed, PackOrder
from vampd.model.life_sign import HostAccount
from vampd.model.plan import TakeOver
from vampd.ports import Meter, Pace


class LocalCrew:
    """The Crew of this machine: its worker pool, which others may use beside it and must close."""

    def __init__(self, workers: WorkerPool) -> None:
        self._workers = workers

    @property
    def places(self) -> int:
        """How many workers there are; fewer are busy when memory is short."""
        return self._workers.workers

    @property
    def most_places(self) -> int:
        """The same."""
        return self.places

    def describe(self) -> None:
        """Nothing is to be said of it."""

    def packers(self, folder: Path) -> tuple[str, ...]:
        """Nor of who packs a night."""
        return ()

    def accounts(self) -> dict[str, HostAccount]:
        """Nor of how much: the night's progress says it."""
        return {}

    def pack(self, order: PackOrder, pace: Pace, meter: Meter) -> Packed:
        """Pack in a worker; ``pace`` and ``meter`` are those that processes share.

        What a lost worker had already named is compared by its successor.
        """
        with self._workers.place(pace):
            return self._workers.run(
                pace, {"framelist": order.framelist}, pack_framelist, order, pace, meter
            )


def take_over_in_worker(
    workers: WorkerPool, folder: Path, action: TakeOver, pace: SharedPace
) -> TakenOver:
    """Prove a product of the old tools, packing it first if it is not packed."""
    with workers.place(pace):
        return workers.run(pace, {"product": action.packed}, take_over, folder, action.packed, pace)


@contextmanager
def metered(meters: dict[str, SharedMeter], path: str, pace: SharedPace) -> Iterator[SharedMeter]:
    """A meter for who packs a framelist, in ``meters`` by its path until the action is done."""
    meter = SharedMeter.create(pace.folder / f"meter-{secrets.token_hex(8)}")
    try:
        meter.begin()  # mapped from now on, whatever happens to the name
        meters[path] = meter
        yield meter
    except BaseException:
        meters.pop(path, None)  # what was started is not done
        raise
    finally:
        meter.path.unlink(missing_ok=True)
