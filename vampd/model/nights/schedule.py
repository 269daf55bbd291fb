"""Which nights to claim now, of those that may begin."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from vampd.model.nights.night import NightId
from vampd.model.nights.readiness import (
    Observation,
    ReadinessRules,
    Ready,
    find_next_for_ids,
    judge_readiness,
)
from vampd.model.nights.record import NightRecord
from vampd.model.nights.state import StageName, Status

# While a camera writes, only stages that hardly touch the disks continue.
_LIGHT = frozenset({StageName.HEADERS, StageName.FRAMEIDS, StageName.MANIFEST})


@dataclass(frozen=True)
class RunLimits:
    """How much may run at once."""

    nights: int
    stages: Mapping[StageName, int]
    # Whether work pauses for the cameras now.
    cameras_write: bool


def choose_nights(
    records: Sequence[NightRecord],
    rules: ReadinessRules,
    limits: RunLimits,
    now: float,
    looked_at: Collection[NightId] | None = None,
    left: Collection[NightId] = (),
) -> tuple[NightId, ...]:
    """The nights to claim now (unix seconds): oldest first, within all limits.

    Those whose archive copy is only to be read again come after all others. ``looked_at`` are the
    nights that were looked at since the start, None for all: the others may have new data, and as
    long as there are some, so may nights that are older than one that takes frame IDs. ``left``
    are nights that are not to be tried now: their disks do not answer, where an attempt would only
    hang, or they were tried as often as they may be.
    """
    next_for_ids = find_next_for_ids(records, rules)
    running = [r.state.stage for r in records if r.state.status is Status.RUNNING]
    busy = Counter(running)
    free = limits.nights - len(running)
    chosen: list[NightId] = []
    for record in sorted(records, key=lambda record: (_is_sent(record), record.night)):
        stage = record.state.stage
        if len(chosen) >= free:
            break
        if record.state.status not in (Status.READY, Status.WAITING) or record.night in left:
            continue
        if looked_at is not None and (record.night not in looked_at or stage is StageName.FRAMEIDS):
            continue
        if not isinstance(judge_readiness(Observation(record, next_for_ids), rules, now), Ready):
            continue
        if busy[stage] >= limits.stages[stage] or (limits.cameras_write and stage not in _LIGHT):
            continue
        busy[stage] += 1
        chosen.append(record.night)
    return tuple(chosen)


def _is_sent(record: NightRecord) -> bool:
    return record.state.stage is StageName.TRANSFER and record.transferred_at is not None
