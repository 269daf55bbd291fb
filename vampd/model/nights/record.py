"""What is on record of a night: its row, a row of its history, and a change to the former."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from vampd.model.nights.night import NightId
from vampd.model.nights.state import Event, EventName, Gate, StageName, State


@dataclass(frozen=True)
class NightRecord:
    """What the store knows of a night; times are unix seconds, sizes bytes."""

    night: NightId
    state: State
    # Rises with every claim, and so fences results that come late.
    claim: int = 0
    # The last failure, or the reason of a hold: the stable code, and the words for people.
    code: str | None = None
    error: str | None = None
    # What the night waits for: a WaitCode, and the words for people.
    note_code: str | None = None
    note: str | None = None
    # The gates that a person has opened to it.
    released: frozenset[Gate] = frozenset()
    # Raw frames, and the size of the raw files.
    frames: int = 0
    bytes: int = 0
    # How far the last attempt has come: actions done of all that it has planned ...
    done_actions: int = 0
    all_actions: int = 0
    # ... and, where it packs cubes, frames and raw bytes.
    done_frames: int = 0
    all_frames: int = 0
    done_bytes: int = 0
    all_bytes: int = 0
    # The digest of the raw listing that the last claimed sync saw; another one means late data.
    signature: str | None = None
    discovered_at: float = 0.0
    # The last move of the state machine.
    changed_at: float = 0.0
    # When fpack, rsync and the reading at the archive host were done; None: not, or not any more.
    processed_at: float | None = None
    transferred_at: float | None = None
    safe_at: float | None = None
    # How many manifests it has; None before the first look.
    manifests: int | None = None

    @property
    def done_part(self) -> float | None:
        """How much of what is packed is packed, by bytes; None where nothing is."""
        return self.done_bytes / self.all_bytes if self.all_bytes else None


@dataclass(frozen=True)
class EventRecord:
    """One row of a night's history."""

    night: NightId
    # Unix seconds.
    at: float
    event: EventName
    # Where the night stood when it happened.
    stage: StageName
    # The attempt that the event belongs to; for CLAIMED the new one.
    attempt: int
    code: str | None
    # `vampd`, or the person by name.
    actor: str
    message: str | None
    # The event's own, so that the history can be replayed: of RETRIED, and of FAILED.
    to_stage: StageName | None = None
    not_before: float | None = None

    @property
    def cause(self) -> Event:
        """The event as the state machine takes it."""
        return Event(self.event, self.to_stage, self.not_before)


@dataclass(frozen=True)
class NightUpdate:
    """A change to a night's record beside its state; None leaves a field as it is.

    The fields are those of NightRecord.
    """

    # '' for no note any more.
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
    signature: str | None = None
    processed_at: float | None = None
    transferred_at: float | None = None
    safe_at: float | None = None
    manifests: int | None = None
    # True takes `safe_at` back: the archive copy was read again and found damaged.
    unsafe: bool | None = None

    @property
    def known(self) -> dict[str, Any]:
        """What changes, by the name of the record's field."""
        changed = {name: value for name, value in vars(self).items() if value is not None}
        return {**changed, "safe_at": None} if changed.pop("unsafe", None) else changed
