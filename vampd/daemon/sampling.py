"""Samples of disks and rates, taken beside the loop: a disk that does not answer stops no night.

What cannot be sampled or kept is missing then, and is said once; nothing waits for it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from vampd.disk.machine import space_at
from vampd.errors import VampdError
from vampd.log import get_log
from vampd.model.measures import SAMPLE_EVERY_S, Sampled
from vampd.model.nights import StageName, Status
from vampd.model.progress import rate_now
from vampd.ports import NightStore, Samples

_log = get_log()
# Not among all that is done at a start.
_FIRST_AFTER_S = 60.0
_END_WITHIN_S = 2.0
_RATES = {StageName.FPACK: Sampled.PACKING, StageName.TRANSFER: Sampled.SENDING}


class Sampler:
    """Takes samples as long as vampd runs, of the disks of the nights and of the database."""

    def __init__(
        self,
        store: NightStore,
        samples: Samples,
        root: Path,
        database: Path,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._samples = samples
        self._root = root
        self._database = database
        self._clock = clock
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sampler", daemon=True)
        self._said = ""

    def start(self) -> None:
        """Begin; without a thread for it nothing is sampled."""
        try:
            self._thread.start()
        except RuntimeError as error:
            self._refused(str(error))

    def close(self) -> None:
        """End; a thread that hangs in an unresponsive disk is left behind."""
        self._ending.set()
        if self._thread.is_alive():
            self._thread.join(_END_WITHIN_S)

    def take(self) -> None:
        """Take a sample of everything now."""
        try:
            values = dict(self._rates())
            values |= _space(self._root, Sampled.NIGHTS_FREE, Sampled.NIGHTS_ALL)
            values |= _space(self._database.parent, Sampled.DATABASE_FREE, Sampled.DATABASE_ALL)
            self._samples.keep(values, self._clock())
        except (VampdError, OSError) as error:
            self._refused(error.message if isinstance(error, VampdError) else str(error))
        else:
            self._said = ""

    def _run(self) -> None:
        if self._ending.wait(_FIRST_AFTER_S):
            # A life of a minute, as that of `vampd --until-idle`, has a sample too.
            self.take()
            return
        self.take()
        while not self._ending.wait(SAMPLE_EVERY_S):
            self.take()

    def _rates(self) -> Iterator[tuple[Sampled, float]]:
        now = self._clock()
        running = [one for one in self._store.nights() if one.state.status is Status.RUNNING]
        for stage, what in _RATES.items():
            these = [one for one in running if one.state.stage is stage]
            yield what, float(sum(rate_now(one, now) or 0 for one in these))

    def _refused(self, error: str) -> None:
        if error != self._said:
            self._said = error
            _log.warning("sample.not_taken", error=error)


def _space(place: Path, free: Sampled, whole: Sampled) -> Mapping[Sampled, float]:
    space = space_at(place)
    return {free: float(space.free_bytes), whole: float(space.all_bytes)}
