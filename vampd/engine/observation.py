"""Observing a night for the rule of readiness: cheap checks first, expensive ones on demand.

Listing costs one stat per file; writers are found in /proc; whether cubes are complete is read from
their headers and timing files, once nothing else stands in the way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from vampd.engine.night_listing import (
    CubeCheck,
    NightListing,
    check_cube,
    cube_files,
    is_being_written,
    list_night,
    old_tool_traces,
    unfinished_files,
)
from vampd.model.nights import (
    LOG_TRACE,
    Event,
    IncompleteCube,
    NightRecord,
    Observation,
    ReadinessRules,
    Ready,
    Status,
    StreamsObservation,
    Wait,
    advance,
    event_of_new_data,
    find_next_for_ids,
    judge_readiness,
)


def judge_night(
    record: NightRecord,
    records: Iterable[NightRecord],
    rules: ReadinessRules,
    now: float,
    root: Path,
) -> Ready | Wait:
    """Whether a night of ``records`` may begin, for a single query; OSError.

    One that has settled is judged as filling if new data came since, as whoever runs it will.
    """
    if record.state.status is Status.FILLING:
        return judge_listed(record, list_night(root / record.night.folder), rules, now, root)
    if record.state.status in (Status.READY, Status.WAITING):
        listing = list_night(root / record.night.folder)
        event = new_data_event(record, listing)
        if event is not None:
            filling = replace(record, state=advance(record.night.kind, record.state, event))
            return judge_listed(filling, listing, rules, now, root)
    return judge_readiness(Observation(record, find_next_for_ids(records, rules)), rules, now)


def new_data_event(record: NightRecord, listing: NightListing) -> Event | None:
    """The event of a night that was listed with raw files that sync has not seen, if any."""
    name = event_of_new_data(record.state)
    if name is None or listing.look.signature == record.signature:
        return None
    return Event(name)


def judge_listed(
    record: NightRecord, listing: NightListing, rules: ReadinessRules, now: float, root: Path
) -> Ready | Wait:
    """Whether a filling night may settle, by the host's own times, for a single listing."""
    folder = root / record.night.folder
    judged, _ = judge_filling(
        Observation(record),
        rules,
        now,
        root=root,
        listing=listing,
        still_s=still_seconds(listing, now),
        check_cubes=lambda listed: (check_cube(folder, cube) for cube in cube_files(listed.files)),
    )
    return judged


def judge_filling(
    seen: Observation,
    rules: ReadinessRules,
    now: float,
    *,
    root: Path,
    listing: NightListing,
    still_s: float,
    check_cubes: Callable[[NightListing], Iterable[CubeCheck]],
) -> tuple[Ready | Wait, StreamsObservation]:
    """Whether a filling night may settle, and what was seen of its streams.

    ``still_s`` is how long the listing has been unchanged; ``check_cubes`` reads its cubes.
    """
    night = seen.record.night
    traces = old_tool_traces(root, night)
    streams = StreamsObservation(
        cubes=sum(1 for _ in cube_files(listing.files)),
        unfinished=tuple(file.path for file in unfinished_files(listing.files)),
        still_s=still_s,
        traces=tuple(trace for trace in traces if trace != LOG_TRACE),
        lasting_traces=tuple(trace for trace in traces if trace == LOG_TRACE),
    )
    for look_closer in (_look_for_writers, _look_into_cubes):
        judged = judge_readiness(replace(seen, streams=streams), rules, now)
        if not isinstance(judged, Ready):
            return judged, streams
        streams = look_closer(streams, root / night.folder, lambda: check_cubes(listing))
    return judge_readiness(replace(seen, streams=streams), rules, now), streams


def still_seconds(listing: NightListing, now: float) -> float:
    """How long nothing has changed by the host's own times, for a single listing.

    A file that was moved in may be old; its folder's mtime shows when it came.
    """
    return now - max(listing.latest_s, listing.renamed_s)


def _look_for_writers(
    streams: StreamsObservation, folder: Path, _: Callable[[], Iterable[CubeCheck]]
) -> StreamsObservation:
    return replace(streams, written=is_being_written(folder))


def _look_into_cubes(
    streams: StreamsObservation, _: Path, check_cubes: Callable[[], Iterable[CubeCheck]]
) -> StreamsObservation:
    checks = tuple(check_cubes())
    carried = next((check.frame_id for check in checks if check.frame_id), None)
    return replace(
        streams,
        incomplete=tuple(
            IncompleteCube(check.path, check.incomplete) for check in checks if check.incomplete
        ),
        lasting_traces=(
            *streams.lasting_traces,
            *([f"FRAMEID {carried} in a raw header"] if carried else []),
        ),
    )
