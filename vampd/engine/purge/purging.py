"""The order of a purge: what raw alone holds is sent and proven, and only then raw goes.

Whoever asks for it has shown the plan and was agreed with; every step looks again.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from vampd.engine.nights.night_listing import list_night
from vampd.engine.nights.observation import read_raw_news
from vampd.engine.purge.plan import DAY_S, PurgePlan
from vampd.engine.purge.preparing import extend_night
from vampd.engine.purge.removing import RunningPurge
from vampd.engine.purge.survey import PurgeSurvey
from vampd.model.nights import Event, EventName, NightId
from vampd.model.size import format_size
from vampd.ports import NightReader, NightStore, Pace, PackingReceipts, PurgedFiles


@dataclass(frozen=True)
class PurgeTools:
    """What one purge acts with; ``look`` surveys and plans, ``clock`` gives unix seconds."""

    night: NightId
    folder: Path
    look: Callable[[], tuple[PurgeSurvey, PurgePlan]]
    reader: NightReader
    store: NightStore
    packing_receipts: PackingReceipts
    purged_files: PurgedFiles
    # The night's lock, for a step that changes it.
    lock: Callable[[], AbstractContextManager[object]]
    # Does what it is given, then runs the night's stages to the end; whether all went well.
    carry_on: Callable[[Callable[[], None]], bool]
    # Reads these files of the archive copy again; whether they are good.
    read_again: Callable[[frozenset[str]], bool]
    # Keeps the daemon from the night.
    foreground: Callable[[], AbstractContextManager[object]]
    actor: str
    pace: Pace
    clock: Callable[[], float]


def mark_for_purge(tools: PurgeTools, days: float) -> float:
    """Mark the night for deletion, after so many days; when it is due, in unix seconds."""
    now = tools.clock()
    due = now + days * DAY_S
    marked = Event(EventName.MARKED, not_before=due)
    tools.store.apply(tools.night, marked, at=now, actor=tools.actor)
    return due


def purge_night(tools: PurgeTools, plan: PurgePlan) -> tuple[int, int] | None:
    """Prepare and remove: how many cubes, and bytes; None if the preparation did not go well.

    DataError as `PurgePlan.refuse` and `RunningPurge.run`; what was done by then stays.
    """
    if plan.is_to_be_sent and not tools.carry_on(lambda: _begin(tools)):
        return None
    if plan.to_read and not tools.read_again(frozenset(plan.to_read)):
        return None
    run = RunningPurge(
        tools.night,
        tools.folder,
        tools.look,
        tools.purged_files,
        tools.actor,
        tools.pace,
        tools.clock,
    )
    with tools.foreground(), tools.lock():
        removed = run.run(lambda survey, now: _put_on_record(tools, survey, now))
        _keep_counts(tools)
    return removed


def _begin(tools: PurgeTools) -> None:
    with tools.lock():
        _, now = tools.look()
        now.refuse()
        extend_night(
            tools.night,
            tools.folder,
            now.to_record,
            [file for cube in now.to_send for file in cube.files],
            tools.store,
            tools.packing_receipts,
            clock=tools.clock,
            actor=tools.actor,
        )


def _put_on_record(tools: PurgeTools, survey: PurgeSurvey, plan: PurgePlan) -> None:
    place = survey.identity.destination
    if survey.identity.mark is not None:
        place += f" (mark {survey.identity.mark})"
    cubes = "1 raw cube" if len(plan.cubes) == 1 else f"{len(plan.cubes):,} raw cubes"
    tools.store.apply(
        tools.night,
        Event(EventName.PURGED),
        at=tools.clock(),
        actor=tools.actor,
        code="raw_purged",
        message=f"{cubes}, {format_size(plan.bytes)}; proven at {place}",
    )


def _keep_counts(tools: PurgeTools) -> None:
    """What the daemon would find at its next look."""
    record = tools.store.night(tools.night)
    if record is not None:
        news = read_raw_news(record, list_night(tools.folder), tools.reader)
        tools.store.update(tools.night, news.changes)
