"""Stages run in the foreground by a person, as the daemon's own attempts.

Whoever runs a night in the foreground holds its foreground lock; a daemon neither claims nor
recovers such a night, and resumes it when the lock is free again, however its holder ended.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from vampd.config import Settings
from vampd.disk.lock import Lock
from vampd.disk.pace import Flag
from vampd.engine.attempt import AttemptMaker, AttemptOutcome, run_attempt
from vampd.engine.nights.night_listing import NightListing, list_night
from vampd.engine.nights.observation import judge_listed, judge_night, read_raw_news
from vampd.engine.nights.rules import pause_rule, readiness_rules
from vampd.errors import IllegalTransition, StateError, UsageError, VampdError
from vampd.model.nights import (
    HELD_BY_PERSON,
    Event,
    EventName,
    NightId,
    NightRecord,
    NightUpdate,
    Observation,
    ReadinessRules,
    Ready,
    StageName,
    Status,
    Stillness,
    Wait,
    WaitCode,
    find_next_for_ids,
    judge_readiness,
    stages_of,
)
from vampd.ports import NightReader, NightStore
from vampd.stages.raw_presence import refuse_without_raw

_PATIENCE_S = 60.0
# What running a night does not pass; `vampctl release` does for older nights.
_BLOCKING = frozenset({WaitCode.NO_AUTHORITY, WaitCode.OLDER_NIGHT})
_LOOK_S = 1.0


class Completeness(StrEnum):
    """Who decides that a night is complete."""

    OF_THE_DISK = "of the disk"  # what the rule of readiness finds
    OF_A_PERSON = "of a person"  # as it is: what is incomplete stays so


_COMPLETE = "complete, as far as the disk shows"
_DECLARED = "a person declared it complete as it is"


@dataclass(frozen=True)
class ForegroundLocks:
    """The locks that keep daemon and people apart; all in one folder."""

    database: Path
    foreground: Callable[[NightId], Path]
    night: Callable[[NightId], Path]


class ForegroundRunner:
    """Runs one night after another, stage by stage; ``stop`` ends the running attempt."""

    def __init__(
        self,
        store: NightStore,
        reader: NightReader,
        settings: Settings,
        locks: ForegroundLocks,
        *,
        attempts: AttemptMaker,
        actor: str,
        stop: Flag,
        pause: Flag,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.store = store
        self._reader = reader
        self.settings = settings
        self._locks = locks
        self._attempts = attempts
        self._actor = actor
        self._stop = stop
        self._pause = pause
        self._clock = clock

    @property
    def is_paused(self) -> bool:
        """Whether work is paused because a camera writes."""
        return self._pause.is_raised

    def end(self) -> None:
        """Stop the running attempt."""
        self._stop.raise_()

    @contextmanager
    def having(self, night: NightId) -> Iterator[NightRecord]:
        """Keep the daemon from a night until the block ends; StateError if it is running.

        What a person holds is held again at the end.
        """
        with Lock(self._locks.foreground(night)):
            record = self._record(night)
            if record.state.status is Status.RUNNING:
                record = self._recover(record)
            held = record.state.status is Status.HELD and record.code == HELD_BY_PERSON
            try:
                yield record
            finally:
                if held:
                    self._hold_again(night, record.error)

    def prepare(
        self, night: NightId, wanted: StageName | None, completeness: Completeness
    ) -> NightRecord:
        """Make a night ready for its next stage, or for ``wanted`` if it is past that.

        VampdError says why it cannot be: written to now, incomplete, the old tools, held.
        """
        record = self._record(night)
        if wanted is not None and wanted not in stages_of(night.kind):
            raise UsageError("no_such_stage", f"{night.kind} nights have no stage {wanted}")
        judged = judge_readiness(Observation(record), self._rules, self._clock())
        if isinstance(judged, Wait) and judged.code is WaitCode.IGNORED:
            raise UsageError(judged.code.value, f"{night.date} is {judged.text}")
        if record.state.status is Status.LEGACY:
            assert isinstance(judged, Wait)
            raise VampdError(judged.code.value, f"{night.date} is {judged.text}")
        if record.state.status is Status.HELD:
            self._refuse_held(record)
            record = self._apply(night, Event(EventName.RETRIED))
        news = read_raw_news(record, self._look(night), self._reader)
        self.store.update(night, news.changes)
        if news.event is not None:
            record = self._apply(night, news.event, "late data")
        if record.state.status is Status.FILLING:
            record = self._settle(record, completeness)
        if wanted is not None:
            record = self._go_to(record, wanted)
        return record

    def blocker(self, night: NightId) -> Wait | None:
        """Why this night may not take frame IDs now, None if nothing does."""
        rules = self._rules
        seen = Observation(self._record(night), find_next_for_ids(self.store.nights(), rules))
        judged = judge_readiness(seen, rules, self._clock())
        return judged if isinstance(judged, Wait) and judged.code in _BLOCKING else None

    def reason_to_pass_over(self, record: NightRecord) -> Wait | None:
        """Why vampd would not start this night by itself, None if it would."""
        root = self.settings.watch.root
        judged = judge_night(
            record, self.store.nights(), self._rules, self._clock(), root, self._reader
        )
        return judged if isinstance(judged, Wait) else None

    def run_stage(self, night: NightId, last: StageName) -> AttemptOutcome:
        """Claim the night and run its stage's attempt to its end.

        ``last`` is the last stage that a person wants: nothing of a later one is done ahead.
        """
        try:
            record = self._apply(night, Event(EventName.CLAIMED))
        except IllegalTransition as error:
            raise StateError(
                "night_taken", f"{night.date} was just taken by another process: {error.message}"
            ) from error
        settings, stop = self.settings, self._stop
        if last is StageName.FPACK:
            transfer = settings.transfer.model_copy(update={"send_ahead_bytes": 0})
            settings = settings.model_copy(update={"transfer": transfer})
        return run_attempt(self._attempts.make(record, settings, stop, lambda: stop.is_raised))

    def _record(self, night: NightId) -> NightRecord:
        return self.store.discover(night, self._clock())

    def _apply(
        self, night: NightId, event: Event, message: str | None = None, code: str | None = None
    ) -> NightRecord:
        return self.store.apply(
            night, event, at=self._clock(), actor=self._actor, code=code, message=message
        )

    def _recover(self, record: NightRecord) -> NightRecord:
        """Recover a night whose runner was killed; StateError if it is alive."""
        # A daemon recovers its own nights; without one, the night's lock decides.
        with Lock(self._locks.database), Lock(self._locks.night(record.night)):
            return self.store.apply(
                record.night,
                Event(EventName.INTERRUPTED),
                at=self._clock(),
                actor=self._actor,
                claim=record.claim,
                code="interrupted",
                message="the process that ran this night was killed",
            )

    def _hold_again(self, night: NightId, reason: str | None) -> None:
        # A finished night cannot be held, and need not be.
        with suppress(IllegalTransition):
            self._apply(night, Event(EventName.HELD), reason, HELD_BY_PERSON)

    def _refuse_held(self, record: NightRecord) -> None:
        if record.code == HELD_BY_PERSON:
            return
        raise VampdError(
            "night_held",
            f"{record.night.date} is held at {record.state.stage}: {record.code}: {record.error};"
            f" `vampctl why {record.night.date}` says what to do",
        )

    def _look(self, night: NightId) -> NightListing:
        return list_night(self.settings.watch.root / night.folder)

    @property
    def _rules(self) -> ReadinessRules:
        return readiness_rules(self.settings)

    def _settle(self, record: NightRecord, completeness: Completeness) -> NightRecord:
        """Settle a night that a person wants to run now: at any hour, after a short pause."""
        night, still_s = record.night, pause_rule(self.settings).pause_s
        rules = self._rules.for_person(still_s=still_s)
        declared = completeness is Completeness.OF_A_PERSON
        if declared:
            rules = rules.as_it_is()
        deadline = time.monotonic() + _PATIENCE_S
        root, still = self.settings.watch.root, Stillness("", time.monotonic())
        while True:
            seen = self._look(night)
            still = still.after(seen.look, time.monotonic())
            seen_still_s = still.lasted_s(time.monotonic())
            now = self._clock()
            judged = judge_listed(record, seen, rules, now, root, self._reader, seen_still_s)
            if isinstance(judged, Ready):
                break
            given_up = time.monotonic() > deadline or self._stop.is_raised
            if judged.code is not WaitCode.STILL_WRITTEN or given_up:
                raise VampdError(judged.code.value, self._refusal(night, judged))
            time.sleep(min(_LOOK_S, still_s))
        self.store.update(night, NightUpdate(signature=seen.look.signature, bytes=seen.bytes))
        why = judged.reason(_DECLARED, _DECLARED) if declared else judged.reason(_COMPLETE)
        try:
            return self._apply(night, Event(EventName.SETTLED), why)
        except IllegalTransition:
            # A daemon that looked at the same moment has settled it, and leaves it to this run.
            record = self._record(night)
            if record.state.status is not Status.READY:
                raise
            return record

    def _refusal(self, night: NightId, wait: Wait) -> str:
        match wait.code:
            case WaitCode.NO_CUBES:
                return f"{self.settings.watch.root / night.folder} holds no raw cube yet"
            case WaitCode.STILL_WRITTEN:
                return f"{night.date} is still being written to; run it when the cameras are done"
            case WaitCode.INCOMPLETE_CUBES:
                lines = "".join(f"\n    {subject}" for subject in wait.subjects)
                return (
                    f"{night.date} has incomplete raw cubes; wait for what is missing, or, if"
                    f" nothing more will come, `vampctl run {night.date} --as-it-is`:{lines}"
                )
            case _:
                return f"{night.date}: {wait.text}"

    def _go_to(self, record: NightRecord, wanted: StageName) -> NightRecord:
        stages = stages_of(record.night.kind)
        at = stages.index(record.state.stage)
        if at < stages.index(wanted):
            raise UsageError(
                "stage_not_reached",
                f"{record.night.date} is {record.state.status} at {record.state.stage} and has not"
                f" reached {wanted}; run {record.state.stage} first",
            )
        if at > stages.index(wanted) and wanted is StageName.SYNC:
            refuse_without_raw(record.night, self._reader)
        if at > stages.index(wanted) or record.state.status is Status.DONE:
            return self._apply(record.night, Event(EventName.RETRIED, wanted))
        return record
