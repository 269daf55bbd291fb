"""Patience with disks that do not answer: a night behind a dead mount delays no other.

A call that hangs in the kernel cannot be ended. So what looks at a night runs in a thread of its
own, one at a time; one that shows no progress for a while is left behind with its night, and the
next night gets a new thread. Whoever was left behind ends at its next sign of life. However many
nights lie behind one mount, it is asked once.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Generic, TypeVar

from vampd.errors import TransientError, no_threads

_Found = TypeVar("_Found")
HANGS = "disk_hangs"
# A disk that spins up answers sooner.
HANGS_AFTER_S = 15.0
_LOOK_S = 0.5
# Each holds a thread for as long as its disk is silent.
MOST_HANGING = 8


class LeftBehindError(Exception):
    """No one waits for this look any more."""


class _Look(Generic[_Found]):
    """A call, and what came of it."""

    def __init__(self, call: Callable[[], _Found]) -> None:
        self._call = call
        self._found: list[_Found] = []
        self._error: BaseException | None = None
        self.done = threading.Event()
        self.is_left = False

    def run(self) -> None:
        try:
            self._found.append(self._call())
        except BaseException as error:  # noqa: BLE001 - raised where it is waited for
            self._error = error
        finally:
            self.done.set()

    def result(self) -> _Found:
        if self._error is not None:
            raise self._error
        return self._found[0]


def _anywhere(_: Path) -> None:
    """No disk is known."""


class Patience:
    """Runs looks at folders for one caller; ``signs`` rises while they make progress.

    ``disk_of`` says on which disk a folder lies, if on another one than most; it asks none.
    """

    def __init__(
        self,
        hangs_after_s: float = HANGS_AFTER_S,
        disk_of: Callable[[Path], str | None] = _anywhere,
    ) -> None:
        self._hangs_after_s = hangs_after_s
        self._disk_of = disk_of
        self._looks: queue.SimpleQueue[_Look[Any]] | None = None
        self._current = threading.local()
        self._hanging: dict[Path, _Look[Any]] = {}
        self.signs = 0

    def sign(self) -> None:
        """Progress; LeftBehindError where no one waits for it."""
        look: _Look[Any] | None = getattr(self._current, "look", None)
        if look is not None and look.is_left:
            raise LeftBehindError
        self.signs += 1

    def run(self, folder: Path, call: Callable[[], _Found]) -> _Found:
        """What the call finds; TransientError ``disk_hangs`` while what is at ``folder`` is silent.

        TransientError ``no_threads``, and what the call raises.
        """
        self._hanging = {path: look for path, look in self._hanging.items() if _hangs(look)}
        if self._hanging and self._is_silent(folder):
            raise _silent(folder, self._hangs_after_s)
        look = _Look(call)
        self._thread().put(look)
        seen, since = self.signs, time.monotonic()
        while not look.done.wait(min(self._hangs_after_s, _LOOK_S)):
            now = time.monotonic()
            if self.signs != seen:
                seen, since = self.signs, now
            elif now - since >= self._hangs_after_s:
                look.is_left = True
                self._hanging[folder] = look
                self.close()
                raise _silent(folder, self._hangs_after_s)
        return look.result()

    def _is_silent(self, folder: Path) -> bool:
        if folder in self._hanging or len(self._hanging) >= MOST_HANGING:
            return True
        disk = self._disk_of(folder)
        return disk is not None and disk in map(self._disk_of, self._hanging)

    def close(self) -> None:
        """End the thread, once it answers."""
        if self._looks is not None:
            self._looks.put(_ENDING)
            self._looks = None

    def _thread(self) -> queue.SimpleQueue[_Look[Any]]:
        if self._looks is None:
            looks: queue.SimpleQueue[_Look[Any]] = queue.SimpleQueue()
            thread = threading.Thread(target=self._serve, args=(looks,), name="look", daemon=True)
            try:
                thread.start()
            except RuntimeError as error:
                raise no_threads("looking at a night", error) from error
            self._looks = looks
        return self._looks

    def _serve(self, looks: queue.SimpleQueue[_Look[Any]]) -> None:
        while (look := looks.get()) is not _ENDING:
            self._current.look = look
            look.run()


_ENDING: _Look[Any] = _Look(lambda: None)


def _hangs(look: _Look[Any]) -> bool:
    return not look.done.is_set()


def _silent(folder: Path, for_s: float) -> TransientError:
    return TransientError(
        HANGS,
        f"what lies at {folder} has not answered for {for_s:g} s: a dead mount, or a file server"
        " that is away? It is looked at again once it answers",
        path=str(folder),
    )
