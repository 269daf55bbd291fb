"""A host that packs for a daemon elsewhere: it refuses what is not meant for it."""

from __future__ import annotations

import errno
import threading
from dataclasses import replace
from pathlib import Path

from vampd.adapters.crew.carrying import Carried, HostOrder
from vampd.disk.durable import read_mark_file
from vampd.disk.leased import LeasePace
from vampd.disk.machine import available_memory_bytes
from vampd.disk.shared import SharedMeter
from vampd.errors import DataError, TransientError, WorkerLost
from vampd.model.lease import LEASE_PATH
from vampd.model.proofs import MARK_PATH, Marked, parse_mark
from vampd.model.resources import workers_that_fit
from vampd.model.roll_call import CrewMember
from vampd.ports import Crew


class Host:
    """Packs by its own ``crew`` below ``root``; ``scratch`` is a folder of its own for meters."""

    def __init__(self, name: str, version: str, root: Path, crew: Crew, scratch: Path) -> None:
        self._name, self._version, self._root = name, version, root
        self._crew, self._scratch = crew, scratch
        self._meters: dict[str, SharedMeter] = {}
        self._changing = threading.Lock()

    @property
    def in_hand(self) -> int:
        """How many orders it has."""
        return len(self._meters)

    def carry_out(self, order: HostOrder) -> Carried:
        """Pack by the daemon's lease.

        TransientError ``worker_root`` if the root here is another, WorkerLost
        ``worker_not_started`` if the scratch folder cannot be used; else as `Crew.pack`.
        """
        if (mark := self._mark()) != order.mark:
            raise TransientError(
                "worker_root",
                f"{self._root} on {self._name} has {'no mark' if mark is None else f'mark {mark}'},"
                f" and the root of the nights has {order.mark}: mount that",
            )
        name = order.term.order
        try:
            meter = SharedMeter.create(self._scratch / f"meter-{name}")
        except OSError as error:
            # Of this machine alone: it would be taken for an error of the night's disk.
            raise WorkerLost(
                "worker_not_started",
                f"{self._scratch} on {self._name} cannot be used: {error.strerror}; free space"
                " there, and restart vampd-worker if the folder is gone",
            ) from error
        try:
            meter.begin()  # mapped from now on
            with self._changing:
                self._meters[name] = meter
            here = replace(order.order, folder=self._root / order.order.folder)
            pace = LeasePace(self._root / LEASE_PATH, order.term)
            return Carried(self._crew.pack(here, pace, meter), *meter.counts)
        finally:
            with self._changing:
                self._meters.pop(name, None)
            meter.path.unlink(missing_ok=True)

    def tell(self, beat: int) -> CrewMember:
        """What this host is now. OSError if the root has no mark."""
        mark = self._mark()
        if mark is None:
            raise OSError(errno.ENOENT, "no mark of a root", str(self._root / MARK_PATH))
        with self._changing:
            done = {name: meter.counts for name, meter in self._meters.items()}
        available = available_memory_bytes()
        slots = self._crew.places
        return CrewMember(
            self._name,
            self._version,
            mark,
            beat,
            slots,
            workers_that_fit(slots, len(done), available),
            available,
            done,
        )

    def _mark(self) -> str | None:
        try:
            content = read_mark_file(self._root)
        except (OSError, DataError):
            return None
        text = None if content is None else content.decode("utf-8", "replace")
        return None if text is None else parse_mark(text, Marked.ROOT)
