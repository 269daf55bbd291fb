"""What keeps the daemon from looking at one night: noted with that night alone, and said once."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from vampd.engine.nights.foreign_entries import describe_with_foreign
from vampd.engine.nights.night_listing import NightListing, Stranger
from vampd.engine.nights.observation import wait_for_folder
from vampd.engine.nights.presence import refuse_absent
from vampd.engine.nights.strays import describe_late_raw, describe_strays
from vampd.errors import DataError, IllegalTransition, NotPermitted, TransientError, VampdError
from vampd.log import get_log
from vampd.model.nights import (
    UNREAD_NOTES,
    Event,
    EventName,
    FileStamp,
    Kind,
    NightId,
    NightRecord,
    NightUpdate,
    Status,
    Wait,
    WaitCode,
    name_commands,
    note_of,
    write_frame_flow,
    write_sync_sums,
)
from vampd.model.sync import follow_frames, sum_sync
from vampd.ports import NightReader, NightStore
from vampd.stages.own_faults import describe_own_faults, describe_text_faults
from vampd.stages.records.foreign_cure import add_cure
from vampd.stages.records.manifest_files import read_manifests, sums_of
from vampd.stages.records.unmade import describe_unmade

_log = get_log()
# Whoever runs it concludes; what is done or held stays so.
_NOT_HELD = frozenset({Status.RUNNING, Status.DONE, Status.HELD})
NOTED = UNREAD_NOTES | {WaitCode.BUG}


class NightTrouble:
    """Remembers what was said of each night, for the journal."""

    def __init__(self, root: Path, store: NightStore, clock: Callable[[], float]) -> None:
        self._root = root
        self._store = store
        self._clock = clock
        self._said: dict[NightId, str] = {}
        self._strangers: frozenset[Stranger] = frozenset()
        self._folders: dict[NightId, frozenset[str]] = {}

    def report(self, night: NightId, error: Exception) -> None:
        """Looking at a night failed. TransientError, StoreError where not even that can be kept."""
        if isinstance(error, OSError | MemoryError | TransientError):
            # One folder that cannot be read must not delay the others.
            self._unlisted(night, error)
        else:
            self._failed(night, error)

    def _unlisted(self, night: NightId, error: Exception) -> None:
        """The world does not let us look: the night says so until it does."""
        if isinstance(error, OSError):
            wait = wait_for_folder(error, self._root / night.folder)
        elif isinstance(error, NotPermitted):
            wait = Wait(WaitCode.NOT_READABLE, error.message)
        else:
            words = error.message if isinstance(error, TransientError) else str(error)
            wait = Wait(WaitCode.UNLISTED, f"cannot be read: {words or type(error).__name__}")
        self._say(night, wait)

    def _say(self, night: NightId, wait: Wait) -> None:
        wait = replace(wait, text=name_commands(wait.text, night.date))
        if self._is_new(night, wait.text):
            _log.warning(
                "night.unreadable", night=night.date, kind=night.kind.value, error=wait.text
            )
        self._note(night, wait)

    def absent(self, record: NightRecord) -> None:
        """A night that is on record has no folder below the root."""
        folder = self._root / record.night.folder
        if record.bytes:
            text = f"{folder} is not there: is its disk mounted?"
            self._say(record.night, Wait(WaitCode.UNLISTED, text))
        elif record.state.status is Status.FILLING:
            # What was noted lay there, or kept us from seeing that nothing did.
            self._note(record.night, Wait(WaitCode.NO_CUBES, f"{folder} is not there any more"))

    def strangers(self, found: tuple[Stranger, ...]) -> None:
        """What lies where nights do and is none: left alone."""
        for stranger in set(found) - self._strangers:
            _log.warning("root.entry_refused", path=str(stranger.path), why=stranger.why)
        self._strangers = frozenset(found)

    def strays(self, night: NightId, seen: NightListing) -> None:
        """Folders in a night's streams, and raw beside them: not looked into at work on it."""
        before = self._folders.pop(night, frozenset())
        said = {"night": night.date, "kind": night.kind.value}
        for path in sorted(set(seen.folders) - before):
            _log.warning("night.folder_ignored", **said, path=path)
        # Once, however many are being copied there.
        beside = {"."} if seen.beside else set()
        if beside - before:
            _log.warning("night.raw_ignored", **said, path=seen.beside[0], files=len(seen.beside))
        if found := beside.union(seen.folders):
            self._folders[night] = frozenset(found)

    def _failed(self, night: NightId, error: Exception) -> None:
        """A bug, or data that cannot be believed: the night is held with it."""
        if isinstance(error, DataError) and error.code == "night_row_unreadable":
            return  # the store has said so, and nothing can be written there
        known = isinstance(error, VampdError)
        code = error.code if isinstance(error, VampdError) else "bug"
        why = error.message if isinstance(error, VampdError) else f"{type(error).__name__}: {error}"
        why = name_commands(why, night.date)
        trace = None if known else "".join(traceback.format_exception(error))
        if self._is_new(night, f"{code}: {why}"):
            night_of = {"night": night.date, "kind": night.kind.value}
            _log.error("night.held", **night_of, code=code, error=why, trace=trace)
        try:
            record = self._store.night(night)
            if record is None:
                return
            if record.state.status in _NOT_HELD:
                words = f"cannot be judged: {why}"
                # What lies there is no fault of vampd's.
                unlisted, bug = Wait(WaitCode.UNLISTED, words), Wait(WaitCode.BUG, words)
                self._note(night, unlisted if known else bug)
                return
            held = why
            if isinstance(error, VampdError):
                held = name_commands(add_cure(error, night, record.state.stage), night.date)
            self._store.apply(
                night,
                Event(EventName.HELD),
                at=self._clock(),
                actor="vampd",
                code=code,
                message=trace or held,
            )
        except IllegalTransition:
            return  # a person was faster; the next scan sees the result

    def is_over(self, record: NightRecord) -> None:
        """The night was looked at: what was noted of it no longer holds."""
        self._said.pop(record.night, None)
        if record.note_code in NOTED and record.state.status is not Status.FILLING:
            self._store.update(record.night, note_of(None))

    def keep_only(self, nights: Collection[NightId]) -> None:
        """Forget what was said of nights that are gone."""
        for night in self._said.keys() - nights:
            del self._said[night]
        for night in self._folders.keys() - nights:
            del self._folders[night]

    def _is_new(self, night: NightId, why: str) -> bool:
        is_new = self._said.get(night) != why
        self._said[night] = why
        return is_new

    def _note(self, night: NightId, wait: Wait) -> None:
        record = self._store.night(night)
        note = note_of(wait)
        if record is not None and (record.note_code, record.note) != (note.note_code, note.note):
            self._store.update(night, note)


def find_faults(
    record: NightRecord, reader: NightReader, raw: Sequence[FileStamp]
) -> tuple[str, ...]:
    """What is damaged or missing here of a finished night, one sentence each.

    ``raw`` are the files of its camera streams, as they have just been listed. The first says how
    many there are, and the cure. TransientError ``night_absent``.
    """
    refuse_absent(record, reader)
    night = record.night
    found, cure = describe_own_faults(night, reader), ""
    if found:
        cure = f"; `vampctl recover {night.date}` gets it back"
    else:
        looks = [
            partial(describe_unmade, night, reader),
            partial(describe_text_faults, night, reader),
            partial(describe_strays, night, reader, raw),
        ]
        if record.state.is_continued:
            looks.append(partial(describe_late_raw, night, raw))
        found = tuple(describe_with_foreign(night, *looks))
    more = f" ({len(found):,} such files)" if len(found) > 1 else ""
    return tuple(f"{fault}{more}{cure}" if fault == found[0] else fault for fault in found)


def record_manifests(record: NightRecord, reader: NightReader, store: NightStore) -> None:
    """Put on record which manifests a finished night has; earlier versions only counted them.

    By this, status knows what was mailed of those that lie there. DataError ``manifest_damaged``.
    """
    if record.manifest_sums is not None or record.night.kind is not Kind.ARCHIVE:
        return
    manifests = read_manifests(record.night, reader)
    update = NightUpdate(manifests=len(manifests), manifest_sums=sums_of(manifests))
    store.update(record.night, update)


def record_sync_sums(record: NightRecord, reader: NightReader, store: NightStore) -> None:
    """Put on record what sync made of a finished night; earlier versions did not keep it."""
    if record.sync_sums is not None and record.frame_flow is not None:
        return
    if generations := reader.generations(record.night):
        sums, flow = sum_sync(generations), follow_frames(generations)
        store.update(
            record.night,
            NightUpdate(sync_sums=write_sync_sums(sums), frame_flow=write_frame_flow(flow)),
        )


def note_faults(record: NightRecord, faults: Sequence[str], store: NightStore) -> None:
    """Note what is damaged or missing here; a night that is done has no other note."""
    if not faults:
        if record.note_code == WaitCode.DAMAGED_HERE:
            store.update(record.night, note_of(None))
        return
    text = faults[0]
    if record.note != text:
        night = {"night": record.night.date, "kind": record.night.kind.value}
        _log.error("night.damaged", **night, faults=len(faults))
        store.update(record.night, note_of(Wait(WaitCode.DAMAGED_HERE, text)))
