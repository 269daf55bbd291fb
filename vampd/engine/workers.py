"""Supervised worker processes: one action each, with a deadline.

pebble and not ProcessPoolExecutor: a worker that dies or hangs costs only its own action, and is
killed and replaced while the others continue. forkserver, because the daemon has threads.
"""

from __future__ import annotations

import errno
import multiprocessing
import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import CancelledError, Future, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from multiprocessing import forkserver
from typing import TypeVar

import pebble
from pebble import ProcessExpired, ProcessPool

from vampd.disk.machine import (
    LONGEST_TMPDIR_BYTES,
    available_memory_bytes,
    count_cores,
    processes_left,
)
from vampd.disk.pace import PAUSED_LOOK_S
from vampd.errors import ClaimLost, ConfigError, WorkerLost
from vampd.fits.worker import initialize_worker
from vampd.log import get_log
from vampd.model.resources import workers_that_fit
from vampd.ports import Pace

_log = get_log()
# The code of a WorkerLost that was none yet.
NOT_STARTED = "worker_not_started"
_NO_DESCRIPTORS = frozenset({errno.EMFILE, errno.ENFILE})
_WORKERS_A_TASK = 3
# The fork server, and what follows open semaphores.
_BESIDE_WORKERS = 2
_MORE_PROCESSES = "(TasksMax=, `ulimit -u`)"
_Result = TypeVar("_Result")
_LOOK_S = 0.5
# A worker that dies just as it takes an action leaves pebble unaware: no one has it then. Whoever
# has a place waits for no other action, but a first start on a machine may compile.
_BEGIN_WITHIN_S = 300.0
# Together with the check before it less than five seconds, as promised.
_STOP_WITHIN_S = 4.0
_TERMINATE_S = 0.1
# How often pebble looks for workers that died, and whether its pool was ended: two threads of it
# do, also while there is nothing to do.
_LOOK_FOR_ENDS_S = 0.25


class WorkerPool:
    """At most ``workers`` processes (0: one per core), fewer busy when memory is short."""

    def __init__(
        self, workers: int, deadline_s: float, begin_within_s: float = _BEGIN_WITHIN_S
    ) -> None:
        _refuse_long_temporary_folder()
        self.workers = workers or count_cores()
        self._busy = 0
        self._freed = threading.Condition()
        self._reported_short = False
        self._deadline_s = deadline_s
        self._begin_within_s = begin_within_s
        self._context = multiprocessing.get_context("forkserver")
        # Imported, and compiled if need be, once in the fork server, not in every worker.
        self._context.set_forkserver_preload(["vampd.fits.preload", "vampd.engine.planning"])
        # A worker has nothing to clean up, and one that hangs may ignore SIGTERM.
        pebble.CONSTS.term_timeout = _TERMINATE_S
        pebble.CONSTS.sleep_unit = _LOOK_FOR_ENDS_S
        self._pool = self._make_pool()
        self._closed = False
        self._changing = threading.Lock()

    def prepare(self) -> None:
        """Have the fork server import what workers need, beside the caller and before it is used.

        A vampd at rest does without: it is most of what memory it would need. What keeps it from
        starting is told by the first action that needs it.
        """
        with suppress(OSError):
            forkserver.ensure_running()

    def _make_pool(self) -> ProcessPool:
        return ProcessPool(
            self.workers,
            initializer=initialize_worker,
            initargs=(os.getpid(),),
            context=self._context,
        )

    @contextmanager
    def place(self, pace: Pace) -> Iterator[None]:
        """Wait until one more worker may be busy, and take its place. ClaimLost if stopped."""
        while not self._take_place():
            pace.check()
        try:
            yield
        finally:
            with self._freed:
                self._busy -= 1
                self._freed.notify()

    def _take_place(self) -> bool:
        """Whether a place became free within a moment."""
        with self._freed:
            available_bytes = available_memory_bytes()
            fit = workers_that_fit(self.workers, self._busy, available_bytes)
            if fit == self.workers:
                self._reported_short = False
            elif self._busy >= fit and not self._reported_short:
                self._reported_short = True
                _log.warning(
                    "workers.limited",
                    workers=fit,
                    all_workers=self.workers,
                    available_bytes=available_bytes,
                )
            if self._busy < fit:
                self._busy += 1
                return True
            self._freed.wait(_LOOK_S)
            return False

    def run(
        self,
        pace: Pace,
        logged: Mapping[str, str],
        function: Callable[..., _Result],
        *args: object,
    ) -> _Result:
        """A worker's result; one that dies or hangs costs a retry, not the night's attempt.

        ``logged`` are fields of the log line about a lost worker. Errors as `submit` and `result`.
        """
        lost = 0
        while True:
            try:
                return self.result(self.submit(function, *args), pace)
            except WorkerLost as error:
                _log.warning("worker.lost", code=error.code, error=error.message, **logged)
                lost += 1
                # What no worker can be started for now is for a later attempt.
                if lost == _WORKERS_A_TASK or error.code == NOT_STARTED:
                    raise

    def submit(self, function: Callable[..., _Result], *args: object) -> Future[_Result]:
        """Run a picklable function in a worker.

        WorkerLost where none can be started; ClaimLost (``stopped``) if the pool was closed.
        """
        with self._changing:
            if self._closed:
                raise ClaimLost("stopped", "the worker pool was closed")
            try:
                if not self._pool.active:
                    # A worker that dies while none has work breaks pebble's pool forever.
                    _end(self._pool)
                    self._pool = self._make_pool()
                    _log.warning("workers.renewed")
                future: Future[_Result] = self._pool.schedule(function, args=args)
            except (RuntimeError, OSError) as error:
                # Broken just now, or it could not start: it is never started again.
                self._pool.stop()  # type: ignore[no-untyped-call]
                raise self._not_started(error) from error
            return future

    def _not_started(self, error: RuntimeError | OSError) -> WorkerLost:
        """What kept a pool from its workers; the cause of pebble's own error says it."""
        cause = error.__cause__ if isinstance(error, BrokenProcessPool) else error
        if isinstance(cause, ConnectionError):
            return self._lost("its fork server died")
        if isinstance(cause, OSError) or "thread" in str(cause):
            cure = (
                "let the service open more files (LimitNOFILE=, `ulimit -n`)"
                if isinstance(cause, OSError) and cause.errno in _NO_DESCRIPTORS
                else f"look at the space in /dev/shm and in {_temporary_folder()}, and at how many"
                f" processes the service may have {_MORE_PROCESSES}"
            )
            return WorkerLost(NOT_STARTED, f"no worker process can be started: {cause}; {cure}")
        return self._lost("before it had work")

    def _lost(self, how: str) -> WorkerLost:
        """Of a worker that never worked: the fork server dies of what it may not start."""
        left, needed = processes_left(), self.workers + _BESIDE_WORKERS
        if left is None or left >= needed:
            return _worker_died(how)
        return WorkerLost(
            NOT_STARTED,
            f"no worker process can be started ({how}): no more processes, of which {left} are left"
            f" and {needed} are needed; let the service have more {_MORE_PROCESSES}",
        )

    def result(self, future: Future[_Result], pace: Pace) -> _Result:
        """Wait for a worker's result.

        WorkerLost if the worker died or none began (``worker_died``), or if it exceeded the
        deadline (``worker_deadline``), for which neither queueing nor pauses count; ClaimLost
        (``stopped``) if the pool was closed, or if the pace stops and the worker does not. A worker
        that is being killed may live a moment longer.
        """
        queued_s = worked_s = stopped_s = 0.0
        begin = time.monotonic()
        while not wait([future], self._look_s(pace)).done:
            now = time.monotonic()
            # pebble's own deadline would also run while the cameras make us pause.
            worked_s += now - begin if future.running() and not pace.paused else 0.0
            queued_s += 0.0 if future.running() else now - begin
            stopped_s += now - begin if pace.stopped else 0.0
            begin = now
            if stopped_s > _STOP_WITHIN_S:
                future.cancel()
                raise ClaimLost("stopped", "a worker that did not stop on its own was killed")
            if queued_s > self._begin_within_s:
                future.cancel()
                raise self._lost(f"none began within {self._begin_within_s:g} s")
            if worked_s > self._deadline_s:
                future.cancel()  # ends the process, soon
                raise WorkerLost(
                    "worker_deadline",
                    f"a worker process took longer than {self._deadline_s:.0f} s and was killed",
                )
        try:
            return future.result()
        except ProcessExpired as error:
            raise _worker_died(f"exit code {error.exitcode}") from error
        except BrokenProcessPool as error:
            raise self._lost("before it had work") from error
        except CancelledError as error:
            raise ClaimLost("stopped", "the worker pool was closed") from error

    def _look_s(self, pace: Pace) -> float:
        """How long to wait for a result at a time, which is how often pebble looks, too."""
        is_still = pace.paused and not pace.stopped
        pebble.CONSTS.sleep_unit = PAUSED_LOOK_S if is_still else _LOOK_FOR_ENDS_S
        return PAUSED_LOOK_S if is_still else _LOOK_S

    def close(self) -> None:
        """End all workers now; their work is abandoned."""
        with self._changing:
            self._closed = True
            _end(self._pool)


def _end(pool: ProcessPool) -> None:
    pool.stop()  # type: ignore[no-untyped-call]
    pool.join()


def _temporary_folder() -> str:
    try:
        return tempfile.gettempdir()
    except OSError:
        return "TMPDIR"


def _refuse_long_temporary_folder() -> None:
    """ConfigError ``tmpdir_too_long`` where the workers' socket would have no name."""
    folder = _temporary_folder()
    if len(os.fsencode(folder)) > LONGEST_TMPDIR_BYTES:
        raise ConfigError(
            "tmpdir_too_long",
            f"TMPDIR is {folder}, of more than {LONGEST_TMPDIR_BYTES} bytes: no socket for the"
            " workers can have its name there; set TMPDIR to a shorter path, /tmp for example",
        )


def _worker_died(how: str) -> WorkerLost:
    return WorkerLost(
        "worker_died", f"a worker process died ({how}) while it had this night's work"
    )
