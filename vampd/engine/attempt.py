"""One attempt at one stage of one night: survey, plan, execute, survey again.

The stage is finished when planning finds nothing left to do; the same plan twice in a row means
that something is stuck. How an attempt ends is one event, fenced by its claim. All in one module,
however long: it is one sequence, read from the claim to the event.
"""

from __future__ import annotations

import random
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

import structlog

from vampd.config import Settings
from vampd.disk.durable import forget_damaged, remove_leftovers, wait_until_writers_exit
from vampd.disk.failpoint import failpoint
from vampd.disk.lock import Lock
from vampd.disk.named_errors import path_named
from vampd.disk.pace import Flag
from vampd.disk.reading import refuse_links
from vampd.disk.refusal import PathAccess, may_read, misplaced, translate_refusal
from vampd.engine.attempt_progress import Progress, WaveProgress
from vampd.engine.execute import AttemptTools, execute_wave, executing_beside
from vampd.engine.frame_id_gates import judge_sync, refuse_before_ids, require_authority
from vampd.engine.free_space import part_wave, require_free_space, require_free_space_for_rest
from vampd.engine.nights.foreign_entries import refuse_twin
from vampd.engine.nights.night_listing import list_night
from vampd.engine.nights.observation import raw_update
from vampd.engine.nights.presence import note_mounted_streams, refuse_absent
from vampd.engine.nights.rules import retry_policy
from vampd.engine.planning import plan_sync
from vampd.engine.root_guard import RootGuard
from vampd.errors import (
    ClaimLost,
    ConfigError,
    DataError,
    DiskFull,
    StateError,
    StoreError,
    Stuck,
    TransientError,
    VampdError,
)
from vampd.log import get_log
from vampd.model.cubes import total_counts
from vampd.model.nights import (
    CAMERA_STREAMS,
    Event,
    EventName,
    Gate,
    NightRecord,
    NightUpdate,
    StageName,
    Status,
    Stream,
    after_wait,
    name_commands,
    write_frame_flow,
    write_sync_sums,
)
from vampd.model.plan import Plan, Wave
from vampd.model.proofs import SUMS_NAME
from vampd.model.sharing import sharing
from vampd.model.sync import follow_frames, sum_sync
from vampd.ports import NightReader, NightStore
from vampd.stages import Stage, settings_for, stage_of
from vampd.stages.aside_files import read_sums, refuse_changed
from vampd.stages.raw_presence import survey_raw
from vampd.stages.records.corrections import refuse_changed_corrections
from vampd.stages.records.foreign_cure import add_cure
from vampd.stages.records.lost_generations import refuse_lost_generations
from vampd.stages.records.manifest_files import sums_of
from vampd.stages.sync import adds_data
from vampd.stages.transfer import (
    TransferSurvey,
    find_others,
    is_safe,
    lost_proofs,
    overwritten_products,
    refuse_gone,
    refuse_others,
    refuse_spoiled,
)

_log = get_log()
_STORE_AGAIN_S = 1.0
# Shorter than the daemon has to shut down.
_WRITERS_DIE_WITHIN_S = 10.0
# Everything that vampd writes to, in a night's folder.
_OWN_FOLDERS = ("", Stream.VGEN2, "vbad", *(f"vbad/{stream}" for stream in CAMERA_STREAMS))


class _LateData(StateError):
    """What is safe is not all of the night: its raw files seemed to have other times only."""


class AttemptOutcome(StrEnum):
    """How an attempt ended."""

    FINISHED = "finished"
    FAILED = "failed"
    ABANDONED = "abandoned"
    SUPERSEDED = "superseded"


_LOGGED = {
    AttemptOutcome.FINISHED: "stage.finished",
    AttemptOutcome.FAILED: "stage.failed",
    AttemptOutcome.ABANDONED: "stage.abandoned",
    AttemptOutcome.SUPERSEDED: "stage.superseded",
}


@dataclass(frozen=True)
class Attempt:
    """A claimed night and what the attempt works with."""

    record: NightRecord
    settings: Settings
    store: NightStore
    reader: NightReader
    tools: AttemptTools
    root: RootGuard
    lock_path: Path
    is_stopping: Callable[[], bool]
    clock: Callable[[], float] = time.time


class AttemptMaker(Protocol):
    """Makes attempts at claimed nights."""

    def make(
        self, record: NightRecord, settings: Settings, stop: Flag, is_stopping: Callable[[], bool]
    ) -> Attempt:
        """An attempt at this night; ``stop`` ends it, ``is_stopping`` is the program's."""
        ...


def run_attempt(attempt: Attempt) -> AttemptOutcome:
    """Run the stage to its end and apply the event that it leads to.

    StoreError is passed on: without a trustworthy store the daemon must stop.
    """
    record = attempt.record
    stage = stage_of(record)
    structlog.contextvars.bind_contextvars(
        night=record.night.date,
        kind=record.night.kind.value,
        stage=stage.NAME.value,
        attempt=record.state.attempts,
    )
    tools = attempt.tools
    progress = Progress(
        record,
        attempt.store,
        tools.meters,
        tools.pace,
        attempt.clock,
        lambda: tools.crew.packers(tools.folder),
    )
    started = time.monotonic()
    _log.info("stage.started")
    error: VampdError | None = None
    trace: str | None = None
    try:
        with Lock(attempt.lock_path):
            changes = _work(attempt, stage, progress)
            attempt.store.update(record.night, changes, claim=record.claim)
            failpoint("attempt.update.stored")
    except StoreError:
        raise
    except DataError as caught:
        error = _find_absence(attempt) or caught
    except VampdError as caught:
        error = caught
    except OSError as caught:
        error = _translate(caught, tools.folder)
    except MemoryError:
        error = TransientError("no_memory", "the memory did not suffice")
    except Exception as caught:  # noqa: BLE001 - a bug is not weather: the night is held with it
        error = VampdError("bug", f"{type(caught).__name__}: {caught}")
        trace = traceback.format_exc()
    outcome = _conclude(attempt, error, trace)
    level = _log.info if outcome is not AttemptOutcome.FAILED else _log.warning
    level(
        _LOGGED[outcome],
        actions=progress.actions,
        frames=progress.frames,
        bytes=progress.bytes,
        duration_s=round(time.monotonic() - started, 3),
        code=error.code if error else None,
    )
    return outcome


def _find_absence(attempt: Attempt) -> VampdError | None:
    """That the night's disk went away meanwhile, which explains whatever is not there."""
    try:
        refuse_absent(attempt.record, attempt.reader)
    except TransientError as absent:
        return absent
    except OSError as error:
        return _translate(error, attempt.tools.folder)
    return None


def _work(attempt: Attempt, stage: Stage, progress: Progress) -> NightUpdate:
    attempt.root.require()
    night, folder = attempt.record.night, attempt.tools.folder
    refuse_absent(attempt.record, attempt.reader)
    note_mounted_streams(folder)
    changes, settings = NightUpdate(), settings_for(attempt.record, attempt.settings)
    if stage.NAME is StageName.SYNC:
        # Taken before the survey: whatever comes later is late.
        changes = NightUpdate(signature=list_night(folder).look.signature)
        refuse_lost_generations(night, attempt.reader)
    if stage.NAME is StageName.FRAMEIDS:
        refuse_before_ids(attempt.record, attempt.settings, attempt.reader)
    refuse_links(folder)
    refuse_twin(attempt.settings.watch.root, night)
    for own in _OWN_FOLDERS:
        remove_leftovers(folder / own)
    # Plans by their hashes, and surveys as long as they are looked at: those of long nights are
    # hundreds of megabytes, and one of each at a time is enough.
    known: list[int] = []
    while True:
        attempt.tools.pace.check()
        survey, plan = _survey_and_plan(attempt, stage, settings)
        if attempt.record.safe_at is not None and adds_data(plan):
            raise _LateData("late_data", "raw files have come, or changed, that sync has not seen")
        if not known:
            for remark in plan.remarks:
                _log.warning(
                    "stage.remarked",
                    code=remark.code,
                    subject=remark.subject,
                    message=remark.message,
                    **dict(remark.changes),
                )
        if not plan:
            break
        if hash(plan) in known[-2:]:
            if isinstance(survey, TransferSurvey):
                refuse_spoiled(survey)
            raise Stuck(
                "stuck",
                f"{stage.NAME} did what it had planned and still has the same {len(plan)} actions"
                f" to do, first: {plan.waves[0][0]!r:.200}",
            )
        if isinstance(survey, TransferSurvey):
            _refuse_others(attempt, survey, plan)
        require_authority(plan, settings)
        del survey
        require_free_space(attempt.tools, plan)
        progress.begin(plan)
        for wave in plan.waves:
            refuse_links(folder)
            execute_within_free_space(attempt.tools, wave, progress)
            failpoint("attempt.wave.executed")
        known.append(hash(plan))
        del plan, wave
    note_mounted_streams(folder)
    # A killed worker may die only after its cube has been retried.
    for own in _OWN_FOLDERS:
        wait_until_writers_exit(folder / own, _WRITERS_DIE_WITHIN_S)
    return _update_at_end(attempt, stage.NAME, survey, changes)


def _survey_and_plan(attempt: Attempt, stage: Stage, settings: Settings) -> tuple[Any, Plan]:
    """What the stage sees, of sync None, and what it has to do.

    An error where a person must decide before anything is planned.
    """
    night, reader, released = attempt.record.night, attempt.reader, attempt.record.released
    if stage.NAME is StageName.SYNC:
        tools = attempt.tools
        return None, plan_sync(tools.workers, tools.pace, night, reader, settings, released)
    with sharing():
        survey = stage.survey(night, reader)
    refuse_changed_corrections(night, reader)
    if stage.NAME is StageName.TRANSFER:
        _disprove(attempt, survey)
        refuse_gone(survey, released)
        refuse_changed(survey.aside, released)
    return survey, stage.plan(survey, settings)


def _refuse_others(attempt: Attempt, survey: TransferSurvey, plan: Plan) -> None:
    """The gate before products go over others that the archive lists and holds whole. DataError."""
    paths = overwritten_products(survey, plan)
    is_open = Gate.OTHER_PRODUCTS in attempt.record.released
    if is_open or not paths or SUMS_NAME not in survey.archive:
        return
    night, tools = attempt.record.night, attempt.tools
    listed = read_sums(tools.archive_host.text(night, SUMS_NAME, tools.pace))
    others = find_others(survey, paths, listed)
    if others:
        read = tools.archive_host.digests(night, tuple(others), tools.pace)
        refuse_others(night, [each.path for each in read if each.sha256 == others[each.path]])


def _disprove(attempt: Attempt, survey: TransferSurvey) -> None:
    """Take *safe* away, on record, from a night whose copy is no longer what was read."""
    lost = lost_proofs(survey)
    current = attempt.store.night(attempt.record.night)
    if lost and current is not None and current.safe_at is not None:
        attempt.store.apply(
            attempt.record.night,
            Event(EventName.DISPROVED),
            at=attempt.clock(),
            actor=attempt.tools.actor,
            claim=attempt.record.claim,
            code="archive_copy_bad",
            message=f"{len(lost):,} proven files are gone or changed there, first: {lost[0]}",
        )


def execute_within_free_space(tools: AttemptTools, wave: Wave, progress: WaveProgress) -> None:
    """Execute a wave; if it packs many cubes, the first ones show how much space the rest needs.

    A bad cube costs only itself: the rest is packed before its error is raised.
    """
    with executing_beside(tools, wave, progress):
        _execute_within_free_space(tools, wave, progress)


def _execute_within_free_space(tools: AttemptTools, wave: Wave, progress: WaveProgress) -> None:
    first, rest = part_wave(tools, wave)
    failure: Exception | None = None
    try:
        execute_wave(tools, first, progress)
    except (ClaimLost, DiskFull):
        raise
    except Exception as error:  # noqa: BLE001 - raised below
        failure = error
    if rest:
        require_free_space_for_rest(tools, first, rest)
        execute_wave(tools, rest, progress)
    if failure is not None:
        raise failure


def _update_at_end(
    attempt: Attempt, stage: StageName, survey: Any, changes: NightUpdate
) -> NightUpdate:
    now = attempt.clock()
    match stage:
        case StageName.SYNC:
            night, reader = attempt.record.night, attempt.reader
            generations = reader.generations(night)
            frames = total_counts(generations).raw
            update = raw_update(survey_raw(night, reader))
            verdict = judge_sync(generations, attempt.settings.sync) or ""
            return replace(
                update,
                signature=changes.signature,
                frames=frames,
                verdict=verdict,
                sync_sums=write_sync_sums(sum_sync(generations)),
                frame_flow=write_frame_flow(follow_frames(generations)),
                products=sum(len(generation.products) for generation in generations),
            )
        case StageName.FPACK:
            return NightUpdate(processed_at=now)
        case StageName.TRANSFER:
            if not is_safe(survey):
                raise Stuck("not_safe", "nothing is left to send or to read, and it is not safe")
            forget_damaged(attempt.tools.folder / Stream.VGEN2)
            return NightUpdate(transferred_at=now, safe_at=now)
        case StageName.MANIFEST:
            return NightUpdate(
                manifests=len(survey.manifests), manifest_sums=sums_of(survey.manifests)
            )
        case _:
            return changes


def _conclude(attempt: Attempt, error: VampdError | None, trace: str | None) -> AttemptOutcome:
    event, outcome = _event_for(attempt, error)
    if event is None:
        return outcome
    night, said = attempt.record.night, error.message if error else None
    if error is not None and not isinstance(error, _LateData):
        held = event.name is EventName.HELD
        said = add_cure(error, night, attempt.record.state.stage) if held else said
        report = _log.error if held else _log.warning
        report(
            "night.held" if held else "night.waits",
            code=error.code,
            error=name_commands(said or "", night.date),
            trace=trace,
        )
    failpoint("attempt.event.decided")
    message = trace or said
    try:
        after = _apply(
            attempt, event, error.code if error else None, message, _trouble(attempt, error)
        )
    except ClaimLost:
        # A person held or retried the night meanwhile; their decision stands.
        return AttemptOutcome.SUPERSEDED
    if after is None:
        return AttemptOutcome.ABANDONED
    failpoint("attempt.event.committed")
    if after.needs_person and not attempt.record.needs_person:
        _log.error(
            "night.person_needed", attempts=after.state.attempts, code=after.code, error=after.error
        )
    if after.state.status is Status.DONE:
        _log.info("night.done", frames=after.frames, bytes=after.bytes)
    return outcome


def _trouble(attempt: Attempt, error: VampdError | None) -> NightUpdate:
    """What the record keeps of a failure beside its code and message; success clears it."""
    if error is None or isinstance(error, ClaimLost):
        return NightUpdate()
    # The raw files that could not be read, which a release may let go.
    refused = error.context.get("refused", ())
    return NightUpdate(
        refused=refused if isinstance(refused, tuple) else (),
        needs_person=attempt.record.state.attempts >= attempt.settings.retry.attempts,
    )


def _translate(error: OSError, folder: Path) -> VampdError:
    """An OSError that nothing closer to its cause has translated.

    What a descriptor refuses names no file: it is one of the night's ``folder``.
    """
    named = path_named(error)
    path = named or folder
    if named and (other := misplaced(error, path)):
        return other
    access = PathAccess.WRITE if may_read(path) else PathAccess.READ
    return translate_refusal(error, path, access)


def _apply(
    attempt: Attempt,
    event: Event,
    code: str | None,
    message: str | None,
    trouble: NightUpdate,
) -> NightRecord | None:
    """Apply the event, however long the store is busy or its disk full; None when the daemon stops.

    A night that is then still running in the store is recovered at the next start.
    """
    said = ""
    while True:
        try:
            attempt.store.update(attempt.record.night, trouble, claim=attempt.record.claim)
            return attempt.store.apply(
                attempt.record.night,
                event,
                at=attempt.clock(),
                actor=attempt.tools.actor,
                claim=attempt.record.claim,
                code=code,
                message=message,
            )
        except TransientError as error:
            if error.code != said:
                said = error.code
                _log.warning("store.waited", code=said, error=error.message)
            if attempt.is_stopping():
                return None
            time.sleep(_STORE_AGAIN_S)


def _event_for(attempt: Attempt, error: VampdError | None) -> tuple[Event | None, AttemptOutcome]:
    if error is None:
        return Event(EventName.ADVANCED), AttemptOutcome.FINISHED
    if isinstance(error, _LateData):
        return Event(EventName.REOPENED), AttemptOutcome.SUPERSEDED
    if isinstance(error, ClaimLost):
        if attempt.is_stopping():
            return Event(EventName.ABANDONED), AttemptOutcome.ABANDONED
        return None, AttemptOutcome.SUPERSEDED
    # A program that is missing, or a setting that cannot be used, is no property of the night.
    if isinstance(error, TransientError | StateError | ConfigError):
        policy = retry_policy(attempt.settings)
        jitter = random.random()  # spreads retries, protects nothing
        attempts = attempt.record.state.attempts
        return after_wait(policy, attempts, attempt.clock(), jitter), AttemptOutcome.FAILED
    return Event(EventName.HELD), AttemptOutcome.FAILED
