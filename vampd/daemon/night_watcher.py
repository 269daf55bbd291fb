"""From scans to events: nights are discovered, settle, stir, and are reopened by late data.

Correct with periodic scans alone; file system events only hasten one. A finished night is
checked only when a stream folder's own mtime changed, and slowly file by file. What goes wrong with
one night is that night's alone. Used by one thread. One class, however long: every step of a scan
reads and changes what was seen of a night before.
"""

from __future__ import annotations

import os
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from enum import StrEnum
from functools import partial
from heapq import nlargest
from itertools import islice
from pathlib import Path
from typing import TypeVar

from vampd.config import Settings
from vampd.daemon.cube_checking import CubeChecking
from vampd.daemon.discovery import Discoverer
from vampd.daemon.night_trouble import (
    NOTED,
    NightTrouble,
    find_faults,
    note_faults,
    record_manifests,
    record_sync_sums,
)
from vampd.daemon.patience import HANGS, Patience
from vampd.disk.failpoint import failpoint
from vampd.disk.machine import Mounts
from vampd.engine.nights.night_listing import (
    CubeCheck,
    NightListing,
    Stranger,
    ask_folder,
    find_nights,
    find_strangers,
    folder_of,
    list_night,
    stream_folders,
    stream_times,
)
from vampd.engine.nights.observation import (
    is_readable_again,
    judge_filling,
    read_raw_news,
    wait_for_folder,
)
from vampd.engine.nights.old_traces import read_old_logs
from vampd.engine.nights.rules import readiness_rules
from vampd.engine.root_guard import RootGuard
from vampd.errors import (
    ROOT_UNKNOWN,
    IllegalTransition,
    RootUnknown,
    StoreError,
    TransientError,
)
from vampd.log import get_log
from vampd.model.nights import (
    Event,
    EventName,
    Gate,
    Kind,
    NightId,
    NightRecord,
    NightUpdate,
    Observation,
    ReadinessRules,
    Ready,
    StageName,
    Status,
    StatusRow,
    Stillness,
    Wait,
    WaitCode,
    is_ignored,
    judge_readiness,
    note_of,
)
from vampd.ports import CheckedCubes, NightReader, NightStore

_log = get_log()
_Found = TypeVar("_Found")

_LOGGED = {
    EventName.HELD: "night.held",
    EventName.REOPENED: "night.reopened",
    EventName.RETIMED: "night.retimed",
    EventName.SETTLED: "night.settled",
    EventName.STIRRED: "night.stirred",
}

_IDLE = frozenset({Status.HELD, Status.DONE})
_NEW_DATA = {
    EventName.REOPENED: "late data",
    EventName.RETIMED: "raw files that sync had used have changed",
    EventName.STIRRED: "written to again",
}

# What hangs where their destination does.
_AT_THE_ARCHIVE = (StageName.FPACK, StageName.TRANSFER, StageName.MANIFEST)

# Where cameras may write: at the start that is looked at first.
_FRESH_S, _MOST_FRESH = 3600.0, 8
# To hand a look to its thread costs several times what the mtimes of a night's streams do.
_NIGHTS_A_LOOK = 100
# Of one scan: a deep look lists every product, and thousands of nights may be due at once.
_DEEP_LOOKS_S = 5.0


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
        checked: CheckedCubes,
        *,
        watching: Watching = Watching.ON,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        patience: Patience | None = None,
    ) -> None:
        self._store = store
        self._reader = reader
        self._root = root
        self._watching = watching
        self._clock = clock
        self._monotonic = monotonic
        # A night whose disk hangs delays no other.
        self._patience = patience or Patience(disk_of=partial(other_disk, root.path))
        self.checking = CubeChecking(
            root.path,
            checked,
            sign=self._sign,
            monotonic=monotonic,
            run=self._patience.run,
        )
        self._trouble = NightTrouble(root.path, store, clock)
        self._discoverer = Discoverer(root.path, store, clock, self._of, self._sign)
        # The nights on record, and the counter at which they were.
        self._records: tuple[int | None, tuple[NightRecord, ...]] = (None, ())
        self._still: dict[NightId, Stillness] = {}
        self._stream_times: dict[NightId, tuple[int, ...]] = {}
        self._deep_looks: dict[NightId, float] = {}
        # Nights with files of the future, of which a warning was given.
        self._misdated: set[NightId] = set()
        self._deep_looks_end_at = float("-inf")
        # The rows of the old tools' logs, as this scan has read them.
        self._old_rows: Mapping[NightId, StatusRow] | None = None
        # Nights that were looked at since the start, None for all: what is fresh, and all that came
        # before them, was too.
        self.looked_at: set[NightId] | None = set()
        self.cameras_wrote_at = float("-inf")
        self.unsettled: frozenset[NightId] = frozenset()
        # Whether deep looks were left to the next scan.
        self.is_behind = False
        # Nights that have work before them, or are held and may be written to.
        self.open_nights: tuple[NightId, ...] = ()
        # Nights whose disk does not answer, or their destination here while they are sent, and
        # since when, by ``monotonic``.
        self.silent: Mapping[NightId, float] = {}
        # The kinds of nights whose folder answers.
        self.kinds: tuple[Kind, ...] = tuple(Kind)
        # What is wrong with the folder of the others.
        self._silent_folder: TransientError | None = None
        # What every night waits for: the root is not the one on record.
        self.root_wait: Wait | None = None
        # The mtimes of the folders of nights before they were listed.
        self._folder_times: tuple[int | None, ...] = ()

    def scan(self, settings: Settings) -> Iterator[NightId]:
        """Check every night once, yielding each, so that the caller keeps control in between.

        Oldest first; those that are done come last, and in the first scan those whose streams have
        just changed come before all. Afterwards ``cameras_wrote_at`` (unix seconds), ``unsettled``
        (nights that will settle by themselves), ``open_nights`` and ``root_wait`` are up to date.
        An unknown root is not scanned.
        """
        # Before they are listed: what comes meanwhile is seen by the next look.
        self._folder_times = self._read_folder_times()
        nights = self._find_nights()
        if nights is None:
            return
        rules = readiness_rules(settings)
        # For finished nights; those that people may move are read again.
        records = self._read_records()
        known = {record.night: record for record in records}
        self._old_rows = None
        legacy = self._discoverer.discover(nights, known, rules, self.kinds)
        done = {r.night: r for r in records if r.state.status is Status.DONE}
        self.is_behind = False
        self._deep_looks_end_at = self._monotonic() + _DEEP_LOOKS_S
        strangers = find_strangers(settings.watch.root, self._stat, self.kinds)
        if self._silent_folder is not None:
            strangers += self._find_silent(records, rules, self._silent_folder)
        self._trouble.strangers(strangers)
        # Nights of a folder that cannot be listed just now are not gone.
        if not any(stranger.is_listless for stranger in strangers):
            present = frozenset(nights)
            self._forget_all_but(present)
            self._trouble.keep_only(known)
            for record in records:
                if record.night not in present and not _is_passed_over(record, rules):
                    self._trouble.absent(record)
        in_order = [night for night in nights if night not in legacy]
        in_order.sort(key=done.__contains__)
        fresh = self._find_fresh(in_order, rules)
        yield from self._look_at_each(in_order, fresh, records, done, settings)
        self.looked_at = None

    def scan_open(self, settings: Settings) -> Iterator[NightId]:
        """Check the ``open_nights`` again, as `scan` does all.

        All are where nights have come or gone, or no open one was written to since: cameras may
        write to another one now.
        """
        if self.looked_at is not None or self._read_folder_times() != self._folder_times:
            yield from self.scan(settings)
            return
        self._old_rows = None
        records = [record for night in self.open_nights if (record := self._store.night(night))]
        wrote_at = self.cameras_wrote_at
        yield from self._look_at_each(self.open_nights, frozenset(), records, {}, settings)
        if self.cameras_wrote_at <= wrote_at:
            yield from self.scan(settings)

    def _look_at_each(
        self,
        in_order: Sequence[NightId],
        fresh: frozenset[NightId],
        records: Sequence[NightRecord],
        done: Mapping[NightId, NightRecord],
        settings: Settings,
    ) -> Iterator[NightId]:
        """Check these nights, the fresh ones first, of which those are done, yielding each."""
        rules = readiness_rules(settings)
        unsettled: set[NightId] = set()
        open_nights: list[NightId] = []
        away = {record.night for record in self._find_silent_destinations(records, settings)}
        times = self._read_stream_times(
            night for night in in_order if night in done and not is_ignored(night, rules)
        )
        seen: set[NightId] = set()
        unpassed = deque(in_order)
        for night in sorted(in_order, key=lambda night: night not in fresh):
            hangs = night in away
            try:
                record = done.get(night) or self._store.discover(night, self._clock())
                is_open = record.state.status not in _IDLE or self._is_written_held(record)
                is_open &= not is_ignored(night, rules)
                if is_open:
                    open_nights.append(night)
                if self._look_at(record, settings, times.get(night)):
                    unsettled.add(night)
                    # Late data have reopened it.
                    open_nights += () if is_open else (night,)
                else:
                    self._trouble.is_over(record)
            except IllegalTransition:
                unsettled.add(night)  # a person was faster; the next scan sees the result
            except StoreError:
                raise
            except Exception as error:  # noqa: BLE001 - a bug in one night's look is that night's
                hangs |= isinstance(error, TransientError) and error.code == HANGS
                self._trouble.report(night, error)
            self._note_silence(night, hangs=hangs)
            self._sign()
            seen.add(night)
            while self.looked_at is not None and fresh <= seen and unpassed and unpassed[0] in seen:
                self.looked_at.add(unpassed.popleft())
            yield night
        self.unsettled = frozenset(unsettled)
        # To watch one that hangs would hang as well.
        self.open_nights = tuple(night for night in open_nights if night not in self.silent)

    def _read_folder_times(self) -> tuple[int | None, ...]:
        """The mtimes of the folders that hold nights: they change when nights come and go."""

        def read(folder: Path) -> int | None:
            try:
                return self._stat(folder).st_mtime_ns
            except (OSError, TransientError):
                return None

        return tuple(read(folder_of(self._root.path, kind)) for kind in Kind)

    @property
    def signs(self) -> int:
        """Rises with each file that was looked at: that looking goes on."""
        return self._patience.signs

    def close(self) -> None:
        """Look no more."""
        self._patience.close()

    def _sign(self) -> None:
        self._patience.sign()

    def _of(self, night: NightId, look: Callable[[], _Found]) -> _Found:
        """What a look at this night finds; TransientError ``disk_hangs``."""
        return self._patience.run(self._root.path / night.folder, look)

    def _read_records(self) -> tuple[NightRecord, ...]:
        """All nights on record, which are read again if anything was committed."""
        counter = self._store.change_counter()
        if counter != self._records[0]:
            self._records = (counter, self._store.nights())
        return self._records[1]

    def _read_stream_times(self, nights: Iterable[NightId]) -> dict[NightId, tuple[int, ...]]:
        """The mtimes of these nights' streams.

        Without those that cannot be read, or are asked for together with one whose disk is silent:
        each of them is then asked for by itself.
        """

        def read(some: Iterable[NightId]) -> dict[NightId, tuple[int, ...]]:
            found = {}
            for night in some:
                with suppress(OSError):
                    found[night] = stream_times(self._root.path / night.folder)
                self._sign()
            return found

        found: dict[NightId, tuple[int, ...]] = {}
        rest = iter(nights)
        while some := tuple(islice(rest, _NIGHTS_A_LOOK)):
            with suppress(TransientError):
                found |= self._patience.run(self._root.path, partial(read, some))
        return found

    def _find_nights(self) -> tuple[NightId, ...] | None:
        """The nights below the root, None if it is not the one on record or cannot be listed."""
        try:
            self._root.require()
            self._ask_archive_nights()
            nights = find_nights(self._root.path, self._stat, self.kinds)
        except (RootUnknown, OSError) as error:
            text = (
                error.message
                if isinstance(error, RootUnknown)
                else wait_for_folder(error, self._root.path).text
            )
            wait = Wait(WaitCode.ROOT_UNKNOWN, text)
            if wait != self.root_wait:
                _log.error("root.lost", code=ROOT_UNKNOWN, error=text)
            self.root_wait = wait
            return None
        if self.root_wait is not None:
            _log.info("root.recognized")
        self.root_wait = None
        return nights

    def _ask_archive_nights(self) -> None:
        """Find out which ``kinds`` have a folder that answers: it may be a disk of its own."""
        folder = folder_of(self._root.path, Kind.ARCHIVE)
        self.kinds, self._silent_folder = tuple(Kind), None
        try:
            self._patience.run(folder, partial(ask_folder, folder))
        except TransientError as error:
            if error.code == HANGS:
                self.kinds, self._silent_folder = (Kind.ENGINEERING,), error

    def _find_silent(
        self, records: Iterable[NightRecord], rules: ReadinessRules, silence: TransientError
    ) -> tuple[Stranger, ...]:
        """The folder that does not answer, whose open nights are said to be as silent."""
        for record in records:
            is_over = record.state.status is Status.DONE or _is_passed_over(record, rules)
            if record.night.kind not in self.kinds and not is_over:
                self._note_silence(record.night, hangs=True)
                self._trouble.report(record.night, silence)
        folder = folder_of(self._root.path, Kind.ARCHIVE)
        return (Stranger(folder, f"cannot be listed: {silence.message}", is_listless=True),)

    def _find_silent_destinations(
        self, records: Iterable[NightRecord], settings: Settings
    ) -> Sequence[NightRecord]:
        """The nights at work whose destination is a folder here that does not answer."""
        at_work: dict[Path, list[NightRecord]] = defaultdict(list)
        for record in records:
            place = settings.transfer.destination(record.night.kind)
            sends = record.state.stage in _AT_THE_ARCHIVE
            if sends and record.state.status is Status.RUNNING and place.host is None:
                at_work[place.path].append(record)
        away: list[NightRecord] = []
        for path, concerned in at_work.items():
            try:
                self._stat(path)
            except TransientError as error:
                away += concerned if error.code == HANGS else ()
            except OSError:
                continue  # its stage says what is wrong there
        return away

    def _note_silence(self, night: NightId, *, hangs: bool) -> None:
        """Keep since when this night's disk has been silent, or that it answers."""
        if hangs is not (night in self.silent):
            others = {each: since for each, since in self.silent.items() if each != night}
            self.silent = others | {night: self._monotonic()} if hangs else others

    def _find_fresh(self, nights: Iterable[NightId], rules: ReadinessRules) -> frozenset[NightId]:
        """In the first scan, the nights to which cameras may be writing now: a few at most."""
        changed: dict[NightId, float] = {}
        for night in nights if self.looked_at is not None else ():
            if is_ignored(night, rules):
                continue
            changed_s = self._changed_s(night)
            if abs(self._clock() - changed_s) < _FRESH_S:
                changed[night] = changed_s
            self._sign()
        return frozenset(nlargest(_MOST_FRESH, changed, key=changed.__getitem__))

    def _changed_s(self, night: NightId) -> float:
        """When names in its streams changed last, unix seconds; long ago if that cannot be seen."""
        # It says so in its turn.
        with suppress(OSError, TransientError):
            folder = self._root.path / night.folder
            return max(self._of(night, partial(stream_times, folder))) / 1e9
        return float("-inf")

    def _stat(self, path: Path) -> os.stat_result:
        return self._patience.run(path, lambda: os.stat(path))

    def _forget_all_but(self, nights: frozenset[NightId]) -> None:
        for seen in (self._still, self._stream_times, self._deep_looks):
            for night in seen.keys() - nights:
                del seen[night]
        self.checking.keep_only(nights)
        self.silent = {night: since for night, since in self.silent.items() if night in nights}

    def _look_at(
        self, record: NightRecord, settings: Settings, times: tuple[int, ...] | None
    ) -> bool:
        """Check one night; return whether it is still to settle by itself.

        ``times`` are the mtimes of its streams, if they are known.
        """
        rules = readiness_rules(settings)
        if is_ignored(record.night, rules):
            judged = judge_readiness(Observation(record), rules, self._clock())
            self._note(record, judged if isinstance(judged, Wait) else None)
            return False
        if record.note_code == WaitCode.IGNORED and record.state.status in _IDLE:
            self._note(record, None)
        if record.state.status is Status.DONE:
            return self._look_at_finished(record, settings, times)
        return self._look_at_open(record, settings)

    def _look_at_finished(
        self, record: NightRecord, settings: Settings, times: tuple[int, ...] | None
    ) -> bool:
        """Check a finished night; return whether late data have reopened it."""
        night, now = record.night, self._monotonic()
        if times is None:
            times = self._of(night, lambda: stream_times(settings.watch.root / night.folder))
        # In the first round after a start it is unknown what happened meanwhile.
        due = self._deep_looks.get(night, float("-inf")) + settings.watch.deep_scan_every_s <= now
        if due and now >= self._deep_looks_end_at:
            self.is_behind, due = True, False
        # What could not be read is looked for until it can be: a lighter look knows nothing of it.
        due = due or record.note_code in NOTED
        if not due and self._stream_times.get(night, times) == times:
            return False
        self._deep_looks[night] = now
        self._stream_times[night] = times
        seen = self._look(night, settings)
        if self._send_back(record, seen):
            return True
        if not due:
            return False
        faults = self._of(night, lambda: find_faults(record, self._reader, seen.files))
        note_faults(record, faults, self._store)
        if not faults:
            self._of(night, lambda: record_manifests(record, self._reader, self._store))
            self._of(night, lambda: record_sync_sums(record, self._reader, self._store))
        if not faults and self._of(
            night, lambda: is_readable_again(night, self._reader, seen.files, self._sign)
        ):
            event = Event(EventName.REOPENED)
            self._apply(night, event, "a cube that was set aside unread can be read now")
            return True
        return False

    def _look_at_open(self, record: NightRecord, settings: Settings) -> bool:
        """Check an unfinished night; return whether it is still to settle by itself."""
        night, status = record.night, record.state.status
        if status is Status.HELD and not self._is_written_held(record):
            return False
        seen = self._look(night, settings)
        if status is Status.HELD:
            return False
        if seen.bytes != record.bytes:
            self._store.update(night, NightUpdate(bytes=seen.bytes))
        if status is Status.FILLING:
            return self._look_at_filling(record, seen, settings)
        return self._send_back(record, seen)

    def _is_written_held(self, record: NightRecord) -> bool:
        """Whether cameras may be writing to a night that waits for a person."""
        is_held = record.state.status is Status.HELD
        return is_held and abs(self._clock() - self._changed_s(record.night)) < _FRESH_S

    def _look(self, night: NightId, settings: Settings) -> NightListing:
        folder = settings.watch.root / night.folder
        seen = self._of(night, lambda: list_night(folder, self._sign))
        self._trouble.strays(night, seen)
        now = self._monotonic()
        still = self._still.get(night)
        self._still[night] = (
            still.after(seen.look, now) if still else Stillness(seen.look.signature, now)
        )
        self._note_writing(night, seen, changed=still is not None and self._still[night] != still)
        return seen

    def _note_writing(self, night: NightId, seen: NightListing, *, changed: bool) -> None:
        """When cameras last wrote: by the files' times, or seen where those are of the future."""
        now = self._clock()
        wrote_at = seen.written_at(now)
        if seen.is_of_future(now):
            if night not in self._misdated:
                self._misdated.add(night)
                _log.warning("night.misdated", night=night.date, kind=night.kind.value)
            if changed:
                wrote_at = now
        # The clock may have been set back since.
        self.cameras_wrote_at = max(min(self.cameras_wrote_at, now), wrote_at)

    def _send_back(self, record: NightRecord, seen: NightListing) -> bool:
        """Whether a night has raw files that sync has not seen; then it fills again."""
        news = self._of(record.night, lambda: read_raw_news(record, seen, self._reader))
        if (removed := news.changes.removed_cubes) is not None:
            lost = removed > record.removed_cubes
            night = {"night": record.night.date, "kind": record.night.kind.value}
            if lost and not self._root.is_certain():
                # No one can know whether they are gone or on a disk that is not mounted.
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
        if self._old_rows is None:
            self._old_rows = self._of(night, lambda: read_old_logs(self._root.path, self.kinds))
        old_rows = self._old_rows
        judged, streams = self._of(
            night,
            lambda: judge_filling(
                Observation(record),
                readiness_rules(settings),
                self._clock(),
                root=settings.watch.root,
                listing=seen,
                still_s=self._still[night].lasted_s(self._monotonic()),
                check_cubes=lambda listing: self._checks(night, listing),
                reader=self._reader,
                old_rows=old_rows,
            ),
        )
        if streams.written:
            self._still[night] = Stillness(seen.look.signature, self._monotonic())
        if isinstance(judged, Ready):
            # Stored, so that the next daemon too sees what was written after this moment.
            self._store.update(night, NightUpdate(signature=seen.look.signature))
            self._apply(night, Event(EventName.SETTLED), judged.reason("quiet"))
            self.checking.forget(night)
            return False
        if judged.code is WaitCode.OLD_TOOLS:
            self.checking.forget(night)
            is_new = record.signature is None and Gate.OLD_TOOLS not in record.released
            if is_new and self._discoverer.recognize(night, judged.subjects):
                return False
            self._apply(night, Event(EventName.HELD), judged.text, code=judged.code.value)
            return False
        if not (self._watching is Watching.ONCE and judged.code is WaitCode.STILL_WRITTEN):
            self._note(record, judged)
        return judged.passes

    def _checks(self, night: NightId, listing: NightListing) -> tuple[CubeCheck, ...]:
        self._sign()
        return self.checking.checks(night, listing.files)

    def _note(self, record: NightRecord, wait: Wait | None) -> None:
        note = note_of(wait)
        if (record.note_code or "", record.note or "") != (note.note_code, note.note):
            self._store.update(record.night, note)

    def _apply(self, night: NightId, event: Event, why: str, code: str | None = None) -> None:
        self._store.apply(night, event, at=self._clock(), actor="vampd", code=code, message=why)
        failpoint("night_watcher.event.committed")
        level = _log.error if event.name is EventName.HELD else _log.info
        level(_LOGGED[event.name], night=night.date, kind=night.kind.value, why=why, code=code)


def other_disk(root: Path, folder: Path) -> str | None:
    """The mount point of the one disk, beside the root's, that a night's folder or streams lie on.

    None if there are none, or several: no one can know which of them is silent.
    """
    mounts = Mounts(root)
    found = {mounts.crossed(path) for path in (folder, *stream_folders(folder))} - {None}
    return found.pop() if len(found) == 1 else None


def _is_passed_over(record: NightRecord, rules: ReadinessRules) -> bool:
    return record.state.status is Status.LEGACY or is_ignored(record.night, rules)
