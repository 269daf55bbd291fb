"""Whether a night may start now, and otherwise what it waits for.

The one rule, for all callers: the daemon, `vampctl run` and `process-all`, `plan` and `why`. A
person's request differs only in its settings (`for_person`), never in the rule itself.

One module, however long: no part of the rule stands anywhere else.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time
from enum import StrEnum

from vampd.model.nights.night import Kind, NightId
from vampd.model.nights.quiet import is_due, is_quiet
from vampd.model.nights.record import NightRecord, NightUpdate
from vampd.model.nights.state import Gate, StageName, Status

_BEFORE_IDS = frozenset({StageName.SYNC, StageName.HEADERS, StageName.FRAMEIDS})
_LISTED = 3
# As much of another night's reason as a note has room for.
_LONGEST_REASON = 120
# Where a message goes on from what it says to what it advises.
_CLAUSE_END = re.compile(r"[;:,.](?=\s)|\(")
# Held for an entry that is none of vampd's: what lies there says nothing of the other nights.
_FOREIGN = frozenset({"already_exists", "link_found", "not_a_file"})
# Two daemons, or two reads of a clock that is being set, may differ by this much.
_CLOCK_SLACK_S = 2.0


class WaitCode(StrEnum):
    """What a night waits for."""

    ROOT_UNKNOWN = "root_unknown"  # the root is not the one on record, perhaps not mounted
    IGNORED = "night_ignored"  # older than watch.ignore_before
    UNLISTED = "night_unreadable"  # its folder cannot be listed
    NOT_READABLE = "not_readable"  # this user may not read it; also the code of a failed attempt
    OLD_TOOLS = "old_tools"  # it holds their traces; also the code of the hold
    LEGACY = "legacy"  # it is a night of the old tools
    DAMAGED_HERE = "damaged_here"  # a finished night's products are not all as they were proven
    BUG = "bug"  # looking at it failed, and it could not be held for that
    NO_CUBES = "no_cubes"
    UNKNOWN_FILES = "unknown_files"  # no cube, but files that are neither cubes nor hidden
    BEFORE_HOUR = "before_hour"  # schedule.archive_not_before
    STILL_WRITTEN = "still_written"
    BEING_CHECKED = "being_checked"  # its cubes are being opened, one after the other
    INCOMPLETE_CUBES = "incomplete_cubes"  # they may still become complete
    NO_AUTHORITY = "no_authority"  # frameids.authority is "none"; also the code of the attempt
    OLDER_NIGHT = "older_night"  # it takes its frame IDs first
    RETRY_LATER = "retry_later"
    RUNNING = "running"
    HELD = "held"
    DONE = "done"


# The notes of a night of which not enough could be read to judge it.
UNREAD_NOTES = frozenset({WaitCode.UNLISTED, WaitCode.NOT_READABLE})
# The notes of a filling night that has no cube.
_WITHOUT_CUBES = frozenset({WaitCode.NO_CUBES, WaitCode.UNKNOWN_FILES})
# These pass without a person, new data or a later hour.
_PASSING = frozenset(
    {
        WaitCode.STILL_WRITTEN,
        WaitCode.BEING_CHECKED,
        WaitCode.INCOMPLETE_CUBES,
        WaitCode.RETRY_LATER,
    }
)


@dataclass(frozen=True)
class Ready:
    """Nothing blocks it: a filling night may settle, a settled one may be claimed."""

    # Cubes of a filling night that are incomplete and no longer block it.
    incomplete: tuple[str, ...] = ()

    def reason(self, whole: str, incomplete: str = "unchanged for watch.stale_after_s") -> str:
        """Why it settles, for its history: ``whole``, or ``incomplete`` and without which cubes."""
        return f"{incomplete}, without {_named(self.incomplete)}" if self.incomplete else whole


@dataclass(frozen=True)
class Wait:
    """What a night waits for: a stable code, and the text for people."""

    code: WaitCode
    text: str
    # What the text counts, in full.
    subjects: tuple[str, ...] = ()

    @property
    def passes(self) -> bool:
        """Whether it soon passes by itself."""
        return self.code in _PASSING


def note_of(wait: Wait | None) -> NightUpdate:
    """The update that leaves this, or nothing, as the record's note."""
    if wait is None:
        return NightUpdate(note_code="", note="")
    return NightUpdate(note_code=wait.code.value, note=wait.text)


@dataclass(frozen=True)
class IncompleteCube:
    """A raw cube that may still become complete."""

    path: str
    # What is wrong with it now, as a set-aside code.
    code: str

    def __str__(self) -> str:
        return f"{self.path} ({self.code})"


@dataclass(frozen=True)
class StreamsObservation:
    """What was seen of the camera streams of a filling night."""

    # Raw cubes under their final names, and those that still have their logger's temporary one.
    cubes: int
    unfinished: tuple[str, ...]
    # How long nothing has changed.
    still_s: float
    # Whether some process has a file open for writing; None: not checked yet.
    written: bool | None = None
    # Cubes that may still become complete; None: not checked yet.
    incomplete: tuple[IncompleteCube, ...] | None = None
    # Cubes that are yet to be checked.
    unchecked: int = 0
    # Traces of the old tools, and those that a restored folder keeps.
    traces: tuple[str, ...] = ()
    lasting_traces: tuple[str, ...] = ()
    # Cubes that were removed when they were in products already.
    removed: int = 0
    # What says which were removed is damaged, or the folder is ahead: the stages name or mend it.
    is_record_damaged: bool = False
    # Other files than cubes, looked for where there is no cube.
    strays: tuple[str, ...] = ()


@dataclass(frozen=True)
class Observation:
    """The input of the rule."""

    record: NightRecord
    # The oldest archive night that has yet to take its frame IDs, if any.
    next_for_ids: NightRecord | None = None
    # Needed only for a filling night.
    streams: StreamsObservation | None = None


@dataclass(frozen=True)
class ReadinessRules:
    """The settings that decide."""

    # Nights before this date are listed and never processed.
    ignore_before: str | None
    # UT on the night's own date, for archive nights; None: any hour.
    archive_not_before: time | None
    quiet_after_s: float
    # After that, incomplete cubes do not block.
    stale_after_s: float
    grants_frame_ids: bool
    # No failure is waited for longer, whatever is on record.
    max_delay_s: float = float("inf")

    def for_person(self, *, still_s: float) -> ReadinessRules:
        """For a person who requests this night now: at any hour, and after a shorter pause."""
        return replace(
            self, archive_not_before=None, quiet_after_s=min(still_s, self.quiet_after_s)
        )

    def as_it_is(self) -> ReadinessRules:
        """For a person who declares the night complete: what is incomplete stays so."""
        return replace(self, stale_after_s=self.quiet_after_s)


def judge_readiness(seen: Observation, rules: ReadinessRules, now: float) -> Ready | Wait:
    """Whether the night may begin, ``now`` in unix seconds.

    Where ``streams`` has None for something not checked yet, the answer is as if nothing were
    found: before a night settles, check it and ask again.
    """
    record = seen.record
    if is_ignored(record.night, rules):
        return Wait(
            WaitCode.IGNORED,
            f"older than watch.ignore_before ({rules.ignore_before}): listed, never processed",
        )
    match record.state.status:
        case Status.FILLING:
            return _judge_filling(record, seen.streams, rules, now)
        case Status.READY | Status.WAITING:
            return _judge_settled(seen, rules, now)
        case Status.RUNNING:
            return Wait(WaitCode.RUNNING, "it is running")
        case Status.HELD:
            return Wait(WaitCode.HELD, f"held: {record.code or 'without a reason'}")
        case Status.DONE:
            return Wait(WaitCode.DONE, "nothing left to do")
        case Status.LEGACY:
            return Wait(WaitCode.LEGACY, record.note or describe_legacy(()))


def describe_legacy(traces: Sequence[str]) -> str:
    """What is said of a night of the old tools, by what they left there."""
    left = f" ({', '.join(traces[:_LISTED])})" if traces else ""
    return f"a night of the old tools{left}: nothing is touched"


def is_ignored(night: NightId, rules: ReadinessRules) -> bool:
    """Whether the settings exclude this night from processing."""
    return rules.ignore_before is not None and night.date < rules.ignore_before


def find_next_for_ids(records: Iterable[NightRecord], rules: ReadinessRules) -> NightRecord | None:
    """The oldest archive night that has yet to take its frame IDs.

    Nights that never will, as far as is known, do not count: ignored ones, those of the old tools
    or held for a foreign entry, and those without a cube, or a product, that an ID could be for.
    """
    return min(
        (record for record in records if _still_takes_ids(record, rules)),
        key=lambda record: record.night,
        default=None,
    )


def _still_takes_ids(record: NightRecord, rules: ReadinessRules) -> bool:
    status, stage = record.state.status, record.state.stage
    empty = status is Status.FILLING and (not record.bytes or record.note_code in _WITHOUT_CUBES)
    # One that is at sync may make products of what is new.
    barren = record.products == 0 and (status is Status.HELD or stage is not StageName.SYNC)
    foreign = status is Status.HELD and record.code in _FOREIGN
    return (
        record.night.kind is Kind.ARCHIVE
        and stage in _BEFORE_IDS
        and status is not Status.LEGACY
        and record.code != WaitCode.OLD_TOOLS
        and not is_ignored(record.night, rules)
        and not (empty or barren or foreign)
    )


def _judge_filling(
    record: NightRecord, streams: StreamsObservation | None, rules: ReadinessRules, now: float
) -> Ready | Wait:
    if streams is None:
        return Wait(WaitCode.STILL_WRITTEN, "still being written, or before its hour")
    night, traces = record.night, streams.traces
    if Gate.OLD_TOOLS not in record.released:
        traces += streams.lasting_traces
    if traces:
        return Wait(
            WaitCode.OLD_TOOLS,
            f"the old tools were here ({', '.join(traces[:4])}); nothing was touched:"
            f" switch them off, then `vampctl restore {night.date}`, or, if they processed it,"
            f" `vampctl adopt {night.date}`",
            traces,
        )
    has_cubes = bool(streams.cubes or streams.unfinished)
    if not (has_cubes or streams.removed or streams.is_record_damaged):
        return _judge_without_cubes(streams.strays)
    hour = rules.archive_not_before
    utc_now = datetime.fromtimestamp(now, UTC).replace(tzinfo=None)
    if hour is not None and not is_due(night, utc_now, hour):
        return Wait(WaitCode.BEFORE_HOUR, f"starts at {hour:%H:%M} UT of its date")
    if streams.still_s < rules.quiet_after_s or streams.written:
        return Wait(WaitCode.STILL_WRITTEN, "waits until writing to it has ended")
    if streams.unchecked:
        checked = streams.cubes - streams.unchecked
        return Wait(
            WaitCode.BEING_CHECKED,
            f"its cubes are being checked: {checked:,} of {streams.cubes:,} so far",
        )
    incomplete = (*streams.unfinished, *map(str, streams.incomplete or ()))
    if not is_quiet(
        streams.still_s,
        len(incomplete),
        quiet_after_s=rules.quiet_after_s,
        stale_after_s=rules.stale_after_s,
    ):
        return Wait(WaitCode.INCOMPLETE_CUBES, f"waits for {_named(incomplete)}", incomplete)
    return Ready(incomplete)


def _judge_without_cubes(strays: tuple[str, ...]) -> Wait:
    if not strays:
        return Wait(WaitCode.NO_CUBES, "no raw cubes yet")
    files = "a file that is none" if len(strays) == 1 else f"{len(strays):,} files that are none"
    return Wait(
        WaitCode.UNKNOWN_FILES,
        f"no raw cubes, but {files}: {_listed(strays)}; give a cube its logger's name (x.fits by"
        " x.txt), and move away what is not the loggers'",
        strays,
    )


def _named(incomplete: tuple[str, ...]) -> str:
    count = len(incomplete)
    return f"{count} incomplete {'cube' if count == 1 else 'cubes'}: {_listed(incomplete)}"


def _listed(subjects: tuple[str, ...]) -> str:
    more = f" and {len(subjects) - _LISTED} more" if len(subjects) > _LISTED else ""
    return f"{', '.join(subjects[:_LISTED])}{more}"


def _judge_settled(seen: Observation, rules: ReadinessRules, now: float) -> Ready | Wait:
    record, older = seen.record, seen.next_for_ids
    if record.state.stage is StageName.FRAMEIDS:
        # Whether it needs any, its first attempt finds out: products may have theirs already.
        if not rules.grants_frame_ids and record.code == WaitCode.NO_AUTHORITY:
            return Wait(WaitCode.NO_AUTHORITY, 'waits for frame IDs: frameids.authority is "none"')
        passes = Gate.OLDER_NIGHTS in record.released or not rules.grants_frame_ids
        if older is not None and older.night < record.night and not passes:
            return Wait(
                WaitCode.OLDER_NIGHT,
                f"waits for the older night {older.night.date} to get its IDs{_obstacle(older)};"
                f" `vampctl release {record.night.date}` lets this one pass",
            )
    if (wait_s := remaining_wait_s(record, now, rules.max_delay_s)) > 0:
        return Wait(WaitCode.RETRY_LATER, f"failed; retried in {wait_s:.0f} s")
    return Ready()


def _obstacle(older: NightRecord) -> str:
    """What an older night itself waits for, where that does not pass soon."""
    asked = f"; `vampctl why {older.night.date}` shows why"
    match older.state.status:
        case Status.HELD:
            return f", which is held ({_reason(older)}){asked}"
        case _ if older.note_code in UNREAD_NOTES:
            return f", which cannot be read ({older.note_code}){asked}"
        case Status.WAITING:
            return f", which failed ({_reason(older)}) and is tried again{asked}"
        case Status.FILLING if older.note_code:
            return f", which is not complete ({older.note_code}){asked}"
        case _:
            return ""


def _reason(record: NightRecord) -> str:
    """Why a night is held or failed: its code and the beginning of its message, in one line."""
    lines = [line.strip() for line in (record.error or "").splitlines() if line.strip()]
    # Of a traceback its last line names the error.
    error = lines[-1] if lines and lines[0].startswith("Traceback") else " ".join(lines)
    # What is to be typed there is no command for the night that waits: its clause is left out.
    said, command, _ = error.partition("`")
    if command:
        ends = [end.start() for end in _CLAUSE_END.finditer(said)]
        error = said[: ends[-1]].rstrip() if ends else ""
    if len(error) > _LONGEST_REASON:
        error = error[:_LONGEST_REASON].rpartition(" ")[0] + " ..."
    return ": ".join(part for part in (record.code, error) if part) or "without a reason"


def remaining_wait_s(record: NightRecord, now: float, max_delay_s: float = float("inf")) -> float:
    """Seconds until a failed night is tried again; 0 if it may be tried now.

    A time further off than any delay, or of an event that is yet to come, is from a clock that was
    wrong: nothing is known of it but that it failed.
    """
    not_before = record.state.not_before
    if record.state.status is not Status.WAITING or not_before is None:
        return 0.0
    remaining_s = not_before - now
    is_believed = remaining_s <= max_delay_s and record.changed_at <= now + _CLOCK_SLACK_S
    return max(0.0, remaining_s) if is_believed else 0.0
