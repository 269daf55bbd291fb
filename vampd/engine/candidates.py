"""The nights as the choice of what runs sees them: for the daemon and for work by hand alike."""

from __future__ import annotations

from collections.abc import Iterable

from vampd.config import Authority, Settings
from vampd.model.nights import (
    OLD_TOOLS,
    Gate,
    NightCandidate,
    NightRecord,
    RunLimits,
    StageName,
    Status,
)


def candidates_of(records: Iterable[NightRecord], settings: Settings) -> list[NightCandidate]:
    """What may be chosen from, and what others have to wait for."""
    before = settings.watch.ignore_before
    return [
        NightCandidate(
            record.night,
            record.state,
            released=Gate.OLDER_NIGHTS in record.released,
            aside=record.code == OLD_TOOLS
            or (before is not None and record.night.date < before)
            # A folder without raw files has no cube that an ID could be for.
            or (record.state.status is Status.FILLING and not record.bytes),
        )
        for record in records
    ]


def limits_of(settings: Settings, *, cameras_write: bool) -> RunLimits:
    """How much may run at once."""
    schedule = settings.schedule
    return RunLimits(
        nights=schedule.nights_at_once,
        stages={stage: getattr(schedule, f"{stage}_at_once") for stage in StageName},
        grants_frame_ids=settings.frameids.authority is not Authority.NONE,
        cameras_write=cameras_write,
    )
