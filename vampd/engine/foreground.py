"""Stages run by a person's word: the daemon's own attempts, without its rules of when.

Whoever runs a night by hand holds the night's hand lock all the while; a daemon neither claims nor
recovers such a night, and picks it up when the lock is free again, however its holder ended. The
camera watch stands beside the runner, because nobody else needs one.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from vampd.config import Settings
from vampd.disk.lock import Lock
from vampd.disk.pace import Flag
from vampd.engine.attempt import Outcome
from vampd.engine.candidates import candidates_of, limits_of
from vampd.engine.night_listing import (
    NightListing,
    check_cube,
    cube_files,
    find_nights,
    is_being_written,
    list_night,
    old_tool_traces,
)
from vampd.errors import IllegalTransition, StateError, UsageError, VampdError
from vampd.model.nights import (
    HELD_BY_PERSON,
    OLD_TOOLS,
    Event,
    EventName,
    NightId,
    NightRecord,
    NightUpdate,
    StageName,
    Status,
    find_blockers,
    is_due,
    stages_of,
)
from vampd.ports import NightStore

_PATIENCE_S = 60.0
_LOOK_S = 1.0


@dataclass(frozen=True)
class ForegroundLocks:
    """The locks that tell daemon and people apart; all in one folder."""

    database: Path
    hand: Callable[[NightId], Path]
    night: Callable[[NightId], Path]


class ForegroundRunner:
    """Runs one night after the other, stage by stage.

    ``start`` runs one claimed night's attempt to its end; ``stop`` ends it.
    """

    def __init__(
        self,
        store: NightStore,
        settings: Settings,
        locks: ForegroundLocks,
        *,
        start: Callable[[NightRecord], Outcome],
        actor: str,
        stop: Flag,
        pause: Flag,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.store = store
        self.settings = settings
        self._locks = locks
        self._start = start
        self._actor = actor
        self._stop = stop
        self._pause = pause
        self._clock = clock

    @property
    def is_paused(self) -> bool:
        """Whether work stands still because a camera writes."""
        return self._pause.is_raised

    def end(self) -> None:
        """End the attempt that runs now."""
        self._stop.raise_()

    @contextmanager
    def having(self, night: NightId) -> Iterator[NightRecord]:
        """Keep the daemon from a night until the block ends; StateError if somebody runs it.

        What a person holds is held again at the end.
        """
        with Lock(self._locks.hand(night)):
            record = self._record(night)
            if record.state.status is Status.RUNNING:
                record = self._recover(record)
            held = record.state.status is Status.HELD and record.code == HELD_BY_PERSON
            try:
                yield record
            finally:
                if held:
                    self._hold_again(night, record.error)

    def prepare(self, night: NightId, wanted: StageName | None) -> NightRecord:
        """Make a night ready for its next stage, or for ``wanted`` if it is past that.

        VampdError tells why it cannot be: written to now, the old tools, held for a reason.
        """
        record = self._record(night)
        before = self.settings.watch.ignore_before
        if before is not None and night.date < before:
            raise UsageError(
                "night_ignored",
                f"{night.date} is older than watch.ignore_before ({before}): it is never touched",
            )
        if wanted is not None and wanted not in stages_of(night.kind):
            raise UsageError("no_such_stage", f"{night.kind} nights have no stage {wanted}")
        if record.state.status is Status.HELD:
            self._refuse_held(record)
            record = self._apply(night, Event(EventName.RETRIED))
        if self._has_late_data(record):
            record = self._apply(night, Event(EventName.REOPENED), "late data")
        if record.state.status is Status.FILLING:
            record = self._settle(record)
        if wanted is not None:
            record = self._go_to(record, wanted)
        return record

    def blocker(self, night: NightId) -> str | None:
        """Why this night's stage may not begin: frame IDs are given oldest night first."""
        candidates = candidates_of(self.store.nights(), self.settings)
        limits = limits_of(self.settings, cameras_write=False)
        return find_blockers(candidates, limits).get(night)

    def reason_to_pass_over(self, record: NightRecord) -> str | None:
        """Why vampd would not begin with this night by itself, None if it would."""
        night, status, watch = record.night, record.state.status, self.settings.watch
        if watch.ignore_before is not None and night.date < watch.ignore_before:
            return f"older than watch.ignore_before ({watch.ignore_before})"
        match status:
            case Status.HELD:
                return f"held: {record.code}"
            case Status.RUNNING:
                return "vampd runs it"
            case Status.FILLING:
                return self._why_it_fills(record)
            case _:
                return self.blocker(night)

    def _why_it_fills(self, record: NightRecord) -> str | None:
        not_before = self.settings.schedule.archive_not_before
        now = datetime.fromtimestamp(self._clock(), UTC).replace(tzinfo=None)
        seen = self._look(record.night)
        if not any(cube_files(seen.files)):
            return "no raw cubes yet"
        if not is_due(record.night, now, not_before):
            return f"starts at {not_before:%H:%M} UT of its date"
        if self._clock() - seen.latest_s < self.settings.watch.quiet_after_s:
            return f"written to less than {self.settings.watch.quiet_after_s:g} s ago"
        return None

    def run_stage(self, night: NightId) -> Outcome:
        """Claim the night and run its stage's attempt to its end."""
        try:
            record = self._apply(night, Event(EventName.CLAIMED))
        except IllegalTransition as error:
            raise StateError(
                "night_taken", f"{night.date} was taken by somebody else just now: {error.message}"
            ) from error
        return self._start(record)

    def _record(self, night: NightId) -> NightRecord:
        return self.store.discover(night, self._clock())

    def _apply(
        self, night: NightId, event: Event, message: str | None = None, code: str | None = None
    ) -> NightRecord:
        return self.store.apply(
            night, event, at=self._clock(), actor=self._actor, code=code, message=message
        )

    def _recover(self, record: NightRecord) -> NightRecord:
        """Take up a night whose runner was killed; StateError if it is alive."""
        # A daemon sees to its own nights; without one, the night's lock tells.
        with Lock(self._locks.database), Lock(self._locks.night(record.night)):
            return self.store.apply(
                record.night,
                Event(EventName.INTERRUPTED),
                at=self._clock(),
                actor=self._actor,
                claim=record.claim,
                code="interrupted",
                message="whoever ran this night ended without a word",
            )

    def _hold_again(self, night: NightId, reason: str | None) -> None:
        # What is done cannot be held, and needs not.
        with suppress(IllegalTransition):
            self._apply(night, Event(EventName.HELD), reason, HELD_BY_PERSON)

    def _refuse_held(self, record: NightRecord) -> None:
        if record.code == HELD_BY_PERSON:
            return
        raise VampdError(
            "night_held",
            f"{record.night.date} is held at {record.state.stage}: {record.code}: {record.error};"
            f" `vampctl why {record.night.date}` tells what to do",
        )

    def _has_late_data(self, record: NightRecord) -> bool:
        state = record.state
        if record.signature is None or state.status in (Status.FILLING, Status.RUNNING):
            return False
        if state.stage is StageName.SYNC and state.status is not Status.DONE:
            return False
        return self._look(record.night).look.signature != record.signature

    def _look(self, night: NightId) -> NightListing:
        return list_night(self.settings.watch.root / night.folder)

    def _settle(self, record: NightRecord) -> NightRecord:
        """A person says that the night is complete; what the disk says against it is told."""
        night = record.night
        folder = self.settings.watch.root / night.folder
        if traces := old_tool_traces(self.settings.watch.root, night):
            raise _old_tools(night, traces)
        seen = self._await_stillness(night)
        cubes = list(cube_files(seen.files))
        if not cubes:
            raise VampdError("no_cubes", f"{folder} holds no raw cube yet")
        carried = next(
            (c.frame_id for c in (check_cube(folder, c) for c in cubes) if c.frame_id), None
        )
        if carried:
            raise _old_tools(night, [f"FRAMEID {carried} in a raw header"])
        changes = NightUpdate(note="", signature=seen.look.signature, bytes=seen.bytes)
        self.store.update(night, changes)
        return self._apply(night, Event(EventName.SETTLED), "by a person's word")

    def _await_stillness(self, night: NightId) -> NightListing:
        watch = self.settings.watch
        still_s = min(watch.pause_after_write_s, watch.quiet_after_s)
        deadline = time.monotonic() + _PATIENCE_S
        while True:
            seen = self._look(night)
            written = is_being_written(watch.root / night.folder)
            if not written and self._clock() - seen.latest_s >= still_s:
                return seen
            if time.monotonic() > deadline or self._stop.is_raised:
                raise VampdError(
                    "still_written",
                    f"{night.date} is still being written to; run it when the cameras are done",
                )
            time.sleep(min(_LOOK_S, still_s))

    def _go_to(self, record: NightRecord, wanted: StageName) -> NightRecord:
        stages = stages_of(record.night.kind)
        at = stages.index(record.state.stage)
        if at < stages.index(wanted):
            raise UsageError(
                "stage_not_reached",
                f"{record.night.date} is {record.state.status} at {record.state.stage} and has not"
                f" reached {wanted}; run {record.state.stage} first",
            )
        if at > stages.index(wanted) or record.state.status is Status.DONE:
            return self._apply(record.night, Event(EventName.RETRIED, wanted))
        return record


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
            self._thread.join()

    def _watch(self) -> None:
        watch = self._settings.watch
        pause_s = min(watch.pause_after_write_s, watch.quiet_after_s)
        while True:
            write = time.time() - self._newest() < pause_s
            (self._pause.raise_ if write else self._pause.lower)()
            if self._ended.wait(max(_LOOK_S, pause_s / 2)):
                return

    def _newest(self) -> float:
        root = self._settings.watch.root
        newest = 0.0
        # Finished nights are mostly many, and rarely written to.
        for night in (night for night in find_nights(root) if night not in self._finished):
            with suppress(OSError):
                newest = max(newest, list_night(root / night.folder).latest_s)
        return newest


def _old_tools(night: NightId, traces: Sequence[str]) -> VampdError:
    return VampdError(
        OLD_TOOLS,
        f"the old tools have been at {night.date} ({', '.join(traces[:4])}); nothing was touched:"
        f" let them finish it, or `vampctl restore {night.date}`",
    )
