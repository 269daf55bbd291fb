"""Looking at the disk beside the scheduler's loop: one thread scans, and checks cubes in between.

However slow a disk is, the loop goes on: it asks for a scan and sees when it has ended.
"""

from __future__ import annotations

import threading
import time
import traceback
from collections.abc import Callable

from vampd.config import Settings
from vampd.daemon.night_watcher import NightWatcher
from vampd.daemon.watch import FolderWatch
from vampd.engine.nights.night_listing import folder_of, stream_folders
from vampd.errors import StoreError, TransientError, no_threads
from vampd.log import get_log
from vampd.model.nights import NightId

_log = get_log()
# Of checks at a time, so that an end is seen soon.
_CHECKS_S = 0.5
_AGAIN_S = 1.0
_END_WITHIN_S = 5.0


class Lookout:
    """Scans on request; ``wake`` is called at the end of each, ``hint`` when another is worthwhile.

    ``watcher`` is used by its thread alone, but for what a scan leaves in it.
    """

    def __init__(
        self,
        watcher: NightWatcher,
        folder_watch: FolderWatch,
        *,
        wake: Callable[[], None],
        hint: Callable[[], None],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._watcher = watcher
        self._folder_watch = folder_watch
        self._wake = wake
        self._hint = hint
        self._monotonic = monotonic
        self._thread: threading.Thread | None = None
        self._asked = threading.Event()
        self._ending = False
        self._settings: Settings | None = None
        self._is_scanning = False
        self._is_whole = True
        self._trouble: Exception | None = None
        self._said = ""
        self._signs, self._signs_at = -1, 0.0
        # Checks get as much time as scans: listing a night may take long, too.
        self._checks_until = float("-inf")
        # Whether a bug has ended a scan: what that did not come to must not wait for ever.
        self.has_failed = False
        # When the last scan ended, by ``monotonic``.
        self.scanned_at = float("-inf")
        # When the last whole one did.
        self.scanned_all_at = float("-inf")

    @property
    def is_busy(self) -> bool:
        """Whether there is a scan, or cubes to check."""
        return self._is_scanning or self._watcher.checking.is_pending

    @property
    def has_scanned(self) -> bool:
        """Whether a scan has ended."""
        return self.scanned_at > float("-inf")

    @property
    def is_scanning(self) -> bool:
        """Whether a scan was asked for and has not ended."""
        return self._is_scanning

    def ask(self, settings: Settings, *, whole: bool) -> None:
        """Begin a scan, if not ``whole`` of open nights alone.

        TransientError ``no_threads`` if the system has no thread for it.
        """
        if self._thread is None:
            thread = threading.Thread(target=self._run, name="lookout", daemon=True)
            try:
                thread.start()
            except RuntimeError as error:
                raise no_threads("looking at the nights", error) from error
            self._thread = thread
        self._settings, self._is_whole = settings, whole
        self._is_scanning = True
        self._signs_at = self._monotonic()
        self._asked.set()

    def raise_trouble(self) -> None:
        """Raise what ended the last scan early, once: a TransientError or a StoreError."""
        trouble, self._trouble = self._trouble, None
        if trouble is not None:
            raise trouble

    def stalled_s(self) -> float:
        """For how long looking has not come further; 0 if there is nothing to look at."""
        now = self._monotonic()
        if not self.is_busy or self._watcher.signs != self._signs:
            self._signs, self._signs_at = self._watcher.signs, now
        return now - self._signs_at

    def close(self) -> None:
        """End looking; a thread that hangs in an unresponsive disk is left behind."""
        self._ending = True
        self._asked.set()
        if self._thread is not None:
            self._thread.join(_END_WITHIN_S)
        self._folder_watch.close()
        self._watcher.close()

    def _run(self) -> None:
        while not self._ending:
            is_pending = self._watcher.checking.is_pending
            may_scan = not is_pending or self._monotonic() >= self._checks_until
            if self._asked.is_set() and may_scan and self._settings is not None:
                self._asked.clear()
                began_at = self._monotonic()
                self._guard(self._scan, self._settings)
                self.scanned_at = self._monotonic()
                if self._is_whole:
                    self.scanned_all_at = self.scanned_at
                self._checks_until = 2 * self.scanned_at - began_at
                self._is_scanning = False
                self._wake()
            elif is_pending:
                if not self._guard(self._check):
                    self._asked.wait(_AGAIN_S)
            else:
                self._asked.wait()
        self._guard(self._watcher.checking.keep)

    def _scan(self, settings: Settings) -> None:
        scan = self._watcher.scan if self._is_whole else self._watcher.scan_open
        for _ in scan(settings):
            if self._ending:
                return
        root = settings.watch.root
        # To watch a folder whose disk is silent would hang as well.
        folders = [folder_of(root, kind) for kind in self._watcher.kinds]
        for night in sorted(self._watcher.open_nights, key=_newest_first):
            folder = root / night.folder
            folders += [folder, *stream_folders(folder)]
        self._folder_watch.follow(folders)

    def _check(self) -> None:
        if self._watcher.checking.go_on(_CHECKS_S):
            self._hint()

    def _guard(self, look: Callable[..., None], *arguments: object) -> bool:
        """Whether this went well; what is no bug is left to the loop."""
        try:
            look(*arguments)
            return True
        except (TransientError, StoreError) as error:
            self._trouble = error
        except Exception as error:  # noqa: BLE001 - no bug of looking ends what runs
            self.has_failed = True
            text = f"{type(error).__name__}: {error}"
            if text != self._said:
                self._said = text
                _log.error("scan.failed", error=text, trace=traceback.format_exc())
        return False


def _newest_first(night: NightId) -> int:
    return -int(night.date)
