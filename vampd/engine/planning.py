"""Planning sync in a worker: what grows with the frames of a night never comes to the daemon."""

from __future__ import annotations

from collections.abc import Collection

from vampd.config import Settings
from vampd.disk.failpoint import failpoint
from vampd.disk.machine import shrink_heap
from vampd.engine.workers import WorkerPool
from vampd.model.nights import Gate, NightId
from vampd.model.plan import Plan
from vampd.ports import NightReader, Pace, SyncReader
from vampd.stages import sync
from vampd.stages.changed_raw import refuse_changed


def plan_sync(
    workers: WorkerPool,
    pace: Pace,
    night: NightId,
    reader: NightReader,
    settings: Settings,
    released: Collection[Gate],
) -> Plan:
    """What sync has to do; a worker that dies or hangs costs a retry, not the night's attempt.

    Errors as sync's `survey` and `plan`, and DataError ``raw_changed`` where a person must decide.
    """
    with workers.place(pace):
        return workers.run(
            pace, {}, _survey_and_plan, night, reader.for_worker(night), settings, released
        )


def _survey_and_plan(
    night: NightId, reader: SyncReader, settings: Settings, released: Collection[Gate]
) -> Plan:
    seen = sync.survey(night, reader)
    failpoint("planning.sync.surveyed")
    refuse_changed(seen.changed, released)
    plan = sync.plan(seen, settings)
    # The worker lives on, and packs.
    del seen
    shrink_heap()
    return plan
