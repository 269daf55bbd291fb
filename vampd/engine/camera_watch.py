"""The cameras come first in the foreground too, where no night watcher runs."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from contextlib import suppress

from vampd.config import Settings
from vampd.disk.pace import Flag
from vampd.engine.nights.night_listing import find_nights, list_night
from vampd.engine.nights.rules import pause_rule
from vampd.errors import VampdError
from vampd.model.nights import NightId

_LOOK_S = 1.0
# One that looks at a disk which does not answer is left behind.
_END_WITHIN_S = 5.0


class CameraWatch:
    """Raises the pause flag while any camera stream below the root is being written."""

    def __init__(self, settings: Settings, pause: Flag, finished: Sequence[NightId]) -> None:
        self._settings = settings
        self._pause = pause
        self._finished = frozenset(finished)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="camera watch", daemon=True)

    def __enter__(self) -> CameraWatch:
        if self._settings.watch.pause_while_writing:
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        if self._thread.ident is not None:
            self._thread.join(_END_WITHIN_S)

    def _watch(self) -> None:
        rule = pause_rule(self._settings)
        while True:
            pausing = rule.is_pausing(self._newest(), time.time())
            (self._pause.raise_ if pausing else self._pause.lower)()
            if self._ended.wait(max(_LOOK_S, rule.pause_s / 2)):
                return

    def _newest(self) -> float:
        root, now = self._settings.watch.root, time.time()
        newest = 0.0
        # Finished nights are usually many, and rarely written to.
        nights: tuple[NightId, ...] = ()
        with suppress(OSError):
            nights = find_nights(root)
        for night in (night for night in nights if night not in self._finished):
            with suppress(OSError, VampdError):
                newest = max(newest, list_night(root / night.folder).written_at(now))
        return newest
