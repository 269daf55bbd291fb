"""What was read of files, kept for as long as these are the same.

A file is the same if its inode, size, mtime and ctime are: the last changes with every write, and
no one can set it. One that changed a moment ago may change again within a tick of the file system's
clock; it is read each time.
"""

from __future__ import annotations

import os
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

_Content = TypeVar("_Content")
_SETTLED_AFTER_S = 2.0
_KEPT_FOR_S = 600.0


@dataclass(frozen=True)
class _State:
    """What shows that a file is another, or was written to."""

    device: int
    inode: int
    size: int
    mtime_ns: int
    ctime_ns: int

    def is_settled(self, now: float) -> bool:
        """Whether any write from now on would show."""
        return self.ctime_ns / 1e9 <= now - _SETTLED_AFTER_S


@dataclass
class _Kept(Generic[_Content]):
    state: _State
    content: _Content
    used_at: float


class UnchangedFiles(Generic[_Content]):
    """What was read last of files of ``most_bytes`` together; thread-safe, and empty when pickled.

    What is not asked for is forgotten after ten minutes, at the next question. ``clock`` gives unix
    seconds, as the file system's does.
    """

    def __init__(self, most_bytes: int, clock: Callable[[], float] = time.time) -> None:
        self._most_bytes = most_bytes
        self._clock = clock
        self._kept: OrderedDict[Path, _Kept[_Content]] = OrderedDict()
        self._lock = threading.Lock()

    def __reduce__(self) -> tuple[type[UnchangedFiles[_Content]], tuple[int]]:
        return type(self), (self._most_bytes,)

    def read(self, path: Path, read: Callable[[], _Content]) -> _Content:
        """What ``read`` gives of the file; it is called only if it may give something else now."""
        now = self._clock()
        state = _state_of(path)
        with self._lock:
            self._forget_unused(now)
            kept = self._kept.get(path)
            if kept is not None and kept.state == state:
                kept.used_at = now
                self._kept.move_to_end(path)
                return kept.content
        content = read()
        with self._lock:
            self._kept.pop(path, None)
            if state is not None and state.is_settled(now):
                self._kept[path] = _Kept(state, content, now)
                self._forget_surplus()
        return content

    def _forget_unused(self, now: float) -> None:
        # The clock may have been set back: what seems to be of the future is forgotten as well.
        for path in [p for p, k in self._kept.items() if not 0 <= now - k.used_at < _KEPT_FOR_S]:
            del self._kept[path]

    def _forget_surplus(self) -> None:
        while sum(kept.state.size for kept in self._kept.values()) > self._most_bytes:
            self._kept.popitem(last=False)


def _state_of(path: Path) -> _State | None:
    """A file's state; None if there is none, or it cannot be examined: whoever reads it says so."""
    try:
        found = os.lstat(path)
    except OSError:
        return None
    return _State(found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
