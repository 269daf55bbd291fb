"""Which nights may be claimed now, and what the others wait for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from vampd.model.nights.night import Kind, NightId
from vampd.model.nights.state import StageName, State, Status

_BEFORE_IDS = frozenset({StageName.SYNC, StageName.HEADERS, StageName.FRAMEIDS})
# While a camera writes, only stages that hardly touch the disks go on.
_LIGHT = frozenset({StageName.HEADERS, StageName.FRAMEIDS, StageName.MANIFEST})


@dataclass(frozen=True)
class NightCandidate:
    """A night as the choice sees it.

    ``released``: a person let it pass older nights. ``aside``: it will never ask for frame IDs by
    itself (left to the old tools, or too old), so that it blocks nobody.
    """

    night: NightId
    state: State
    released: bool = False
    aside: bool = False


@dataclass(frozen=True)
class RunLimits:
    """How much may run at once, and what stands in the way of all nights."""

    nights: int
    stages: Mapping[StageName, int]
    grants_frame_ids: bool
    cameras_write: bool


def find_blockers(candidates: Sequence[NightCandidate], limits: RunLimits) -> dict[NightId, str]:
    """For each night that is ready and may not start for a reason of its own, that reason."""
    oldest = min(
        (c.night for c in candidates if _still_needs_ids(c)),
        default=None,
    )
    blockers: dict[NightId, str] = {}
    for candidate in candidates:
        stage = candidate.state.stage
        if candidate.state.status not in (Status.READY, Status.WAITING):
            continue
        if stage is not StageName.FRAMEIDS:
            continue
        if not limits.grants_frame_ids:
            blockers[candidate.night] = 'waits for frame IDs: the authority is "none"'
        elif oldest is not None and oldest < candidate.night and not candidate.released:
            blockers[candidate.night] = f"waits for the older night {oldest.date} to get its IDs"
    return blockers


def _still_needs_ids(candidate: NightCandidate) -> bool:
    return (
        candidate.night.kind is Kind.ARCHIVE
        and candidate.state.stage in _BEFORE_IDS
        and not candidate.aside
    )


def is_claimable(state: State, now: float) -> bool:
    """Whether a night is ready, or has waited long enough (unix seconds)."""
    if state.status is Status.WAITING:
        return state.not_before is None or state.not_before <= now
    return state.status is Status.READY


def choose_nights(
    candidates: Sequence[NightCandidate], limits: RunLimits, now: float
) -> tuple[NightId, ...]:
    """The nights to claim now: oldest first, within all limits."""
    blocked = find_blockers(candidates, limits)
    running = [c.state.stage for c in candidates if c.state.status is Status.RUNNING]
    busy = Counter(running)
    free = limits.nights - len(running)
    chosen: list[NightId] = []
    for candidate in sorted(candidates, key=lambda c: c.night):
        stage = candidate.state.stage
        if len(chosen) >= free:
            break
        if candidate.aside or candidate.night in blocked:
            continue
        if not is_claimable(candidate.state, now) or busy[stage] >= limits.stages[stage]:
            continue
        if limits.cameras_write and stage not in _LIGHT:
            continue
        busy[stage] += 1
        chosen.append(candidate.night)
    return tuple(chosen)
