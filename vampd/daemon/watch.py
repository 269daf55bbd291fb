"""File system events: only a hint that a scan is worthwhile.

Watches only names that come and go and writers that close; a camera that streams hundreds of MB/s
must not wake the daemon with every write.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path

from watchdog.events import (
    DirCreatedEvent,
    DirDeletedEvent,
    DirMovedEvent,
    FileClosedEvent,
    FileCreatedEvent,
    FileDeletedEvent,
    FileMovedEvent,
    FileSystemEvent,
    FileSystemEventHandler,
)
from watchdog.observers import Observer
from watchdog.observers.api import ObservedWatch

from vampd.log import get_log

_log = get_log()
_EVENTS: list[type[FileSystemEvent]] = [
    DirCreatedEvent,
    DirDeletedEvent,
    DirMovedEvent,
    FileClosedEvent,
    FileCreatedEvent,
    FileDeletedEvent,
    FileMovedEvent,
]


class _Handler(FileSystemEventHandler):
    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake

    def on_any_event(self, event: FileSystemEvent) -> None:
        self._wake()


class FolderWatch:
    """Watches a changing set of folders, each without its subfolders."""

    def __init__(self, wake: Callable[[], None]) -> None:
        self._handler = _Handler(wake)
        self._observer = Observer()
        self._watches: dict[Path, ObservedWatch] = {}

    def start(self) -> None:
        """Start watching."""
        self._observer.start()

    def follow(self, folders: Iterable[Path]) -> None:
        """Watch these folders, if they exist, and no others.

        A folder that cannot be watched (inotify's limits, a network file system) is left to the
        periodic scan.
        """
        wanted = {folder for folder in folders if os.path.isdir(folder)}  # any refusal: later
        for folder in self._watches.keys() - wanted:
            self._observer.unschedule(self._watches.pop(folder))
        for folder in wanted - self._watches.keys():
            try:
                self._watches[folder] = self._observer.schedule(
                    self._handler, str(folder), recursive=False, event_filter=_EVENTS
                )
            except OSError as error:
                _log.warning("watch.refused", folder=str(folder), error=str(error))
                return

    def close(self) -> None:
        """Stop watching."""
        self._observer.stop()
        self._observer.join()
