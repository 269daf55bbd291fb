"""Fakes of the store's ports that live in memory; tests/contract holds them to the same laws."""

import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from threading import RLock

from vampd.errors import FrameIdConflict
from vampd.model.accounts import Adoption, OldCopy
from vampd.model.cubes import ChangedRaw
from vampd.model.frame_ids import BoundId, FrameId, LedgerListing, ListedId, judge_grant
from vampd.model.nights import (
    CheckedCube,
    Discovery,
    Event,
    EventRecord,
    NightId,
    NightRecord,
    NightUpdate,
    State,
    UnreadableNight,
    discovered,
    ends_proofs,
    moved,
    noted,
    refuse_stale_claim,
    unknown_night,
)
from vampd.model.proofs import (
    PackingReceipt,
    Place,
    PurgedFile,
    Receipt,
    RecordedReceipt,
    live_receipts,
    own_receipts,
    refuse_other_receipt,
    refuse_renewal,
)
from vampd.ports import FrameIdAuthority


class MemoryNights:
    """ports.NightStore."""

    def __init__(self) -> None:
        self._lock = RLock()
        self._nights: dict[NightId, NightRecord] = {}
        self._history: list[EventRecord] = []
        self._changes = 0
        # Who forgets proofs when a person sends a night back.
        self.keepers: list[MemoryReceipts] = []

    def nights(self) -> tuple[NightRecord, ...]:
        with self._lock:
            return tuple(self._nights[night] for night in sorted(self._nights))

    def unreadable_nights(self) -> tuple[UnreadableNight, ...]:
        return ()

    def night(self, night: NightId) -> NightRecord | None:
        with self._lock:
            return self._nights.get(night)

    def discover(self, night: NightId, at: float) -> NightRecord:
        with self._lock:
            if night not in self._nights:
                self._keep(NightRecord(night, State(), discovered_at=at, changed_at=at))
            return self._nights[night]

    def discover_all(self, found: Sequence[Discovery], at: float, actor: str) -> frozenset[NightId]:
        changed = set()
        with self._lock:
            for each in found:
                before = self._nights.get(each.night)
                after, lines = discovered(before, each, at=at, actor=actor)
                if after != before:
                    changed.add(each.night)
                    self._keep(after)
                self._history += lines
        return frozenset(changed)

    def apply(
        self,
        night: NightId,
        event: Event,
        *,
        at: float,
        actor: str,
        claim: int | None = None,
        code: str | None = None,
        message: str | None = None,
    ) -> NightRecord:
        with self._lock:
            before = self._get(night)
            refuse_stale_claim(before, claim)
            after = moved(before, event, at=at, code=code, message=message)
            line = noted(before, after, event, at=at, actor=actor, code=code, message=message)
            self._history.append(line)
            self._keep(after)
            if ends_proofs(event):
                for keeper in self.keepers:
                    keeper.end_proofs(night, tuple(keeper.of(night, Place.ARCHIVE)))
            return after

    def update(self, night: NightId, changes: NightUpdate, *, claim: int | None = None) -> None:
        known = changes.known
        with self._lock:
            if known:
                refuse_stale_claim(self._get(night), claim)
                self._keep(replace(self._get(night), **known))

    def history(self, night: NightId) -> tuple[EventRecord, ...]:
        with self._lock:
            return tuple(line for line in self._history if line.night == night)

    def change_counter(self) -> int:
        with self._lock:
            return self._changes

    def _get(self, night: NightId) -> NightRecord:
        if night not in self._nights:
            raise unknown_night(night)
        return self._nights[night]

    def _keep(self, record: NightRecord) -> None:
        self._nights[record.night] = record
        self._changes += 1


class MemoryReceipts:
    """ports.Receipts; like the real ones, only for nights that were discovered."""

    def __init__(self, nights: MemoryNights) -> None:
        self._nights = nights
        self._lock = RLock()
        self._receipts: dict[tuple[NightId, Place, str], Receipt] = {}
        nights.keepers.append(self)

    def keep(self, night: NightId, receipts: Iterable[Receipt]) -> None:
        with self._lock:
            for receipt in receipts:
                if self._nights.night(night) is None:
                    raise unknown_night(night)
                key = night, receipt.place, receipt.path
                known = self._receipts.get(key)
                if known is None or receipt.at >= known.at or known.at > time.time():
                    self._receipts[key] = receipt

    def of(self, night: NightId, place: Place) -> Mapping[str, Receipt]:
        with self._lock:
            return {
                path: receipt
                for (owner, where, path), receipt in sorted(
                    self._receipts.items(), key=lambda item: item[0][2]
                )
                if owner == night and where is place
            }

    def end_proofs(self, night: NightId, paths: Sequence[str]) -> None:
        with self._lock:
            for path, receipt in self.of(night, Place.ARCHIVE).items():
                if path in paths:
                    key = night, Place.ARCHIVE, path
                    self._receipts[key] = replace(receipt, has_ended=True)

    def forget(self, night: NightId) -> None:
        with self._lock:
            if self._nights.night(night) is None:
                raise unknown_night(night)
            self.end_proofs(night, list(self.of(night, Place.ARCHIVE)))
            for path in self.of(night, Place.HERE):
                del self._receipts[night, Place.HERE, path]


class MemoryPackingReceipts:
    """ports.PackingReceipts; like the real ones, only for nights that were discovered."""

    def __init__(self, nights: MemoryNights) -> None:
        self._nights = nights
        self._lock = RLock()
        self._recorded: dict[NightId, list[RecordedReceipt]] = {}

    def record(self, night: NightId, receipts: Iterable[PackingReceipt], *, at: float) -> None:
        with self._lock:
            recorded = [*self._of(night)]
            for receipt in receipts:
                known = live_receipts(recorded).get(receipt.path)
                refuse_other_receipt(known, receipt)
                if known is None:
                    recorded.append(RecordedReceipt(receipt, at))
            self._recorded[night] = recorded

    def of(self, night: NightId) -> tuple[RecordedReceipt, ...]:
        with self._lock:
            return tuple(self._recorded.get(night, ()))

    def renew(
        self, night: NightId, receipts: Iterable[PackingReceipt], *, at: float, actor: str
    ) -> None:
        with self._lock:
            recorded = [*self._of(night)]
            for receipt in receipts:
                known = live_receipts(recorded).get(receipt.path)
                refuse_renewal(known, receipt)
                if known != receipt:
                    recorded = _ended(recorded, {receipt.path}, at, actor)
                    recorded.append(RecordedReceipt(receipt, at))
            self._recorded[night] = recorded

    def end(
        self, night: NightId, *, at: float, actor: str, paths: Collection[str] | None = None
    ) -> None:
        with self._lock:
            recorded = self._of(night)
            live = live_receipts(recorded)
            ended = own_receipts(live).keys() if paths is None else live.keys() & set(paths)
            self._recorded[night] = _ended(recorded, ended, at, actor)

    def _of(self, night: NightId) -> list[RecordedReceipt]:
        if self._nights.night(night) is None:
            raise unknown_night(night)
        return self._recorded.setdefault(night, [])


def _ended(
    recorded: Iterable[RecordedReceipt], paths: Collection[str], at: float, actor: str
) -> list[RecordedReceipt]:
    return [
        replace(each, ended_at=at, ended_by=actor)
        if each.ended_at is None and each.receipt.path in paths
        else each
        for each in recorded
    ]


class MemoryPurgedFiles:
    """ports.PurgedFiles; like the real ones, only for nights that were discovered."""

    def __init__(self, nights: MemoryNights) -> None:
        self._nights = nights
        self._lock = RLock()
        self._purged: dict[NightId, list[PurgedFile]] = {}

    def record(self, night: NightId, files: Iterable[PurgedFile]) -> None:
        with self._lock:
            if self._nights.night(night) is None:
                raise unknown_night(night)
            known = self._purged.setdefault(night, [])
            for new in files:
                if all((each.file, each.sha256) != (new.file, new.sha256) for each in known):
                    known.append(new)

    def of(self, night: NightId) -> tuple[PurgedFile, ...]:
        with self._lock:
            return tuple(self._purged.get(night, ()))


class MemoryChangedRaw:
    """ports.ChangedRawFiles; like the real ones, only for nights that were discovered."""

    def __init__(self, nights: MemoryNights) -> None:
        self._nights = nights
        self._lock = RLock()
        self._changed: dict[NightId, dict[str, ChangedRaw]] = {}

    def of(self, night: NightId) -> tuple[ChangedRaw, ...]:
        with self._lock:
            changed = self._changed.get(night, {})
            return tuple(changed[path] for path in sorted(changed))

    def keep(self, night: NightId, files: Iterable[ChangedRaw], *, at: float) -> None:
        with self._lock:
            if self._nights.night(night) is None:
                raise unknown_night(night)
            self._changed.setdefault(night, {}).update({each.path: each for each in files})


class MemoryCheckedCubes:
    """ports.CheckedCubes; like the real ones, only for nights that were discovered."""

    def __init__(self, nights: MemoryNights) -> None:
        self._nights = nights
        self._lock = RLock()
        self._checked: dict[NightId, dict[str, CheckedCube]] = {}

    def of(self, night: NightId) -> tuple[CheckedCube, ...]:
        with self._lock:
            checked = self._checked.get(night, {})
            return tuple(checked[path] for path in sorted(checked))

    def keep(self, night: NightId, cubes: Iterable[CheckedCube]) -> None:
        with self._lock:
            if self._nights.night(night) is None:
                raise unknown_night(night)
            self._checked.setdefault(night, {}).update({cube.fits.path: cube for cube in cubes})

    def forget(self, night: NightId) -> None:
        with self._lock:
            if self._nights.night(night) is None:
                raise unknown_night(night)
            self._checked.pop(night, None)


class MemoryLedger:
    """ports.Ledger; it cannot crash, so it has no memory of requests."""

    def __init__(self) -> None:
        self._lock = RLock()
        self._bound: dict[NightId, dict[str, BoundId]] = {}
        self._granted: set[FrameId] = set()
        self._foreign: dict[NightId, set[FrameId]] = {}

    def reserve(
        self, night: NightId, identities: Sequence[str], authority: FrameIdAuthority
    ) -> None:
        if len(set(identities)) != len(identities):
            raise ValueError("an identity may be requested only once")
        with self._lock:
            of_night = self._bound.setdefault(night, {})
            missing = [identity for identity in identities if identity not in of_night]
            if not missing:
                return
            authority.strays()
            floor = max((i for i in self._granted if i.numbers is authority.numbers), default=None)
            answer = authority.grant(len(missing), floor)
            verdict = judge_grant(
                answer,
                len(missing),
                numbers=authority.numbers,
                floor=floor,
                known=self._granted,
            )
            if verdict.problem is not None:
                raise FrameIdConflict("grant_refused", verdict.problem)
            granted = verdict.ids
            self._granted.update(granted)
            for identity, frame_id in zip(missing, granted, strict=True):
                of_night[identity] = BoundId(identity, frame_id, applied=False)

    def record_foreign(
        self, night: NightId, frame_ids: Collection[FrameId], why: str
    ) -> tuple[FrameId, ...]:
        with self._lock:
            new = sorted(set(frame_ids) - self._granted)
            self._granted.update(new)
            self._foreign.setdefault(night, set()).update(new)
        return tuple(new)

    def foreign(self, night: NightId) -> tuple[FrameId, ...]:
        return tuple(sorted(self._foreign.get(night, ())))

    def reconcile(self) -> None:
        """There is no file."""

    def bound(self, night: NightId) -> Mapping[str, BoundId]:
        with self._lock:
            return dict(self._bound.get(night, {}))

    def listing(self) -> LedgerListing:
        with self._lock:
            listed = [
                ListedId(each.frame_id, 1, night, each.identity, each.applied)
                for night, of_night in self._bound.items()
                for each in of_night.values()
            ]
        return LedgerListing((), tuple(sorted(listed, key=lambda each: each.frame_id)))

    def mark_applied(self, night: NightId, frame_ids: Sequence[FrameId]) -> None:
        with self._lock:
            of_night = self._bound.get(night, {})
            owners = {bound.frame_id: bound for bound in of_night.values()}
            for frame_id in frame_ids:
                if frame_id not in owners:
                    raise FrameIdConflict("frame_id_unbound", f"{frame_id} is not of {night}")
            for frame_id in frame_ids:
                identity = owners[frame_id].identity
                of_night[identity] = replace(of_night[identity], applied=True)


class MemoryAdoptions:
    """ports.Adoptions."""

    def __init__(self) -> None:
        self._nights: dict[NightId, Adoption] = {}

    def keep(self, adoptions: Sequence[Adoption], at: float, actor: str) -> None:
        for one in adoptions:
            before = self._nights.get(one.night)
            self._nights[one.night] = replace(one, copy=before.copy if before else None)

    def keep_copy(self, night: NightId, copy: OldCopy) -> None:
        self._nights[night] = replace(self._nights[night], copy=copy)

    def all(self) -> tuple[Adoption, ...]:
        return tuple(self._nights[night] for night in sorted(self._nights))
