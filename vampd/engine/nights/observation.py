"""Observing a night for the rule of readiness: cheap checks first, expensive ones on demand.

Listing costs one stat per file; writers are found in /proc; whether cubes are complete is read from
their headers and timing files, once nothing else stands in the way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from vampd.disk.named_errors import path_named
from vampd.disk.refusal import Cause, PathAccess, classify, describe_refused, misplaced
from vampd.engine.nights.night_listing import (
    CubeCheck,
    NightListing,
    check_cube,
    cube_files,
    is_being_written,
    list_night,
    unfinished_files,
)
from vampd.engine.nights.old_traces import old_tool_traces
from vampd.engine.nights.presence import refuse_absent
from vampd.errors import DataError, TransientError
from vampd.model.cubes import RawCube, RawPresence, set_aside_cubes
from vampd.model.nights import (
    Event,
    EventName,
    FileStamp,
    IncompleteCube,
    NightId,
    NightRecord,
    NightUpdate,
    Observation,
    ReadinessRules,
    Ready,
    Status,
    StatusRow,
    StreamsObservation,
    Wait,
    WaitCode,
    advance,
    event_of_new_data,
    find_next_for_ids,
    is_lasting,
    judge_readiness,
)
from vampd.ports import NightReader
from vampd.stages.raw_presence import is_folder_ahead, survey_raw


def judge_night(
    record: NightRecord,
    records: Iterable[NightRecord],
    rules: ReadinessRules,
    now: float,
    root: Path,
    reader: NightReader,
) -> Ready | Wait:
    """Whether a night of ``records`` may begin, for a single query; OSError.

    One that has settled is judged as filling if new data came since, as whoever runs it will.
    """
    if record.state.status is Status.FILLING:
        listing = list_night(root / record.night.folder)
        return judge_listed(record, listing, rules, now, root, reader)
    if record.state.status in (Status.READY, Status.WAITING):
        listing = list_night(root / record.night.folder)
        event = read_raw_news(record, listing, reader).event
        if event is not None:
            filling = replace(record, state=advance(record.night.kind, record.state, event))
            return judge_listed(filling, listing, rules, now, root, reader)
    return judge_readiness(Observation(record, find_next_for_ids(records, rules)), rules, now)


# The codes of cubes that were not read.
_UNREAD = frozenset({"link", "unreadable", "timing_unreadable"})
_NO_CHANGE = NightUpdate()


def wait_for_folder(error: OSError, folder: Path) -> Wait:
    """What a night waits for whose folder, or a file that decides about it, cannot be read."""
    path = path_named(error) or folder
    if classify(error) is Cause.PERMISSION:
        return Wait(WaitCode.NOT_READABLE, describe_refused(path, PathAccess.READ))
    found = misplaced(error, path)
    if found is not None:
        return Wait(WaitCode.UNLISTED, f"cannot be read: {found.message}")
    return Wait(WaitCode.UNLISTED, f"{path} cannot be read: {error.strerror or error}")


@dataclass(frozen=True)
class RawNews:
    """What a listing says of a night that has settled before.

    ``event`` if it has raw files that sync has not seen; ``changes`` if raw cubes were removed.
    """

    event: Event | None = None
    changes: NightUpdate = _NO_CHANGE


def read_raw_news(record: NightRecord, listing: NightListing, reader: NightReader) -> RawNews:
    """Compare a listing with what sync saw last; the records are read only if they differ.

    TransientError ``night_absent``: from a folder that is not the night's, nothing is concluded.
    """
    name = event_of_new_data(record.state)
    if name is None or listing.look.signature == record.signature:
        return RawNews()
    refuse_absent(record, reader)
    presence = _presence(record.night, listing, reader) or RawPresence()
    if not presence.is_less_only:
        is_changed = name is EventName.REOPENED and presence.is_changed_only and not presence.lost
        return RawNews(Event(EventName.RETIMED if is_changed else name))
    known = replace(raw_update(presence), signature=listing.look.signature, bytes=listing.bytes)
    return RawNews(changes=known)


def is_readable_again(
    night: NightId,
    reader: NightReader,
    raw: Iterable[FileStamp],
    sign: Callable[[], None] = lambda: None,
) -> bool:
    """Whether a cube that was set aside because it could not be read can be read now.

    ``raw`` are the files of the camera streams. ``sign`` is called again and again meanwhile: each
    byte of a cube is read.
    """
    files = {file.path: file for file in raw}
    generations = reader.generations(night)
    # What has frames in products stays as it is.
    held = {
        part.cube for each in generations for product in each.products for part in product.ranges
    }
    for cube in set_aside_cubes(generations).values():
        if cube.code not in _UNREAD or cube.path not in files or cube.path in held:
            continue
        if not reader.reads_whole(night, files[cube.path], sign):
            continue
        with suppress(TransientError):
            seen = reader.raw_cube(night, files[cube.path])
            if isinstance(seen, RawCube) or seen.code not in _UNREAD:
                return True
    return False


def raw_update(presence: RawPresence) -> NightUpdate:
    """What a night's record keeps of its raw cubes."""
    purged = len(presence.purged)
    return NightUpdate(
        removed_cubes=len(presence.removed) - purged,
        purged_cubes=purged,
        kept_cubes=presence.kept,
    )


def _presence(night: NightId, listing: NightListing, reader: NightReader) -> RawPresence | None:
    try:
        return survey_raw(night, reader, listing.files)
    except DataError:
        # The next stage names what is damaged; nothing is concluded from it.
        return None


def judge_listed(
    record: NightRecord,
    listing: NightListing,
    rules: ReadinessRules,
    now: float,
    root: Path,
    reader: NightReader,
    seen_still_s: float = 0.0,
) -> Ready | Wait:
    """Whether a filling night may settle, by the host's own times, for a single listing.

    Times of the future say nothing: then only ``seen_still_s`` counts, for how long the caller has
    seen no change.
    """
    folder = root / record.night.folder
    judged, _ = judge_filling(
        Observation(record),
        rules,
        now,
        root=root,
        listing=listing,
        still_s=seen_still_s if listing.is_of_future(now) else still_seconds(listing, now),
        check_cubes=lambda listed: (check_cube(folder, cube) for cube in cube_files(listed.files)),
        reader=reader,
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
    reader: NightReader,
    old_rows: Mapping[NightId, StatusRow] | None = None,
) -> tuple[Ready | Wait, StreamsObservation]:
    """Whether a filling night may settle, and what was seen of its streams.

    ``still_s`` is how long the listing has been unchanged; ``check_cubes`` gives the checks of its
    cubes, without those that are yet to be checked; ``old_rows`` are those of the old tools' logs,
    if these were read already.
    """
    night = seen.record.night
    traces = old_tool_traces(root, night, old_rows)
    streams = StreamsObservation(
        cubes=sum(1 for _ in cube_files(listing.files)),
        unfinished=tuple(file.path for file in unfinished_files(listing.files)),
        still_s=still_s,
        traces=tuple(trace for trace in traces if not is_lasting(trace)),
        lasting_traces=tuple(trace for trace in traces if is_lasting(trace)),
    )
    if not streams.cubes and not streams.unfinished:
        refuse_absent(seen.record, reader)
        presence = _presence(night, listing, reader)
        streams = replace(
            streams,
            removed=0 if presence is None else len(presence.removed) * presence.is_less_only,
            is_record_damaged=presence is None
            or (bool(presence.lost) and is_folder_ahead(night, reader)),
            strays=(
                *(file.path for file in listing.files if not _name_of(file.path).startswith(".")),
                *(f"{path}/" for path in listing.folders),
            ),
        )
    for look_closer in (_look_for_writers, _look_into_cubes):
        judged = judge_readiness(replace(seen, streams=streams), rules, now)
        if not isinstance(judged, Ready):
            return judged, streams
        streams = look_closer(streams, root / night.folder, lambda: check_cubes(listing))
    return judge_readiness(replace(seen, streams=streams), rules, now), streams


def _name_of(path: str) -> str:
    return path.rpartition("/")[2]


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
        unchecked=streams.cubes - len(checks),
        incomplete=tuple(
            IncompleteCube(check.path, check.incomplete) for check in checks if check.incomplete
        ),
        lasting_traces=(
            *streams.lasting_traces,
            *([f"FRAMEID {carried} in a raw header"] if carried else []),
        ),
    )
