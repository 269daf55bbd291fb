"""The records of a night: its row, a row of its history, and an update of the former."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from types import NoneType
from typing import Any

from vampd.model.nights.night import NightId
from vampd.model.nights.state import Event, EventName, Gate, StageName, State


# Thousands are read at once: with a dictionary each, as more than thirty fields have it, five times
# as large.
@dataclass(frozen=True, slots=True)
class NightRecord:
    """What the store knows about a night; times are unix seconds, sizes bytes."""

    night: NightId
    state: State
    # Rises with every claim, and so fences late results.
    claim: int = 0
    # The last failure, or the reason of a hold: the stable code, and the text for people.
    code: str | None = None
    error: str | None = None
    # What the night waits for: a WaitCode, and the text for people.
    note_code: str | None = None
    note: str | None = None
    # The gates that a person has opened.
    released: frozenset[Gate] = frozenset()
    # Raw frames, and the size of the raw files.
    frames: int = 0
    bytes: int = 0
    # Progress of the last attempt: actions done of all that are planned ...
    done_actions: int = 0
    all_actions: int = 0
    # ... and, if it packs cubes, frames and raw bytes; or, if it sends, the bytes proven there.
    done_frames: int = 0
    all_frames: int = 0
    done_bytes: int = 0
    all_bytes: int = 0
    # The cubes or files that these are of.
    done_files: int = 0
    all_files: int = 0
    # The rate of the last minutes, 0 for none, and when all this was told.
    bytes_per_s: int = 0
    progressed_at: float | None = None
    # The digest of the raw listing that the last claimed sync saw; a different one means late data.
    signature: str | None = None
    discovered_at: float = 0.0
    # The last move of the state machine.
    changed_at: float = 0.0
    # When fpack, rsync and the reading at the archive host were done; None: not, or no longer.
    processed_at: float | None = None
    transferred_at: float | None = None
    safe_at: float | None = None
    # How many manifests it has; None before the first count.
    manifests: int | None = None
    # Which these are, in the form of SHA256SUMS; None before a version that keeps it has counted.
    manifest_sums: str | None = None
    # How many products sync has made of it; None before sync has ended once.
    products: int | None = None
    # Raw cubes that products or archive copies stand for and that are gone: removed by hand, or by
    # `vampctl purge`; and those that are left.
    removed_cubes: int = 0
    purged_cubes: int = 0
    kept_cubes: int = 0
    # Marked for deletion: raw may be purged from then on; None: not marked.
    purge_after: float | None = None
    # Raw files that the last attempt could not read, and those that a person let it go on without.
    refused: tuple[str, ...] = ()
    let_go: tuple[str, ...] = ()
    # What is unexpected in what sync made of it; None or '': nothing.
    verdict: str | None = None
    # What became of its frames, as `write_sync_sums`; None until sync has ended once.
    sync_sums: str | None = None
    # Where its frames went, as `write_frame_flow`; None until sync has ended once.
    frame_flow: str | None = None
    # It has failed so often that a person is needed, and is still tried.
    needs_person: bool = False

    @property
    def done_part(self) -> float | None:
        """The done fraction, by bytes; None if nothing is to be packed, sent or read."""
        return self.done_bytes / self.all_bytes if self.all_bytes else None

    def without_progress(self) -> NightRecord:
        """Without what was told of its last attempt, which may have been at another stage."""
        return replace(
            self,
            done_actions=0,
            all_actions=0,
            done_frames=0,
            all_frames=0,
            done_bytes=0,
            all_bytes=0,
            done_files=0,
            all_files=0,
            bytes_per_s=0,
        )


# Unix seconds beyond are no times of ours.
_LATEST_S = 1e11
_COUNTS = (
    "claim",
    "frames",
    "bytes",
    "done_actions",
    "all_actions",
    "done_frames",
    "all_frames",
    "done_bytes",
    "all_bytes",
    "done_files",
    "all_files",
    "bytes_per_s",
    "removed_cubes",
    "purged_cubes",
    "kept_cubes",
)
_TIMES = ("discovered_at", "changed_at")
_MAYBE_TIMES = ("processed_at", "transferred_at", "safe_at", "purge_after", "progressed_at")


_TYPES: dict[str, frozenset[type]] = {
    "attempts": frozenset({int}),
    "not_before": frozenset({int, float, NoneType}),
    **dict.fromkeys(_COUNTS, frozenset({int})),
    **dict.fromkeys(_TIMES, frozenset({int, float})),
    **dict.fromkeys(_MAYBE_TIMES, frozenset({int, float, NoneType})),
    **dict.fromkeys(("manifests", "products"), frozenset({int, NoneType})),
    **dict.fromkeys(("manifest_sums", "sync_sums", "frame_flow"), frozenset({str, NoneType})),
}
_ALL_TIMES = frozenset({"not_before", *_TIMES, *_MAYBE_TIMES})


def unsound_field(record: NightRecord) -> str | None:
    """The first field whose value cannot be what vampd wrote: not even of its type."""
    of_state = {"attempts": record.state.attempts, "not_before": record.state.not_before}
    for name in _TYPES:
        value = of_state[name] if name in of_state else getattr(record, name)
        if not is_sound_column(name, (value,)):
            return name
    return None


def is_sound_column(name: str, values: Sequence[Any]) -> bool:
    """Whether all of these could be what vampd wrote in this field of nights, or of their states.

    Asked of thousands at once, since `vampctl status` looks at every night.
    """
    if name not in _TYPES:
        return True
    if not _TYPES[name].issuperset(map(type, values)):
        return False
    known = [value for value in values if value is not None] if name in _ALL_TIMES else []
    return not known or -_LATEST_S < min(known) <= max(known) < _LATEST_S


@dataclass(frozen=True)
class Discovery:
    """A night that was found below the root, and what is known of it at once."""

    night: NightId
    # What the old tools left there, in words: it is legacy. None: it fills.
    traces: str | None = None
    # What it waits for: a WaitCode, and the text for people.
    note_code: str | None = None
    note: str | None = None


@dataclass(frozen=True)
class UnreadableNight:
    """A row of the database that is no night's record."""

    row: int
    # Its date and kind as they are written there.
    name: str
    why: str

    def __str__(self) -> str:
        return f"row {self.row} ({self.name}) of the nights cannot be read: {self.why}"


@dataclass(frozen=True)
class EventRecord:
    """One row of a night's history."""

    night: NightId
    # Unix seconds.
    at: float
    event: EventName
    # The night's stage when it happened.
    stage: StageName
    # The attempt that the event belongs to; for CLAIMED the new one.
    attempt: int
    code: str | None
    # `vampd`, or the person by name.
    actor: str
    message: str | None
    # The event's own, so that the history can be replayed: of RETRIED; of FAILED and MARKED.
    to_stage: StageName | None = None
    not_before: float | None = None

    @property
    def cause(self) -> Event:
        """The event for the state machine."""
        return Event(self.event, self.to_stage, self.not_before)


@dataclass(frozen=True)
class NightUpdate:
    """A change to a night's record other than its state; None leaves a field unchanged.

    The fields are those of NightRecord.
    """

    # '' removes the note.
    note_code: str | None = None
    note: str | None = None
    frames: int | None = None
    bytes: int | None = None
    done_actions: int | None = None
    all_actions: int | None = None
    done_frames: int | None = None
    all_frames: int | None = None
    done_bytes: int | None = None
    all_bytes: int | None = None
    done_files: int | None = None
    all_files: int | None = None
    bytes_per_s: int | None = None
    progressed_at: float | None = None
    signature: str | None = None
    processed_at: float | None = None
    transferred_at: float | None = None
    safe_at: float | None = None
    manifests: int | None = None
    manifest_sums: str | None = None
    products: int | None = None
    removed_cubes: int | None = None
    purged_cubes: int | None = None
    kept_cubes: int | None = None
    refused: tuple[str, ...] | None = None
    verdict: str | None = None
    sync_sums: str | None = None
    frame_flow: str | None = None
    needs_person: bool | None = None

    @property
    def known(self) -> dict[str, Any]:
        """What changes, by the name of the record's field."""
        return {name: value for name, value in vars(self).items() if value is not None}
