"""The running attempts, each in its own thread."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from vampd.config import Settings
from vampd.disk.machine import shrink_heap
from vampd.disk.pace import Flag
from vampd.engine.attempt import AttemptMaker, run_attempt
from vampd.errors import TransientError, no_threads
from vampd.log import get_log
from vampd.model.nights import NightId, NightRecord, Status

_log = get_log()
_STOP_WITHIN_S = 20.0


class ReadyAttempt:
    """A thread and a stop flag for an attempt at a night that is about to be claimed.

    Both exist before the claim: a night that is claimed must have its attempt, whatever the system
    lacks.
    """

    def __init__(self, night: NightId, stop: Flag, run: Callable[..., None]) -> None:
        self.stop = stop
        self._run = run
        self._claimed: tuple[NightRecord, Settings] | None = None
        self._decided = threading.Event()
        self.thread = threading.Thread(target=self._wait_and_run, name=str(night))
        self.thread.start()

    def begin(self, record: NightRecord, settings: Settings) -> None:
        """The night is claimed."""
        self._claimed = record, settings
        self._decided.set()

    def cancel(self) -> None:
        """It is not."""
        self._decided.set()
        self.thread.join()
        self.stop.path.unlink(missing_ok=True)

    def _wait_and_run(self) -> None:
        self._decided.wait()
        if self._claimed is not None:
            self._run(*self._claimed, self.stop)


@dataclass
class _Running:
    """An attempt in its thread, and the flag that stops it."""

    record: NightRecord
    thread: threading.Thread
    stop: Flag


class RunningAttempts:
    """Starts and joins attempts; ``wake`` is set when one has ended.

    ``flags`` is a folder for the flags that stop attempts.
    """

    def __init__(
        self,
        attempts: AttemptMaker,
        flags: Path,
        *,
        is_stopping: Callable[[], bool],
        wake: threading.Event,
    ) -> None:
        self._attempts = attempts
        self._flags = flags
        self._is_stopping = is_stopping
        self._wake = wake
        self._numbers = itertools.count(1)
        self._running: dict[NightId, _Running] = {}
        # The error of an attempt that could not be concluded: the daemon must stop as well.
        self.fatal: BaseException | None = None

    def __contains__(self, night: NightId) -> bool:
        return night in self._running

    def __len__(self) -> int:
        return len(self._running)

    def records(self) -> Iterator[NightRecord]:
        """The nights as they were claimed."""
        return (running.record for running in self._running.values())

    def prepare(self, night: NightId) -> ReadyAttempt:
        """What an attempt at this night needs; OSError or DiskFull, TransientError ``no_threads``.

        To be launched or cancelled.
        """
        stop = Flag.create(self._flags / f"{night.date}-{night.kind}-{next(self._numbers)}")
        try:
            return ReadyAttempt(night, stop, self._run)
        except RuntimeError as error:
            stop.path.unlink(missing_ok=True)
            raise no_threads(f"an attempt at {night}", error) from error

    def launch(self, ready: ReadyAttempt, record: NightRecord, settings: Settings) -> None:
        """Run an attempt at a night that was just claimed."""
        self._running[record.night] = _Running(record, ready.thread, ready.stop)
        ready.begin(record, settings)

    def _run(self, record: NightRecord, settings: Settings, stop: Flag) -> None:
        try:
            run_attempt(self._attempts.make(record, settings, stop, self._is_stopping))
        except (TransientError, OSError, MemoryError) as error:
            # It never began: the night is recovered as one that no one runs.
            _log.warning("attempt.lost", night=record.night.date, error=str(error))
        except BaseException as error:  # noqa: BLE001 - raised again by the scheduler
            # A store that cannot be trusted, or a bug where an attempt begins or concludes: nothing
            # else would ever end this night's attempt.
            self.fatal = error
        finally:
            self._wake.set()

    def end_superseded(self, records: Iterable[NightRecord]) -> None:
        """Stop the attempts at nights that a person has moved meanwhile."""
        for record in records:
            running = self._running.get(record.night)
            if running is None or running.stop.is_raised:
                continue
            if record.claim != running.record.claim or record.state.status is not Status.RUNNING:
                running.stop.raise_()

    def forget_ended(self) -> bool:
        """Join the threads that have ended; whether there were any."""
        before = len(self._running)
        for night, running in list(self._running.items()):
            if not running.thread.is_alive():
                running.thread.join()
                running.stop.path.unlink(missing_ok=True)
                del self._running[night]
                shrink_heap()
        return len(self._running) < before

    def end_all(self) -> None:
        """Ask all to stop and wait a while; those that remain die with the process."""
        for running in self._running.values():
            running.stop.raise_()
        deadline = time.monotonic() + _STOP_WITHIN_S
        for running in self._running.values():
            running.thread.join(max(0.0, deadline - time.monotonic()))
        self.forget_ended()
        for night in self._running:
            # The next start resumes it.
            _log.warning("night.abandoned", night=night.date, kind=night.kind.value)
