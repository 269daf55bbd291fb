"""File system events: only a hint that a scan is worthwhile.

Watches only names that come and go and writers that close; a camera that streams hundreds of MB/s
must not wake the daemon with every write. One thread, one inotify instance and a bounded number of
watches serve all folders: watchdog's own observer has a thread for each of them. Whatever fails
here leaves the periodic scan, which is correct alone.
"""

from __future__ import annotations

import errno
import itertools
import os
import time
from collections.abc import Callable, Iterable
from functools import partial, reduce
from operator import or_
from pathlib import Path

from watchdog.observers.inotify_c import (
    CallbackId,
    InotifyConstants,
    InotifyEvent,
    InotifyFD,
    Mask,
    WatchDescriptor,
)

from vampd.log import get_log

_log = get_log()
_EVENTS = Mask(
    reduce(
        or_,
        (
            InotifyConstants.IN_CREATE,
            InotifyConstants.IN_DELETE,
            InotifyConstants.IN_MOVE,
            InotifyConstants.IN_CLOSE_WRITE,
            # The folder itself: another one may soon have its name.
            InotifyConstants.IN_DELETE_SELF,
            InotifyConstants.IN_MOVE_SELF,
            InotifyConstants.IN_ONLYDIR,
        ),
    )
)
MOST_WATCHES = 500
# What failed may have passed by then.
_AGAIN_S = 600.0
_END_WITHIN_S = 1.0
# This folder alone: it is gone, is none, or is another user's.
_OF_ONE_FOLDER = frozenset(
    {errno.ENOENT, errno.ENOTDIR, errno.EACCES, errno.EPERM, errno.ELOOP, errno.ENAMETOOLONG}
)
# Of limits that are used up.
_CURES = {
    errno.EMFILE: "raise fs.inotify.max_user_instances (sysctl) or LimitNOFILE=",
    errno.ENOSPC: "raise fs.inotify.max_user_watches (sysctl)",
}
_MORE_THREADS = "allow the service more processes and threads (TasksMax=)"
# watchdog's answer to a folder that may not be read.
_NOT_WATCHED = -1


class _Inotify(InotifyFD):
    """An inotify instance, read in a thread of its own; ``wake`` is called where events were lost.

    ``failure`` is what ended the thread, if anything did.
    """

    def __init__(self, wake: Callable[[], None]) -> None:
        try:
            super().__init__()
        except OSError:
            # It may have got its instance, and no pipe that ends its thread.
            if (inotify_fd := getattr(self, "_inotify_fd", None)) is not None:
                os.close(inotify_fd)
            raise
        self.daemon = True
        self.failure: Exception | None = None
        self._wake = wake

    def start(self) -> None:
        """Start reading; OSError or RuntimeError, with everything closed, if that is impossible."""
        try:
            super().start()
        except BaseException:
            self._is_reading = False  # so that `close` closes what no thread will
            self.close()
            raise

    def run(self) -> None:
        try:
            super().run()
        except Exception as error:  # noqa: BLE001 - a hint never ends anything
            self._is_reading = False
            self.failure = error

    def handle_event(self, event: InotifyEvent) -> None:
        if event.is_queue_overflow:
            self._wake()
        else:
            super().handle_event(event)


class _Callback:
    """What one watched folder calls (watchdog's WatchCallback)."""

    def __init__(self, wake: Callable[[], None], forget: Callable[[], None]) -> None:
        self._wake = wake
        self._forget = forget

    def on_event(self, event: InotifyEvent) -> None:
        if event.is_move_self:
            self._forget()
        self._wake()

    def on_watch_deleted(self, _: WatchDescriptor) -> None:
        self._forget()

    def on_queue_overflow(self) -> None:
        self._wake()


class FolderWatch:
    """Watches a changing set of folders, each without its subfolders; ``wake`` is the hint."""

    def __init__(
        self,
        wake: Callable[[], None],
        *,
        most: int = MOST_WATCHES,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._wake = wake
        self._most = most
        self._monotonic = monotonic
        self._inotify: _Inotify | None = None
        self._watches: dict[Path, tuple[WatchDescriptor, CallbackId]] = {}
        # Folders that were moved or removed: their watches are of no use. Filled by the thread.
        self._stale: set[tuple[Path, CallbackId]] = set()
        self._numbers = itertools.count(1)
        self._again_at = float("-inf")
        self._is_reported = False

    def follow(self, folders: Iterable[Path]) -> None:
        """Watch these folders, the first ones if they are too many, and no others.

        A folder that cannot be watched (it does not exist, inotify's limits, a network file
        system) is left to the periodic scan.
        """
        if self._inotify is None and self._monotonic() < self._again_at:
            return
        try:
            self._follow(list(itertools.islice(dict.fromkeys(folders), self._most)))
        except Exception as error:  # noqa: BLE001 - a hint never ends anything
            self._report(error)
            self._again_at = self._monotonic() + _AGAIN_S
            self.close()

    def close(self) -> None:
        """Stop watching."""
        inotify, self._inotify = self._inotify, None
        self._watches.clear()
        self._stale.clear()
        if inotify is not None:
            try:
                inotify.stop()
                inotify.join(_END_WITHIN_S)
            except Exception as error:  # noqa: BLE001 - a hint never ends anything
                self._report(error)

    def _follow(self, wanted: list[Path]) -> None:
        if self._inotify is None:
            inotify = _Inotify(self._wake)
            inotify.start()
            self._inotify = inotify
        if self._inotify.failure is not None:
            raise self._inotify.failure
        gone = {path for path, number in self._take_stale() if self._number_of(path) == number}
        # What lay in a folder that was moved went with it, of which it is told nothing.
        gone.update(path for path in self._watches if not gone.isdisjoint(path.parents))
        self._unwatch(self._inotify, gone | (self._watches.keys() - set(wanted)))
        for place, path in enumerate(wanted):
            while path not in self._watches and not self._watch(self._inotify, path):
                if not self._give_up_last(self._inotify, wanted[place + 1 :]):
                    return

    def _watch(self, inotify: _Inotify, path: Path) -> bool:
        """Watch a folder if it can be watched; False if there is no room for another watch."""
        number = CallbackId(next(self._numbers))
        callback = _Callback(self._wake, partial(self._stale.add, (path, number)))
        try:
            watch = inotify.add_callback(os.fsencode(path), _EVENTS, callback, number)
        except OSError as error:
            if error.errno in _OF_ONE_FOLDER:
                return True
            self._report(error)
            return False
        if watch != _NOT_WATCHED:
            self._watches[path] = watch, number
        return True

    def _give_up_last(self, inotify: _Inotify, later: list[Path]) -> bool:
        """End the watch of the last of these folders that has one; False if none has."""
        for path in reversed(later):
            if path in self._watches:
                self._unwatch(inotify, [path])
                return True
        return False

    def _unwatch(self, inotify: _Inotify, paths: Iterable[Path]) -> None:
        inotify.remove_callbacks([self._watches.pop(path) for path in paths])

    def _take_stale(self) -> list[tuple[Path, CallbackId]]:
        taken = []
        while self._stale:
            taken.append(self._stale.pop())
        return taken

    def _number_of(self, path: Path) -> CallbackId | None:
        watch = self._watches.get(path)
        return None if watch is None else watch[1]

    def _report(self, error: Exception) -> None:
        if not self._is_reported:
            self._is_reported = True
            _log.warning("watch.refused", error=_describe(error))


def _describe(error: Exception) -> str:
    """What happened, what is left, and the cure of a limit."""
    words, cure = str(error), None
    if isinstance(error, OSError):
        words, cure = error.strerror or words, _CURES.get(error.errno or 0)
    elif isinstance(error, RuntimeError):
        cure = _MORE_THREADS  # as Python says that it cannot start one
    text = f"{words}: nights are noticed by the periodic scan alone"
    return f"{text}; {cure}" if cure else text
