"""Nights and events as objects in JSON, for programs: of `status`, `why` and `history` alike."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from vampd.cli.look.night_notes import NO_MAIL, describe, needs_person, sum_up_mail
from vampd.cli.shared.progress import progress_object
from vampd.cli.shared.words import format_time, format_time_or_none
from vampd.model.delivery import Correspondence
from vampd.model.nights import (
    EventRecord,
    FrameFlow,
    NightRecord,
    SyncSums,
    read_frame_flow,
    read_sync_sums,
)
from vampd.model.progress import NightEnd


def night_object(
    record: NightRecord,
    now: float,
    correspondence: Correspondence = NO_MAIL,
    end: NightEnd | None = None,
) -> dict[str, Any]:
    """The night for programs; times are UT in ISO 8601, unknown values are null.

    ``end`` is when it will be done, for a running one.
    """
    state, sums = record.state, record.manifest_sums
    return {
        "date": record.night.date,
        "kind": str(record.night.kind),
        "stage": str(state.stage),
        "status": str(state.status),
        "of_old_tools": state.is_of_old_tools,
        "progress": progress_object(record, now, end),
        "frames": record.frames,
        "bytes": record.bytes,
        "attempts": state.attempts,
        "not_before": format_time_or_none(state.not_before),
        "code": record.code,
        "error": record.error,
        "note": describe(record, now, correspondence),
        "note_code": record.note_code or None,
        "needs_person": needs_person(record),
        "quality": quality_object(read_sync_sums(record.sync_sums)),
        "frame_flow": flow_object(read_frame_flow(record.frame_flow)),
        "verdict": record.verdict or None,
        "refused": list(record.refused),
        "released": sorted(record.released),
        "discovered_at": format_time(record.discovered_at),
        "changed_at": format_time(record.changed_at),
        "processed_at": format_time_or_none(record.processed_at),
        "transferred_at": format_time_or_none(record.transferred_at),
        "safe_at": format_time_or_none(record.safe_at),
        "raw": {
            "kept_cubes": record.kept_cubes,
            "purged_cubes": record.purged_cubes,
            "removed_cubes": record.removed_cubes,
        },
        "purge_after": format_time_or_none(record.purge_after),
        "mail": sum_up_mail(record, correspondence) or None,
        "mailed_at": format_time_or_none(correspondence.mailed_at(record.night, sums)),
        "acknowledged_at": format_time_or_none(correspondence.acknowledged_at(record.night, sums)),
    }


def quality_object(sums: SyncSums | None) -> dict[str, Any] | None:
    """What sync made of the frames, for programs; null until it has ended."""
    if sums is None:
        return None
    return asdict(sums) | {
        "aside_part": sums.aside_part,
        "unpaired_part": sums.unpaired_part,
        "dubious_part": sums.dubious_part,
    }


def flow_object(flow: FrameFlow | None) -> dict[str, Any] | None:
    """Where the frames went, for programs; null until sync has ended. '' is no FLC state."""
    if flow is None:
        return None
    return {
        "balanced": flow.is_balanced,
        "at_least": not flow.is_certain,
        "raw": flow.raw,
        "in_products": flow.in_products,
        "set_aside": flow.set_aside,
        "products": flow.products,
        "paired": dict(flow.paired),
        "solo": dict(flow.solo),
        "aside": {code: asdict(one) for code, one in flow.aside.items()},
    }


def event_object(event: EventRecord) -> dict[str, Any]:
    """One event for programs."""
    return {
        "at": format_time(event.at),
        "event": str(event.event),
        "stage": str(event.stage),
        "to_stage": None if event.to_stage is None else str(event.to_stage),
        "attempt": event.attempt,
        "not_before": format_time_or_none(event.not_before),
        "actor": event.actor,
        "code": event.code,
        "message": event.message,
    }
