"""The scheduler: one loop that looks, decides what runs, and starts attempts.

Whatever it knows it reads from the store, so that people and their commands are heard within a
second, whether they hold, retry or release, and also while a night runs. The loop is one class: its
steps share what runs now, and what they may decide lies in ``model.schedule``.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from vampd.config import Settings
from vampd.daemon.night_watcher import NightWatcher
from vampd.daemon.notify import Notifier
from vampd.daemon.watch import FolderWatch
from vampd.disk.failpoint import failpoint
from vampd.disk.pace import Flag
from vampd.engine.attempt import Outcome
from vampd.engine.candidates import candidates_of, limits_of
from vampd.engine.night_listing import stream_folders
from vampd.errors import ClaimLost, ConfigError, IllegalTransition, TransientError
from vampd.log import get_log
from vampd.model.nights import (
    ARCHIVE_FOLDER,
    Event,
    EventName,
    NightCandidate,
    NightId,
    NightRecord,
    NightUpdate,
    RunLimits,
    Status,
    choose_nights,
    find_blockers,
)
from vampd.ports import NightStore

_log = get_log()
_TICK_S = 0.25
_SHORTEST_SCAN_S = 0.1
_STOP_WITHIN_S = 20.0
_STORE_AGAIN_S = 1.0


class RunMode(StrEnum):
    """When the daemon ends by itself."""

    FOREVER = "forever"
    UNTIL_IDLE = "until idle"


@dataclass
class _Running:
    """An attempt in its thread, and the flag that ends it."""

    record: NightRecord
    thread: threading.Thread
    stop: Flag


class Scheduler:
    """Runs nights until it is told to end.

    ``start`` runs one claimed night's attempt to its end (called in a thread of its own);
    ``make_stop_flag`` gives a lowered flag for one attempt; ``pause`` is raised while cameras
    write; ``is_in_foreground`` tells whether a person's `vampctl run` has a night now.
    """

    def __init__(
        self,
        store: NightStore,
        night_watcher: NightWatcher,
        folder_watch_factory: Callable[[Callable[[], None]], FolderWatch],
        *,
        read_settings: Callable[[], Settings],
        settings: Settings,
        start: Callable[[NightRecord, Settings, Flag, Callable[[], bool]], Outcome],
        make_stop_flag: Callable[[NightId], Flag],
        is_in_foreground: Callable[[NightId], bool],
        pause: Flag,
        notifier: Notifier,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._night_watcher = night_watcher
        self._wake = threading.Event()
        self._hint = threading.Event()
        self._folder_watch = folder_watch_factory(self._hinted)
        self._read_settings = read_settings
        self._settings = settings
        self._start = start
        self._make_stop_flag = make_stop_flag
        self._is_in_foreground = is_in_foreground
        self._pause = pause
        self._notifier = notifier
        self._clock = clock
        self._running: dict[NightId, _Running] = {}
        # Plain flags, seen at the next tick: an Event's lock may be held by the very code that a
        # signal handler interrupts.
        self._stopping = False
        self._reloading = False
        self._fatal: BaseException | None = None
        self._scanned_at = float("-inf")
        self._counter = -1
        self._records: tuple[NightRecord, ...] = ()
        # Without the nights that are done, of which there may be thousands: four looks a second
        # at all of them would cost more than all the rest of an idle daemon.
        self._open: tuple[NightRecord, ...] = ()
        self._idle_status = ""

    def stop(self) -> None:
        """Ask the loop to end (safe in a signal handler)."""
        self._stopping = True

    def reload(self) -> None:
        """Ask for the configuration to be read again (safe in a signal handler)."""
        self._reloading = True

    def is_stopping(self) -> bool:
        """Whether the loop was asked to end."""
        return self._stopping

    def _hinted(self) -> None:
        self._hint.set()
        self._wake.set()

    def run(self, mode: RunMode) -> None:
        """Loop until stopped, or until no night can advance any more.

        Raises the error of an attempt that could not be concluded: a StoreError, or a bug.
        """
        self._recover()
        self._folder_watch.start()
        try:
            while not self._stopping and self._fatal is None:
                try:
                    self._step()
                except TransientError as error:
                    _log.warning("store.waited", code=error.code, error=error.message)
                    self._wake.wait(_STORE_AGAIN_S)
                    continue
                if mode is RunMode.UNTIL_IDLE and self._is_idle():
                    break
                self._wake.wait(_TICK_S)
                self._wake.clear()
        finally:
            self._end_attempts()
            self._folder_watch.close()
        if self._fatal:
            raise self._fatal

    def _recover(self) -> None:
        """Nights that a killed daemon was running."""
        for record in self._store.nights():
            self._interrupt_orphan(record)

    def _interrupt_orphan(self, record: NightRecord) -> None:
        """A night that nobody runs any more: that its runner was killed counts as an attempt."""
        if record.state.status is not Status.RUNNING or record.night in self._running:
            return
        if self._is_in_foreground(record.night):
            return
        exhausted = record.state.attempts >= self._settings.retry.attempts
        event = Event(EventName.HELD if exhausted else EventName.INTERRUPTED)
        message = (
            f"the daemon ended {record.state.attempts} times while this night ran"
            if exhausted
            else "the daemon ended while this night ran"
        )
        try:
            self._store.apply(
                record.night,
                event,
                at=self._clock(),
                actor="vampd",
                claim=record.claim,
                code="interrupted",
                message=message,
            )
        except ClaimLost:
            return  # its runner by hand has just ended well
        failpoint("scheduler.recovery.committed")
        _log.warning(f"night.{event.name}", night=record.night.date, code="interrupted")

    def _step(self) -> None:
        self._notifier.feed_watchdog()
        if self._reloading:
            self._reloading = False
            self._read_configuration()
        self._forget_ended()
        if self._is_scan_due():
            self._scan()
        self._refresh()
        for record in self._open:
            self._interrupt_orphan(record)
        self._end_superseded()
        self._set_pause()
        self._claim()
        self._notifier.status(self._describe())

    def _read_configuration(self) -> None:
        self._notifier.reloading()
        try:
            settings = self._read_settings()
        except ConfigError as error:
            _log.error("config.refused", code=error.code, error=error.message)
        else:
            # Paths that are in use everywhere stay until a restart.
            old = self._settings
            watch = settings.watch.model_copy(update={"root": old.watch.root})
            if (settings.database, settings.watch) != (old.database, watch):
                _log.warning("config.kept", keys=["database.url", "watch.root"])
            self._settings = settings.model_copy(update={"database": old.database, "watch": watch})
            _log.info("config.reloaded")
        self._notifier.ready()

    def _is_scan_due(self) -> bool:
        since_s = time.monotonic() - self._scanned_at
        watch = self._settings.watch
        shortest_s = max(_SHORTEST_SCAN_S, min(1.0, watch.quiet_after_s / 4))
        if self._hint.is_set():
            return since_s >= shortest_s
        every_s = watch.scan_every_s
        if self._night_watcher.unsettled:
            every_s = min(every_s, max(shortest_s, watch.quiet_after_s / 4), self._pause_s() / 2)
        return since_s >= every_s

    def _scan(self) -> None:
        self._hint.clear()
        # Before the first look, too: the folders of nights that are done are not watched.
        self._refresh()
        folders = [self._settings.watch.root, self._settings.watch.root / ARCHIVE_FOLDER]
        done = {r.night for r in self._records if r.state.status is Status.DONE}
        for night in self._night_watcher.scan(self._settings):
            self._notifier.feed_watchdog()
            if night not in done:
                folder = self._settings.watch.root / night.folder
                folders += [folder, *stream_folders(folder)]
            if self._stopping:
                return
        self._folder_watch.follow(folders)
        self._scanned_at = time.monotonic()

    def _refresh(self) -> None:
        counter = self._store.change_counter()
        if counter != self._counter:
            self._records = self._store.nights()
            self._open = tuple(
                record
                for record in self._records
                if record.state.status is not Status.DONE or record.note
            )
            counts = Counter(record.state.status for record in self._records)
            told = ", ".join(f"{counts[s]} {s}" for s in Status if counts[s])
            self._idle_status = f"idle: {told or 'no nights yet'}"
            self._counter = counter

    def _end_superseded(self) -> None:
        """A night that a person took from its attempt: the attempt ends."""
        for record in self._open:
            running = self._running.get(record.night)
            if running is None or running.stop.is_raised:
                continue
            if record.claim != running.record.claim or record.state.status is not Status.RUNNING:
                running.stop.raise_()

    def _pause_s(self) -> float:
        # What is quiet is not being written, so a pause never outlasts the quiet time.
        watch = self._settings.watch
        return min(watch.pause_after_write_s, watch.quiet_after_s)

    def _cameras_write(self) -> bool:
        if not self._settings.watch.pause_while_writing:
            return False
        return self._clock() - self._night_watcher.cameras_wrote_at < self._pause_s()

    def _set_pause(self) -> None:
        write = self._cameras_write()
        if write == self._pause.is_raised:
            return
        (self._pause.raise_ if write else self._pause.lower)()
        if self._running:
            _log.info("work.paused" if write else "work.resumed", nights=len(self._running))

    def _limits(self) -> RunLimits:
        return limits_of(self._settings, cameras_write=self._cameras_write())

    def _candidates(self) -> list[NightCandidate]:
        return candidates_of(self._open, self._settings)

    def _claim(self) -> None:
        candidates = self._candidates()
        limits = self._limits()
        self._note_blockers(find_blockers(candidates, limits))
        for night in choose_nights(candidates, limits, self._clock()):
            if night in self._running or self._is_in_foreground(night):
                continue  # its old attempt has not ended yet, or a person runs it
            # Before the claim: a night that is claimed must have its attempt, full disk or not.
            stop = self._make_stop_flag(night)
            try:
                record = self._store.apply(
                    night, Event(EventName.CLAIMED), at=self._clock(), actor="vampd"
                )
            except IllegalTransition:
                stop.path.unlink()
                continue  # a person was quicker
            failpoint("scheduler.claim.committed")
            self._launch(record, stop)
            self._counter = -1

    def _note_blockers(self, blockers: Mapping[NightId, str]) -> None:
        for record in self._open:
            if record.state.status in (Status.READY, Status.WAITING, Status.RUNNING, Status.DONE):
                note = blockers.get(record.night, "")
                if (record.note or "") != note:
                    self._store.update(record.night, NightUpdate(note=note))

    def _launch(self, record: NightRecord, stop: Flag) -> None:
        thread = threading.Thread(
            target=self._attempt, args=(record, self._settings, stop), name=str(record.night)
        )
        self._running[record.night] = _Running(record, thread, stop)
        thread.start()

    def _attempt(self, record: NightRecord, settings: Settings, stop: Flag) -> None:
        try:
            self._start(record, settings, stop, self.is_stopping)
        except BaseException as error:  # noqa: BLE001 - raised again by the loop
            # A store that cannot be trusted, or a bug where an attempt begins or concludes: nobody
            # else would ever end this night's attempt.
            self._fatal = error
        finally:
            self._wake.set()

    def _forget_ended(self) -> None:
        for night, running in list(self._running.items()):
            if not running.thread.is_alive():
                running.thread.join()
                running.stop.path.unlink(missing_ok=True)
                del self._running[night]

    def _end_attempts(self) -> None:
        self._notifier.stopping()
        for running in self._running.values():
            running.stop.raise_()
        deadline = time.monotonic() + _STOP_WITHIN_S
        for running in self._running.values():
            running.thread.join(max(0.0, deadline - time.monotonic()))
        self._forget_ended()
        for night in self._running:
            # What is still not ended dies with this process; the next start takes it up.
            _log.warning("night.abandoned", night=night.date, kind=night.kind.value)

    @property
    def has_hanging_attempts(self) -> bool:
        """Whether attempts did not end when the loop did."""
        return bool(self._running)

    def _is_idle(self) -> bool:
        """Whether no night can advance any more without a person, new data or a later hour."""
        if self._running or self._night_watcher.unsettled or self._hint.is_set():
            return False
        self._refresh()
        candidates = self._candidates()
        blocked = find_blockers(candidates, self._limits())
        return not any(
            candidate.state.status in (Status.READY, Status.WAITING, Status.RUNNING)
            and not candidate.aside
            and candidate.night not in blocked
            for candidate in candidates
        )

    def _describe(self) -> str:
        if self._running:
            now = {record.night: record for record in self._records}
            names = ", ".join(
                _progress(now.get(night, running.record))
                for night, running in self._running.items()
            )
            return f"{'paused, cameras write' if self._pause.is_raised else 'running'}: {names}"
        return self._idle_status


def _progress(record: NightRecord) -> str:
    stage = f"{record.night.date} {record.state.stage}"
    if record.state.status is Status.RUNNING and record.all_actions:
        packed = "" if record.done_part is None else f" ({record.done_part:.0%} packed)"
        return f"{stage} {record.done_actions}/{record.all_actions}{packed}"
    return stage
