"""From looks to events: nights are discovered, settle, stir, and are reopened by late data.

Correct by itself at every periodic scan; file system events only hasten one. A finished night is
looked at only when a stream folder's own mtime changed, and slowly file by file.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from vampd.config import Settings
from vampd.disk.failpoint import failpoint
from vampd.engine.night_listing import (
    CubeCheck,
    NightListing,
    check_cube,
    cube_files,
    find_nights,
    is_being_written,
    list_night,
    old_tool_traces,
    stream_times,
    unfinished_files,
)
from vampd.errors import IllegalTransition
from vampd.log import get_log
from vampd.model.nights import (
    OLD_TOOLS,
    Event,
    EventName,
    FileStamp,
    NightId,
    NightRecord,
    NightUpdate,
    StageName,
    Status,
    Stillness,
    is_due,
    is_quiet,
    timing_name,
)
from vampd.ports import NightStore

_log = get_log()

# States in which data that sync has not seen send the night back to sync.
_REOPENABLE = frozenset({Status.READY, Status.WAITING, Status.DONE})

_CubeStamps = tuple[FileStamp, FileStamp | None]


class NightWatcher:
    """Keeps what was seen of each night since the daemon started.

    ``clock`` gives unix seconds, ``monotonic`` seconds of a clock that never jumps.
    """

    def __init__(
        self,
        store: NightStore,
        *,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._clock = clock
        self._monotonic = monotonic
        self._still: dict[NightId, Stillness] = {}
        self._checks: dict[NightId, dict[_CubeStamps, CubeCheck]] = {}
        self._stream_times: dict[NightId, tuple[int, ...]] = {}
        self._deep_looks: dict[NightId, float] = {}
        self.cameras_wrote_at = float("-inf")
        self.unsettled: frozenset[NightId] = frozenset()

    def scan(self, settings: Settings) -> Iterator[NightId]:
        """Look at every night once, yielding each, so that the caller stays in charge between.

        Afterwards ``cameras_wrote_at`` (unix seconds) and ``unsettled`` (nights that will settle by
        themselves) are up to date.
        """
        root = settings.watch.root
        unsettled: set[NightId] = set()
        # One question for all the nights that are done; what people may move is asked for anew.
        done = {r.night: r for r in self._store.nights() if r.state.status is Status.DONE}
        for night in find_nights(root):
            record = done.get(night) or self._store.night(night) or self._discover(night)
            try:
                if self._look_at(record, settings):
                    unsettled.add(night)
            except IllegalTransition:
                unsettled.add(night)  # a person was quicker; the next scan sees what they said
            except OSError as error:
                # One folder that cannot be read must not keep the others waiting.
                _log.warning(
                    "night.unreadable", night=night.date, kind=night.kind.value, error=str(error)
                )
                self._note(record, f"cannot be looked at: {error}")
            yield night
        self.unsettled = frozenset(unsettled)

    def _discover(self, night: NightId) -> NightRecord:
        record = self._store.discover(night, self._clock())
        failpoint("night_watcher.night.discovered")
        _log.info("night.discovered", night=night.date, kind=night.kind.value)
        return record

    def _look_at(self, record: NightRecord, settings: Settings) -> bool:
        """Look at one night; whether it is still to settle by itself."""
        if _is_ignored(record.night, settings):
            self._note(record, "older than watch.ignore_before: listed, never processed")
            return False
        if record.state.status is Status.DONE:
            return self._look_at_finished(record, settings)
        return self._look_at_open(record, settings)

    def _look_at_finished(self, record: NightRecord, settings: Settings) -> bool:
        """Look at a night that is done; whether late data have reopened it."""
        night, now = record.night, self._monotonic()
        times = stream_times(settings.watch.root / night.folder)
        # In the first round after a start nobody knows what happened meanwhile.
        due = self._deep_looks.get(night, float("-inf")) + settings.watch.deep_scan_every_s <= now
        if not due and self._stream_times.get(night) == times:
            return False
        self._deep_looks[night] = now
        self._stream_times[night] = times
        seen = self._look(night, settings)
        if seen.look.signature == record.signature:
            return False
        self._apply(night, Event(EventName.REOPENED), "late data")
        return True

    def _look_at_open(self, record: NightRecord, settings: Settings) -> bool:
        """Look at a night that is not done; whether it is still to settle by itself."""
        night, status = record.night, record.state.status
        if status is Status.HELD:
            return False
        seen = self._look(night, settings)
        if seen.bytes != record.bytes:
            self._store.update(night, NightUpdate(bytes=seen.bytes))
        if status is Status.FILLING:
            return self._look_at_filling(record, seen, settings)
        changed = seen.look.signature != record.signature
        if status in _REOPENABLE and record.state.stage is not StageName.SYNC and changed:
            self._apply(night, Event(EventName.REOPENED), "late data")
            return True
        if status is Status.READY and record.state.stage is StageName.SYNC:
            return self._stir(record, seen)
        return False

    def _look(self, night: NightId, settings: Settings) -> NightListing:
        seen = list_night(settings.watch.root / night.folder)
        now = self._monotonic()
        still = self._still.get(night)
        self._still[night] = (
            still.after(seen.look, now) if still else Stillness(seen.look.signature, now)
        )
        # A clock that is ahead on the host that writes must not pause us for ever.
        self.cameras_wrote_at = max(self.cameras_wrote_at, min(seen.latest_s, self._clock()))
        return seen

    def _stir(self, record: NightRecord, seen: NightListing) -> bool:
        """Whether a night that settled was written to again; then it fills again."""
        if record.signature in (None, seen.look.signature):
            return False
        self._apply(record.night, Event(EventName.STIRRED), "written to again")
        return True

    def _look_at_filling(self, record: NightRecord, seen: NightListing, settings: Settings) -> bool:
        night = record.night
        folder = settings.watch.root / night.folder
        if traces := old_tool_traces(settings.watch.root, night):
            self._hold(night, traces)
            return False
        unfinished = sum(1 for _ in unfinished_files(seen.files))
        if not unfinished and not any(cube_files(seen.files)):
            self._note(record, "no raw cubes yet")
            return False
        utc_now = datetime.fromtimestamp(self._clock(), UTC).replace(tzinfo=None)
        if not is_due(night, utc_now, settings.schedule.archive_not_before):
            hour = settings.schedule.archive_not_before
            self._note(record, f"starts at {hour:%H:%M} UT of its date")
            return False
        still_s = self._still[night].lasted_s(self._monotonic())
        if still_s < settings.watch.quiet_after_s or self._is_being_written(night, folder):
            self._note(record, "waits until nobody writes to it any more")
            return True
        checks = self._check_cubes(night, folder, seen)
        carried = sorted({check.frame_id for check in checks if check.frame_id})
        if carried:
            self._hold(night, [f"FRAMEID {carried[0]} in a raw header"])
            return False
        incomplete = unfinished + sum(not check.complete for check in checks)
        if not is_quiet(
            still_s,
            incomplete,
            quiet_after_s=settings.watch.quiet_after_s,
            stale_after_s=settings.watch.stale_s,
        ):
            self._note(record, f"waits for {incomplete} incomplete cubes")
            return True
        self._checks.pop(night, None)
        # Kept, so that also the next daemon sees what was written after this moment.
        self._store.update(night, NightUpdate(note="", signature=seen.look.signature))
        self._apply(night, Event(EventName.SETTLED), "quiet")
        return False

    def _is_being_written(self, night: NightId, folder: Path) -> bool:
        if not is_being_written(folder):
            return False
        self._still[night] = Stillness(self._still[night].signature, self._monotonic())
        return True

    def _check_cubes(self, night: NightId, folder: Path, seen: NightListing) -> list[CubeCheck]:
        """Check every cube; one whose file and timing file have not changed is not read again."""
        stamps = {file.path: file for file in seen.files}
        known = self._checks.get(night, {})
        fresh: dict[_CubeStamps, CubeCheck] = {}
        for cube in cube_files(seen.files):
            key = (cube, stamps.get(timing_name(cube.path)))
            fresh[key] = known[key] if key in known else check_cube(folder, cube)
        self._checks[night] = fresh
        return list(fresh.values())

    def _hold(self, night: NightId, traces: list[str]) -> None:
        message = (
            "the old tools have been here (" + ", ".join(traces[:4]) + "); nothing was touched:"
            " let them finish it, or restore the folder and retry"
        )
        self._apply(night, Event(EventName.HELD), message, code=OLD_TOOLS)

    def _note(self, record: NightRecord, note: str) -> None:
        if (record.note or "") != note:
            self._store.update(record.night, NightUpdate(note=note))

    def _apply(self, night: NightId, event: Event, why: str, code: str | None = None) -> None:
        self._store.apply(night, event, at=self._clock(), actor="vampd", code=code, message=why)
        failpoint("night_watcher.event.committed")
        level = _log.error if event.name is EventName.HELD else _log.info
        level(f"night.{event.name}", night=night.date, kind=night.kind.value, why=why, code=code)


def _is_ignored(night: NightId, settings: Settings) -> bool:
    before = settings.watch.ignore_before
    return before is not None and night.date < before
