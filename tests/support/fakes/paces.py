"""Paces that tests steer."""

from __future__ import annotations

import threading
import time

from vampd.errors import ClaimLost


class SteeredPace:
    """A Pace that a test pauses, resumes and stops from another thread."""

    def __init__(self) -> None:
        self._pause = threading.Event()
        self._stop = threading.Event()

    @property
    def paused(self) -> bool:
        return self._pause.is_set()

    @property
    def stopped(self) -> bool:
        return self._stop.is_set()

    def pause(self) -> None:
        self._pause.set()

    def resume(self) -> None:
        self._pause.clear()

    def stop(self) -> None:
        self._stop.set()

    def check(self) -> None:
        while self.paused and not self.stopped:
            time.sleep(0.01)
        if self.stopped:
            raise ClaimLost("stopped", "the test stopped the work")
