"""The progress of an attempt, including inside cubes: for the store and the log."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Protocol

from vampd.disk.shared import SharedMeter
from vampd.errors import TransientError
from vampd.log import get_log
from vampd.model.nights import NightRecord, NightUpdate, refuse_stale_claim
from vampd.model.plan import Action, Hash, Pack, Plan, Send, TakeOver
from vampd.model.progress import RateMeter
from vampd.model.proofs import Digests, Place
from vampd.ports import NightStore, Pace

_log = get_log()
_REPORT_EVERY_S = 1.0
# Of what has not changed, as while cameras write: so that it is seen that it is still being told.
_REPEAT_EVERY_S = 10.0
_LOG_EVERY_S = 60.0


class WaveProgress(Protocol):
    """Hears how far a wave has come."""

    def done(self, action: Action) -> None:
        """An action is true now."""
        ...

    def look(self) -> None:
        """About a second has passed."""
        ...


@dataclass(frozen=True)
class _Weight:
    """What an action counts for: of packing cubes; of files, being proven at the archive."""

    files: int = 0
    frames: int = 0
    bytes: int = 0


class Progress:
    """Counts for one claimed night; ``meters`` are of the cubes being packed, by framelist.

    ``packers`` says which hosts pack them, where it is not this machine alone.
    """

    def __init__(
        self,
        record: NightRecord,
        store: NightStore,
        meters: dict[str, SharedMeter],
        pace: Pace,
        clock: Callable[[], float] = time.time,
        packers: Callable[[], tuple[str, ...]] = lambda: (),
    ) -> None:
        self._record = record
        self._store = store
        self._meters = meters
        self._pace = pace
        self._clock = clock
        self._packers = packers
        self._has_noted = False
        self._rate = RateMeter()
        self._looked_at = 0.0
        self._reported: NightUpdate | None = None
        self._reported_at = 0.0
        # What the store counted when the claim was looked at last.
        self._counter = -1
        self._logged_at = time.monotonic()
        self.actions = self.frames = self.bytes = 0
        self._files = 0
        self._all_actions = self._all_files = self._all_frames = self._all_bytes = 0

    def begin(self, plan: Plan) -> None:
        """Add a plan to what was done before."""
        weights = [_weight_of(action) for wave in plan.waves for action in wave]
        self._meters.clear()
        self._all_actions = self.actions + len(plan)
        self._all_files = self._files + sum(weight.files for weight in weights)
        self._all_frames = self.frames + sum(weight.frames for weight in weights)
        self._all_bytes = self.bytes + sum(weight.bytes for weight in weights)
        self._report()

    def done(self, action: Action) -> None:
        """An action is done."""
        self.actions += 1
        if isinstance(action, Pack):
            self._meters.pop(action.framelist, None)
        weight = _weight_of(action)
        self._files += weight.files
        self.frames += weight.frames
        self.bytes += weight.bytes
        self.look()

    def look(self) -> None:
        """Report to the store, if it is time to; ClaimLost if the night is no longer ours."""
        if time.monotonic() - self._looked_at >= _REPORT_EVERY_S:
            # A busy store gets it the next time: no work fails for that.
            with suppress(TransientError):
                self._report()

    def _report(self) -> None:
        now = self._looked_at = time.monotonic()
        # A copy: cubes begin in other threads.
        counts = [meter.counts for meter in tuple(self._meters.values())]
        done_bytes = self.bytes + sum(size for _, size in counts)
        self._rate.look(now, done_bytes, is_paused=self._pace.paused)
        changes = NightUpdate(
            done_actions=self.actions,
            all_actions=self._all_actions,
            done_frames=self.frames + sum(frames for frames, _ in counts),
            all_frames=self._all_frames,
            done_bytes=done_bytes,
            all_bytes=self._all_bytes,
            done_files=self._files,
            all_files=self._all_files,
            bytes_per_s=self._rate.bytes_per_s,
            note=self._note(),
        )
        if changes == self._reported and now - self._reported_at < _REPEAT_EVERY_S:
            self._refuse_lost_claim()
        else:
            told = replace(changes, progressed_at=self._clock())
            self._store.update(self._record.night, told, claim=self._record.claim)
            self._reported, self._reported_at = changes, now
        if now - self._logged_at >= _LOG_EVERY_S:
            self._logged_at = now
            _log.info("stage.progressed", **replace(changes, note=None).known)

    def _note(self) -> str | None:
        """Who packs, None to leave the night's note as it is."""
        packers = self._packers()
        if packers:
            self._has_noted = True
            return f"packing on {', '.join(packers)}"
        return "" if self._has_noted else None

    def _refuse_lost_claim(self) -> None:
        """ClaimLost if the night is no longer ours; it is read only where anything was written."""
        counter = self._store.change_counter()
        if counter != self._counter:
            record = self._store.night(self._record.night)
            if record is not None:
                refuse_stale_claim(record, self._record.claim)
            self._counter = counter


def _weight_of(action: Action) -> _Weight:
    match action:
        case Pack():
            return _Weight(1, action.frames, action.bytes)
        case TakeOver():
            return _Weight(1, 0, action.bytes)
        # What is sent counts when it was read there; reading here comes before.
        case Send(files):
            return _Weight(len(files), 0, action.bytes)
        case Hash(files, place, digests) if _is_counted(place, digests):
            return _Weight(len(files), 0, action.bytes)
        case _:
            return _Weight()


def _is_counted(place: Place, digests: Digests) -> bool:
    return place is Place.ARCHIVE or digests is Digests.SHA256_AND_MD5
