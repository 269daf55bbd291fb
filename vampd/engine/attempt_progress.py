"""The progress of an attempt, including inside cubes: for the store and the log."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Protocol

from vampd.disk.shared import SharedMeter
from vampd.errors import TransientError
from vampd.log import get_log
from vampd.model.nights import NightRecord, NightUpdate
from vampd.model.plan import Action, Pack, Plan
from vampd.ports import NightStore

_log = get_log()
_REPORT_EVERY_S = 1.0
_LOG_EVERY_S = 60.0


class WaveProgress(Protocol):
    """Hears how far a wave has come."""

    def done(self, action: Action) -> None:
        """An action is true now."""
        ...

    def look(self) -> None:
        """About a second has passed."""
        ...


class Progress:
    """Counts for one claimed night; ``meters`` are of the cubes being packed, by framelist."""

    def __init__(
        self, record: NightRecord, store: NightStore, meters: dict[str, SharedMeter]
    ) -> None:
        self._record = record
        self._store = store
        self._meters = meters
        self._reported_at = 0.0
        self._logged_at = time.monotonic()
        self.actions = self.frames = self.bytes = 0
        self._all_actions = self._all_frames = self._all_bytes = 0

    def begin(self, plan: Plan) -> None:
        """Add a plan to what was done before."""
        packs = [action for wave in plan.waves for action in wave if isinstance(action, Pack)]
        self._meters.clear()
        self._all_actions = self.actions + len(plan)
        self._all_frames = self.frames + sum(pack.frames for pack in packs)
        self._all_bytes = self.bytes + sum(pack.bytes for pack in packs)
        self._report()

    def done(self, action: Action) -> None:
        """An action is done."""
        self.actions += 1
        if isinstance(action, Pack):
            self._meters.pop(action.framelist, None)
            self.frames += action.frames
            self.bytes += action.bytes
        self.look()

    def look(self) -> None:
        """Report to the store, if it is time to; ClaimLost if the night is no longer ours."""
        if time.monotonic() - self._reported_at >= _REPORT_EVERY_S:
            # A busy store gets it the next time: no work fails for that.
            with suppress(TransientError):
                self._report()

    def _report(self) -> None:
        now = self._reported_at = time.monotonic()
        # A copy: cubes begin in other threads.
        counts = [meter.counts for meter in tuple(self._meters.values())]
        changes = NightUpdate(
            done_actions=self.actions,
            all_actions=self._all_actions,
            done_frames=self.frames + sum(frames for frames, _ in counts),
            all_frames=self._all_frames,
            done_bytes=self.bytes + sum(size for _, size in counts),
            all_bytes=self._all_bytes,
        )
        self._store.update(self._record.night, changes, claim=self._record.claim)
        if now - self._logged_at >= _LOG_EVERY_S:
            self._logged_at = now
            _log.info("stage.progressed", **changes.known)
