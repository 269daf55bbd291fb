"""From scans to events: nights are discovered, settle, stir, and are reopened by late data.

Correct with periodic scans alone; file system events only hasten one. A finished night is
checked only when a stream folder's own mtime changed, and slowly file by file.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from enum import StrEnum
from pathlib import Path

from vampd.config import Settings
from vampd.disk.failpoint import failpoint
from vampd.engine.nights.night_listing import (
    CubeCheck,
    NightListing,
    check_cube,
    cube_files,
    find_nights,
    list_night,
    stream_times,
)
from vampd.engine.nights.observation import (
    is_readable_again,
    judge_filling,
    read_raw_news,
    wait_for_folder,
)
from vampd.engine.nights.rules import readiness_rules
from vampd.engine.root_guard import RootGuard
from vampd.errors import IllegalTransition, RootUnknown
from vampd.log import get_log
from vampd.model.nights import (
    UNREAD_NOTES,
    Event,
    EventName,
    FileStamp,
    NightId,
    NightRecord,
    NightUpdate,
    Observation,
    Ready,
    Status,
    Stillness,
    Wait,
    WaitCode,
    is_ignored,
    judge_readiness,
    note_of,
    timing_name,
)
from vampd.ports import NightReader, NightStore
from vampd.stages.own_files import describe_own_faults

_log = get_log()

_LOGGED = {
    EventName.HELD: "night.held",
    EventName.REOPENED: "night.reopened",
    EventName.SETTLED: "night.settled",
    EventName.STIRRED: "night.stirred",
}

_NEW_DATA = {EventName.REOPENED: "late data", EventName.STIRRED: "written to again"}

_CubeStamps = tuple[FileStamp, FileStamp | None]


class Watching(StrEnum):
    """How often nights are scanned."""

    ON = "on"
    # A first scan sees no stillness: it settles no night, and says of none that it is written to.
    ONCE = "once"


class NightWatcher:
    """Keeps what was seen of each night since the daemon started.

    ``clock`` gives unix seconds, ``monotonic`` seconds of a clock that never jumps.
    """

    def __init__(
        self,
        store: NightStore,
        reader: NightReader,
        root: RootGuard,
        *,
        watching: Watching = Watching.ON,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._reader = reader
        self._root = root
        self._watching = watching
        self._clock = clock
        self._monotonic = monotonic
        self._still: dict[NightId, Stillness] = {}
        self._checks: dict[NightId, dict[_CubeStamps, CubeCheck]] = {}
        self._stream_times: dict[NightId, tuple[int, ...]] = {}
        self._deep_looks: dict[NightId, float] = {}
        self.cameras_wrote_at = float("-inf")
        self.unsettled: frozenset[NightId] = frozenset()
        # What every night waits for: the root is not the one on record.
        self.root_wait: Wait | None = None

    def scan(self, settings: Settings) -> Iterator[NightId]:
        """Check every night once, yielding each, so that the caller keeps control in between.

        Afterwards ``cameras_wrote_at`` (unix seconds), ``unsettled`` (nights that will settle by
        themselves) and ``root_wait`` are up to date. An unknown root is not scanned.
        """
        root = settings.watch.root
        self.root_wait = self._judge_root()
        if self.root_wait is not None:
            return
        unsettled: set[NightId] = set()
        # One query for all finished nights; those that people may move are read again.
        done = {r.night: r for r in self._store.nights() if r.state.status is Status.DONE}
        for night in self._find_nights(root):
            record = done.get(night) or self._store.night(night) or self._discover(night)
            try:
                if self._look_at(record, settings):
                    unsettled.add(night)
                elif record.note_code in UNREAD_NOTES and not _is_filling(record):
                    self._note(record, None)
            except IllegalTransition:
                unsettled.add(night)  # a person was faster; the next scan sees the result
            except OSError as error:
                # One folder that cannot be read must not delay the others.
                _log.warning(
                    "night.unreadable", night=night.date, kind=night.kind.value, error=str(error)
                )
                self._note(record, wait_for_folder(error, root / night.folder))
            yield night
        self.unsettled = frozenset(unsettled)

    def _find_nights(self, root: Path) -> tuple[NightId, ...]:
        try:
            return find_nights(root)
        except OSError as error:
            # Nothing is known of any night before it can be listed again.
            self.root_wait = Wait(WaitCode.ROOT_UNKNOWN, wait_for_folder(error, root).text)
            _log.error("root.lost", error=self.root_wait.text)
            return ()

    def _judge_root(self) -> Wait | None:
        try:
            self._root.require()
        except RootUnknown as error:
            wait = Wait(WaitCode.ROOT_UNKNOWN, error.message)
            if wait != self.root_wait:
                _log.error("root.lost", error=error.message)
            return wait
        if self.root_wait is not None:
            _log.info("root.recognized")
        return None

    def _discover(self, night: NightId) -> NightRecord:
        record = self._store.discover(night, self._clock())
        failpoint("night_watcher.night.discovered")
        _log.info("night.discovered", night=night.date, kind=night.kind.value)
        return record

    def _look_at(self, record: NightRecord, settings: Settings) -> bool:
        """Check one night; return whether it is still to settle by itself."""
        rules = readiness_rules(settings)
        if is_ignored(record.night, rules):
            judged = judge_readiness(Observation(record), rules, self._clock())
            self._note(record, judged if isinstance(judged, Wait) else None)
            return False
        if record.state.status is Status.DONE:
            return self._look_at_finished(record, settings)
        return self._look_at_open(record, settings)

    def _look_at_finished(self, record: NightRecord, settings: Settings) -> bool:
        """Check a finished night; return whether late data have reopened it."""
        night, now = record.night, self._monotonic()
        times = stream_times(settings.watch.root / night.folder)
        # In the first round after a start it is unknown what happened meanwhile.
        due = self._deep_looks.get(night, float("-inf")) + settings.watch.deep_scan_every_s <= now
        if not due and self._stream_times.get(night) == times:
            return False
        self._deep_looks[night] = now
        self._stream_times[night] = times
        if self._send_back(record, self._look(night, settings)):
            return True
        if due and is_readable_again(night, self._reader):
            event = Event(EventName.REOPENED)
            self._apply(night, event, "a cube that was set aside unread can be read now")
            return True
        if due:
            self._note_faults(record)
        return False

    def _note_faults(self, record: NightRecord) -> None:
        """Note what is damaged or missing here; a night that is done has no other note."""
        faults = describe_own_faults(record.night, self._reader)
        if not faults:
            if record.note_code == WaitCode.DAMAGED_HERE:
                self._note(record, None)
            return
        date = record.night.date
        more = f" ({len(faults):,} such files)" if len(faults) > 1 else ""
        text = f"{faults[0]}{more}; `vampctl recover {date}` gets it back"
        if record.note != text:
            _log.error(
                "night.damaged", night=date, kind=record.night.kind.value, faults=len(faults)
            )
        self._note(record, Wait(WaitCode.DAMAGED_HERE, text))

    def _look_at_open(self, record: NightRecord, settings: Settings) -> bool:
        """Check an unfinished night; return whether it is still to settle by itself."""
        night, status = record.night, record.state.status
        if status is Status.HELD:
            return False
        seen = self._look(night, settings)
        if seen.bytes != record.bytes:
            self._store.update(night, NightUpdate(bytes=seen.bytes))
        if status is Status.FILLING:
            return self._look_at_filling(record, seen, settings)
        return self._send_back(record, seen)

    def _look(self, night: NightId, settings: Settings) -> NightListing:
        seen = list_night(settings.watch.root / night.folder)
        now = self._monotonic()
        still = self._still.get(night)
        self._still[night] = (
            still.after(seen.look, now) if still else Stillness(seen.look.signature, now)
        )
        # A clock that is ahead on the writing host must not pause us forever.
        self.cameras_wrote_at = max(self.cameras_wrote_at, min(seen.latest_s, self._clock()))
        return seen

    def _send_back(self, record: NightRecord, seen: NightListing) -> bool:
        """Whether a night has raw files that sync has not seen; then it fills again."""
        news = read_raw_news(record, seen, self._reader)
        if (removed := news.changes.removed_cubes) is not None:
            lost = removed > record.removed_cubes
            night = {"night": record.night.date, "kind": record.night.kind.value}
            if lost and not self._root.is_certain():
                # Nobody can know whether they are gone or on a disk that is not mounted.
                _log.error("night.raw_unlisted", **night, cubes=removed)
                return False
            self._store.update(record.night, news.changes)
            if lost:
                _log.warning("night.raw_removed", **night, cubes=removed)
        if news.event is None:
            return False
        self._apply(record.night, news.event, _NEW_DATA[news.event.name])
        return True

    def _look_at_filling(self, record: NightRecord, seen: NightListing, settings: Settings) -> bool:
        night = record.night
        judged, streams = judge_filling(
            Observation(record),
            readiness_rules(settings),
            self._clock(),
            root=settings.watch.root,
            listing=seen,
            still_s=self._still[night].lasted_s(self._monotonic()),
            check_cubes=lambda listing: self._check_cubes(night, settings, listing),
            reader=self._reader,
        )
        if streams.written:
            self._still[night] = Stillness(seen.look.signature, self._monotonic())
        if isinstance(judged, Ready):
            self._checks.pop(night, None)
            # Stored, so that the next daemon too sees what was written after this moment.
            self._store.update(night, NightUpdate(signature=seen.look.signature))
            self._apply(night, Event(EventName.SETTLED), judged.reason("quiet"))
            return False
        if judged.code is WaitCode.OLD_TOOLS:
            self._apply(night, Event(EventName.HELD), judged.text, code=judged.code.value)
            return False
        if not (self._watching is Watching.ONCE and judged.code is WaitCode.STILL_WRITTEN):
            self._note(record, judged)
        return judged.passes

    def _check_cubes(
        self, night: NightId, settings: Settings, seen: NightListing
    ) -> tuple[CubeCheck, ...]:
        """Check every cube; one whose file and timing file have not changed is not read again."""
        folder = settings.watch.root / night.folder
        stamps = {file.path: file for file in seen.files}
        known = self._checks.get(night, {})
        fresh: dict[_CubeStamps, CubeCheck] = {}
        for cube in cube_files(seen.files):
            key = (cube, stamps.get(timing_name(cube.path)))
            fresh[key] = known[key] if key in known else check_cube(folder, cube)
        self._checks[night] = {key: check for key, check in fresh.items() if check.is_certain}
        return tuple(fresh.values())

    def _note(self, record: NightRecord, wait: Wait | None) -> None:
        note = note_of(wait)
        if (record.note_code or "", record.note or "") != (note.note_code, note.note):
            self._store.update(record.night, note)

    def _apply(self, night: NightId, event: Event, why: str, code: str | None = None) -> None:
        self._store.apply(night, event, at=self._clock(), actor="vampd", code=code, message=why)
        failpoint("night_watcher.event.committed")
        level = _log.error if event.name is EventName.HELD else _log.info
        level(_LOGGED[event.name], night=night.date, kind=night.kind.value, why=why, code=code)


def _is_filling(record: NightRecord) -> bool:
    return record.state.status is Status.FILLING
