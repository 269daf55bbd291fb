"""The scheduler: one loop that scans, decides what runs, and starts attempts.

All it knows it reads from the store, so that people's commands take effect within a second, whether
they hold, retry or release, even while a night runs. The loop is one class, however long: its steps
share what is running, and what they may decide is in ``model.nights``.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from enum import StrEnum
from pathlib import Path

from vampd.config import Settings
from vampd.config.changes import changed_keys
from vampd.daemon.life import SignsOfLife
from vampd.daemon.lookout import Lookout
from vampd.daemon.night_watcher import NightWatcher
from vampd.daemon.notify import Notifier
from vampd.daemon.recovery import interrupt_orphan
from vampd.daemon.running import RunningAttempts
from vampd.daemon.watch import FolderWatch
from vampd.disk.failpoint import failpoint
from vampd.disk.pace import Flag
from vampd.engine.attempt import AttemptMaker
from vampd.engine.nights.rules import (
    pause_rule,
    readiness_rules,
    retry_policy,
    run_limits,
    scan_rule,
)
from vampd.engine.requests import RequestDesk
from vampd.errors import ConfigError, IllegalTransition, TransientError
from vampd.log import get_log
from vampd.model.nights import (
    UNREAD_NOTES,
    Event,
    EventName,
    NightId,
    NightRecord,
    Observation,
    Ready,
    ScanCause,
    Status,
    Wait,
    WaitCode,
    choose_nights,
    find_next_for_ids,
    judge_readiness,
    note_of,
)
from vampd.ports import NightStore

_log = get_log()
_TICK_S = 0.25
# While nothing goes on: what people do still takes effect within a second.
_REST_TICK_S = 0.5
# While cameras write, or all nights are done, what comes with time alone is seen so late at most,
# and a small part of the pause after its end.
_DECIDE_EVERY_S, _OF_THE_PAUSE = 2.0, 1 / 8
_AGAIN_S = 1.0
# Reading all nights again takes no more than a fifth of a core, and what people do shows in time.
_READ_SHARE, _LONGEST_UNREAD_S = 5, 0.5
# Of one turn: all nights may get another note at once, and each is a transaction.
_NOTES_S = 0.5
# A night whose disk has been silent for so long leaves its place to others.
_SILENT_S = 60.0
# A disk that has not answered for so long may never do.
_STALLED_AFTER_S = 300.0
# What a night that could otherwise run waits for, and what its state alone does not show.
_NOTED = frozenset({WaitCode.IGNORED, WaitCode.NO_AUTHORITY, WaitCode.OLDER_NIGHT})
# Notes of nights that no attempt is waited for, which are the watcher's.
_OF_THE_WATCHER = frozenset({WaitCode.DAMAGED_HERE, WaitCode.IGNORED, WaitCode.LEGACY})
# What the watcher found when it looked.
_LOOKED = UNREAD_NOTES | {WaitCode.BUG}
# What ends without a person, new data or a later hour.
_GOES_ON = frozenset({WaitCode.RUNNING, WaitCode.RETRY_LATER})


class RunMode(StrEnum):
    """When the daemon stops by itself."""

    FOREVER = "forever"
    UNTIL_IDLE = "until idle"


class Scheduler:
    """Runs nights until stopped.

    ``attempts`` makes the attempts at claimed nights, ``flags`` is a folder for the flags that stop
    them; ``pause`` is raised while cameras write; ``is_in_foreground`` says whether a
    `vampctl run` is running a night; ``requests`` acts on what members ask;
    ``life`` is told that the loop turns; ``expect_work`` is called, again and again, while a night
    is on its way and no camera writes.
    """

    def __init__(
        self,
        store: NightStore,
        night_watcher: NightWatcher,
        folder_watch_factory: Callable[[Callable[[], None]], FolderWatch],
        *,
        read_settings: Callable[[], Settings],
        settings: Settings,
        attempts: AttemptMaker,
        flags: Path,
        is_in_foreground: Callable[[NightId], bool],
        pause: Flag,
        notifier: Notifier,
        requests: RequestDesk,
        life: SignsOfLife,
        expect_work: Callable[[], None],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._night_watcher = night_watcher
        self._wake = threading.Event()
        self._hint = threading.Event()
        self._lookout = Lookout(
            night_watcher,
            folder_watch_factory(self._hinted),
            wake=self._wake.set,
            hint=self._hinted,
        )
        self._read_settings = read_settings
        self._settings = settings
        self._is_in_foreground = is_in_foreground
        self._pause = pause
        self._notifier = notifier
        self._requests = requests
        self._life = life
        self._expect_work = expect_work
        self._clock = clock
        self._running = RunningAttempts(
            attempts, flags, is_stopping=self.is_stopping, wake=self._wake
        )
        # Plain flags, seen at the next tick: an Event's lock may be held by the very code that a
        # signal handler interrupts.
        self._stopping = False
        self._reloading = False
        self._counter = -1
        # Whether something has happened since the last turn, and when was decided what to do.
        self._was_woken, self._decided_at = True, float("-inf")
        # When the nights may be read again, though nothing is known to have ended or begun.
        self._read_again_at = float("-inf")
        # Without the nights that are done, of which there may be thousands: they need memory, and
        # checking all of them four times a second would cost more than the rest of an idle daemon.
        self._open: tuple[NightRecord, ...] = ()
        # How often nights were tried, of a run that ends when none can advance.
        self._tried: Counter[NightId] | None = None
        self._filling: frozenset[NightId] = frozenset()
        # Whether a night fills that did not.
        self._was_let_go = False
        self._idle_status = ""
        # What the loop waits for, and whether the lookout has come to a stand.
        self._waits_for = ""
        # Why the configuration was refused when it was read again.
        self._refused: str | None = None
        self._is_stalled = False

    def stop(self) -> None:
        """Ask the loop to stop (safe in a signal handler)."""
        self._stopping = True

    def reload(self) -> None:
        """Ask for the configuration to be reread (safe in a signal handler)."""
        self._reloading = True

    def is_stopping(self) -> bool:
        """Whether the loop was asked to stop."""
        return self._stopping

    def _hinted(self) -> None:
        self._hint.set()
        self._wake.set()

    def run(self, mode: RunMode) -> None:
        """Loop until stopped, or until no night can advance further.

        Raises the error of an attempt that could not be concluded: a StoreError, or a bug.
        """
        self._tried = Counter() if mode is RunMode.UNTIL_IDLE else None
        try:
            while not self._stopping and self._running.fatal is None:
                try:
                    self._step()
                except TransientError as error:
                    self._wait(error.code, error.message)
                    continue
                except (OSError, MemoryError) as error:
                    self._wait("io_error", str(error) or type(error).__name__)
                    continue
                self._waits_for = ""
                self._feed_watchdog()
                if self._tried is not None and self._is_idle():
                    break
                self._was_woken = self._wake.wait(_REST_TICK_S if self._is_at_rest() else _TICK_S)
                self._wake.clear()
        finally:
            self._notifier.stopping()
            self._requests.end()
            self._running.end_all()
            self._lookout.close()
        if self._running.fatal:
            raise self._running.fatal

    def _is_at_rest(self) -> bool:
        """Whether cameras write, or nothing runs, is looked at or asked for, or is to settle."""
        if self._pause.is_raised:
            return True
        begins = self._night_watcher.unsettled or self._requests.is_busy or self._lookout.is_busy
        return not (self._running or begins)

    def _may_wait(self) -> bool:
        """Whether nothing is to be decided, as far as time alone tells."""
        if not self._is_at_rest() or self._is_scan_due():
            return False
        if self._open and not self._pause.is_raised:
            return False
        every_s = min(_DECIDE_EVERY_S, _OF_THE_PAUSE * pause_rule(self._settings).pause_s)
        return time.monotonic() - self._decided_at < every_s

    def _wait(self, code: str, text: str) -> None:
        """Wait a moment for what the system lacks; it is said once, and no reason to be ended."""
        if self._waits_for != code:
            self._waits_for = code
            _log.warning("store.waited", code=code, error=text)
        self._say(f"waits: {text}")
        self._feed_watchdog()
        self._wake.wait(_AGAIN_S)
        self._wake.clear()
        # Whatever came meanwhile was not attended to.
        self._was_woken = True

    def _say(self, doing: str) -> None:
        refused = "" if self._refused is None else f"configuration refused: {self._refused}; "
        self._notifier.status(f"{refused}{doing}")
        self._life.tell(doing, scanned_at=self._lookout.scanned_at, is_paused=self._pause.is_raised)

    def _feed_watchdog(self) -> None:
        """The loop has made progress, unless the lookout that it relies on makes none."""
        stalled_s = self._lookout.stalled_s()
        is_stalled = stalled_s > _STALLED_AFTER_S
        if is_stalled and not self._is_stalled:
            _log.error("scan.stalled", stalled_s=round(stalled_s))
        self._is_stalled = is_stalled
        if not is_stalled:
            self._notifier.feed_watchdog()

    def _recover(self, records: Iterable[NightRecord]) -> None:
        """Recover nights that a killed process was running."""
        for record in records:
            runs = record.state.status is Status.RUNNING and record.night not in self._running
            if runs and not self._is_in_foreground(record.night):
                policy = retry_policy(self._settings)
                interrupt_orphan(self._store, record, policy=policy, now=self._clock())

    def _end_silent(self) -> None:
        """End attempts that hang in a silent disk, its own or the archive's.

        A night keeps no other from its place.
        The thread is left behind with its night, which is not claimed before it has ended.
        """
        silent, now = self._night_watcher.silent, time.monotonic()
        for record in self._open:
            silent_s = now - silent.get(record.night, now)
            if record.state.status is not Status.RUNNING or silent_s < _SILENT_S:
                continue
            if record.night in self._running:
                why = f"its disk, or the archive's, had not answered for {silent_s:.0f} s"
                policy = retry_policy(self._settings)
                interrupt_orphan(self._store, record, policy=policy, now=self._clock(), why=why)
                self._counter = -1

    def _step(self) -> None:
        if self._reloading:
            self._reloading = False
            self._read_configuration()
        if self._running.forget_ended():
            self._counter = -1  # as it is on record, it runs no more
        self._lookout.raise_trouble()
        # Before anything is claimed, so that a `hold` comes in time.
        self._requests.attend(self._settings.requests.members_may)
        before = self._counter
        self._refresh()
        if self._counter == before and not self._was_woken and self._may_wait():
            return
        self._decided_at = time.monotonic()
        self._recover(self._open)
        self._end_silent()
        if self._is_scan_due():
            whole = self._is_whole_scan_due()
            self._hint.clear()
            self._was_let_go = False
            self._lookout.ask(self._settings, whole=whole)
        self._running.end_superseded(self._open)
        self._set_pause()
        if self._night_watcher.unsettled and not self._pause.is_raised:
            self._expect_work()
        self._claim()
        self._say(self._describe())

    def _read_configuration(self) -> None:
        self._notifier.reloading()
        try:
            settings = self._read_settings()
        except ConfigError as error:
            _log.error("config.refused", code=error.code, error=error.message)
            self._refused = error.message
        else:
            self._refused = None
            # Paths that are in use everywhere, and who packs, stay until a restart.
            old = self._settings
            watch = settings.watch.model_copy(update={"root": old.watch.root})
            kept = {"crew": old.crew, "database": old.database, "watch": watch}
            self._settings = settings.model_copy(update=kept)
            if self._settings != settings:
                _log.warning("config.kept", keys=["crew", "database.url", "watch.root"])
            _log.info("config.reloaded", changed=list(changed_keys(old, self._settings)))
        self._life.now_in_force(self._settings, self._refused)
        self._was_woken = True
        self._notifier.ready()

    def _is_scan_due(self) -> bool:
        if self._lookout.is_scanning:
            return False
        since_s = time.monotonic() - self._lookout.scanned_at
        after_s = scan_rule(self._settings).after_s(
            tuple(self._scan_causes()), cameras_write=self._cameras_write()
        )
        return since_s >= after_s

    def _is_whole_scan_due(self) -> bool:
        since_s = time.monotonic() - self._lookout.scanned_all_at
        return scan_rule(self._settings).is_whole(
            tuple(self._scan_causes()), since_s, cameras_write=self._cameras_write()
        )

    def _scan_causes(self) -> Iterator[ScanCause]:
        if self._was_let_go:
            yield ScanCause.LET_GO
        if self._hint.is_set() or self._night_watcher.is_behind:
            yield ScanCause.HINT
        if self._night_watcher.unsettled:
            yield ScanCause.UNSETTLED

    def _refresh(self) -> None:
        """Read the nights again if they have changed: at once, or after a moment."""
        if self._counter == -1 or time.monotonic() >= self._read_again_at:
            began_at = time.monotonic()
            self._reread()
            took_s = time.monotonic() - began_at
            self._read_again_at = began_at + min(_READ_SHARE * took_s, _LONGEST_UNREAD_S)

    def _reread(self) -> None:
        counter = self._store.change_counter()
        if counter != self._counter:
            records = self._store.nights()
            self._open = tuple(
                record
                for record in records
                if record.state.status not in (Status.DONE, Status.LEGACY)
                or (record.note and record.note_code not in _OF_THE_WATCHER)
            )
            counts = Counter(record.state.status for record in records)
            summary = ", ".join(f"{counts[s]} {s}" for s in Status if counts[s])
            self._idle_status = f"idle: {summary or 'no nights yet'}"
            filling = frozenset(r.night for r in self._open if r.state.status is Status.FILLING)
            if not filling <= self._filling:
                # By a person, or a scan that found it: it is judged now, not at the next scan.
                self._was_let_go = True
            self._filling = filling
            self._counter = counter

    def _cameras_write(self) -> bool:
        wrote_at = self._night_watcher.cameras_wrote_at
        return pause_rule(self._settings).is_pausing(wrote_at, self._clock())

    def _set_pause(self) -> None:
        write = self._cameras_write()
        if write == self._pause.is_raised:
            return
        (self._pause.raise_ if write else self._pause.lower)()
        if self._running:
            _log.info("work.paused" if write else "work.resumed", nights=len(self._running))

    def _claim(self) -> None:
        self._note_waits()
        if self._night_watcher.root_wait is not None:
            return
        rules = readiness_rules(self._settings)
        limits = run_limits(self._settings, cameras_write=self._cameras_write())
        looked_at = None if self._lookout.has_failed else self._night_watcher.looked_at
        left = {*self._night_watcher.silent, *self._find_given_up()}
        for night in choose_nights(self._open, rules, limits, self._clock(), looked_at, left):
            if night in self._running or self._is_in_foreground(night):
                continue  # its old attempt has not ended yet, or it runs in the foreground
            if night in self._requests.nights:
                continue  # what a member asked for begins there
            ready = self._running.prepare(night)
            try:
                record = self._store.apply(
                    night, Event(EventName.CLAIMED), at=self._clock(), actor="vampd"
                )
            except IllegalTransition:
                ready.cancel()
                continue  # a person was faster
            except BaseException:
                ready.cancel()
                raise
            failpoint("scheduler.claim.committed")
            self._running.launch(ready, record, self._settings)
            self._counter = -1
            if self._tried is not None:
                self._tried[night] += 1

    def _find_given_up(self) -> Iterator[NightId]:
        """What is not tried again before all is idle; it may be due whenever the loop turns."""
        tried, attempts = self._tried or Counter(), self._settings.retry.attempts
        often = {night for night, times in tried.items() if times >= attempts}
        return (r.night for r in self._open if r.night in often and self._is_given_up(r))

    def _is_given_up(self, record: NightRecord) -> bool:
        """Whether it needs a person; a daemon that runs for ever tries it again all the same."""
        attempts = self._settings.retry.attempts
        return record.state.status is Status.WAITING and record.state.attempts >= attempts

    def _judge_open(self) -> Iterator[tuple[NightRecord, Ready | Wait]]:
        """What each night that is not done, and not filling, waits for."""
        rules, now = readiness_rules(self._settings), self._clock()
        next_for_ids = find_next_for_ids(self._open, rules)
        for record in self._open:
            # The night watcher judges filling nights, for which it has read the disk.
            if record.state.status is not Status.FILLING:
                yield record, judge_readiness(Observation(record, next_for_ids), rules, now)

    def _note_waits(self) -> None:
        until = None
        for record, wait in self._find_waits():
            note = note_of(wait)
            if (record.note_code or "", record.note or "") == (note.note_code, note.note):
                continue
            until = until or time.monotonic() + _NOTES_S
            self._store.update(record.night, note)
            self._counter = -1
            # All nights may have got another note: each that is written is progress.
            self._feed_watchdog()
            if time.monotonic() >= until:
                return  # the next turn goes on

    def _find_waits(self) -> Iterator[tuple[NightRecord, Wait | None]]:
        """What is to be noted with nights that are not done."""
        if (root_wait := self._night_watcher.root_wait) is not None:
            for record in self._open:
                if record.state.status not in (Status.HELD, Status.RUNNING, Status.DONE):
                    yield record, root_wait
            return
        for record, judged in self._judge_open():
            if record.state.status is Status.HELD or record.note_code in _LOOKED:
                continue  # its record is shown until more is known
            yield record, judged if isinstance(judged, Wait) and judged.code in _NOTED else None

    @property
    def has_hanging_attempts(self) -> bool:
        """Whether attempts did not end with the loop."""
        return bool(self._running)

    def _is_idle(self) -> bool:
        """Whether no night can advance further without a person, new data or a later hour."""
        if self._running or not self._lookout.has_scanned or self._lookout.is_busy:
            return False
        if self._requests.is_busy:
            return False
        watcher = self._night_watcher
        if watcher.unsettled or watcher.is_behind or self._hint.is_set() or self._was_let_go:
            return False
        if self._night_watcher.root_wait is not None:
            return True
        self._reread()
        return not any(
            isinstance(judged, Ready) or judged.code in _GOES_ON
            for record, judged in self._judge_open()
            if not self._is_given_up(record)
        )

    def _describe(self) -> str:
        if self._running:
            now = {record.night: record for record in self._open}
            names = ", ".join(
                _progress(now.get(record.night, record)) for record in self._running.records()
            )
            return f"{'paused, cameras write' if self._pause.is_raised else 'running'}: {names}"
        if (root_wait := self._night_watcher.root_wait) is not None:
            return f"waits: {root_wait.text}"
        if (looked_at := self._night_watcher.looked_at) is not None:
            return f"looks at the nights for the first time: {len(looked_at):,} so far"
        return self._idle_status


def _progress(record: NightRecord) -> str:
    stage = f"{record.night.date} {record.state.stage}"
    if record.state.status is Status.RUNNING and record.all_actions:
        part = "" if record.done_part is None else f" ({record.done_part:.0%})"
        return f"{stage} {record.done_actions}/{record.all_actions}{part}"
    return stage
